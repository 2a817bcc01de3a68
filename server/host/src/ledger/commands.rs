//! Commands of the model in the record: which files one may change is written before it runs, what became of them
//! after it.
//!
//! A command says nothing of what it does, so its files are compared with the texts that were kept. Each difference
//! is then an edit like any other. If the process ends in between, the next look does the same.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::{Connection, Transaction, params};

use super::{
    blobs, journal, raw,
    store::{self, NewEdit, OpenEdit},
};
use crate::{fs, workspace::journal::Watched};

/// Larger files are not recorded.
const MAX_FILE: u64 = raw::MAX_BYTES;
/// Bytes of what is no text that are kept of what one command made; of more, only that it was made.
const MAX_MADE: u64 = 32 << 20;
/// The word of the table for a file that a command may change.
pub(super) const KIND: &str = "command";

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Now {
    /// It is not there.
    Gone,
    /// It has this text.
    Text(String),
    /// It is no text.
    Raw(Vec<u8>),
    /// It is too large, or no regular file.
    Other,
}

impl Now {
    /// Its text, or the line that stands for it; nothing if there is no file that can be recorded.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(text.into()),
            Self::Raw(bytes) => Some(raw::Raw::of(bytes).line().into()),
            Self::Gone | Self::Other => None,
        }
    }
}

/// What a command did to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Done {
    Rename { from: PathBuf, to: PathBuf, text: String },
    Delete(PathBuf, String),
    Change(PathBuf, String, String),
    Create(PathBuf, String),
}

/// Writes which files a command may change; gives the number of the record.
pub(super) fn begin(
    db: &Transaction<'_>,
    like: &NewEdit<'_>,
    files: &[(String, &Watched)],
) -> rusqlite::Result<i64> {
    let mut group = None;
    for (root, it) in files {
        let path = store::path_text(&it.path);
        let from = it.from.as_deref().map(store::path_text);
        let before = it.before.as_deref();
        if let Some(bytes) = &it.bytes {
            blobs::put_raw(db, bytes, true)?;
        }
        let edit = NewEdit { root, path: &path, from: from.as_deref(), kind: KIND, before, ..*like };
        let id = store::insert_edit(db, edit)?;
        let group = *group.get_or_insert(id);
        db.prepare_cached("UPDATE edits SET reason = ?2 WHERE id = ?1")?
            .execute(params![id, group.to_string()])?;
    }
    Ok(group.unwrap_or_default())
}

/// The files of one record.
pub(super) fn open(db: &Connection, group: i64) -> rusqlite::Result<Vec<OpenEdit>> {
    let mut statement = db.prepare_cached(
        "SELECT id FROM edits WHERE state = 'begun' AND kind = 'command' AND reason = ?1 ORDER BY id",
    )?;
    let ids = statement
        .query_map([group.to_string()], |row| row.get::<_, i64>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    let edits = ids.into_iter().map(|id| store::open_edit(db, id)).collect::<Result<Vec<_>, _>>()?;
    Ok(edits.into_iter().flatten().collect())
}

/// Ends a record: the differences become edits. Files in `leave` are not looked at. Gives the files that changed.
pub(super) fn end(
    db: &Transaction<'_>,
    group: i64,
    now: impl Fn(&Path) -> Now,
    leave: &HashSet<PathBuf>,
) -> rusqlite::Result<Vec<PathBuf>> {
    let rows = open(db, group)?;
    let mut files = Vec::new();
    let mut left = MAX_MADE;
    for row in &rows {
        let path = PathBuf::from(&row.path);
        if leave.contains(&path) {
            continue;
        }
        // What another edit made of it meanwhile is that one's.
        let before = match edited_since(db, row)? {
            true => store::load(db, &row.path)?.state.text,
            false => row.before.clone(),
        };
        let is = match now(&path) {
            Now::Raw(bytes) => {
                let keep = left.checked_sub(bytes.len() as u64);
                left = keep.unwrap_or(left);
                Now::Text(blobs::put_raw(db, &bytes, keep.is_some())?.line())
            }
            other => other,
        };
        let from = row.from.as_ref().map(PathBuf::from);
        files.push((Watched { path, from, before: before.map(Into::into), bytes: None }, is));
    }
    let mut changed = Vec::new();
    for it in differences(files) {
        let (kind, path, from, before, after) = match &it {
            Done::Rename { from, to, text } => ("rename", to, Some(from), Some(text), Some(text)),
            Done::Delete(path, text) => ("delete", path, None, Some(text), None),
            Done::Change(path, before, after) => ("change", path, None, Some(before), Some(after)),
            Done::Create(path, text) => ("create", path, None, None, Some(text)),
        };
        let (before, after) = (before.map(String::as_str), after.map(String::as_str));
        let key = store::path_text(path);
        let Some(row) = rows.iter().find(|it| it.path == key) else { continue };
        let edit = OpenEdit {
            path: key,
            from: from.map(|it| store::path_text(it)),
            before: None,
            after: None,
            creates: kind == "create",
            buffer: false,
            command: false,
            ..row.clone()
        };
        let id = insert_like(db, row.id, kind, &edit, before, after)?;
        journal::complete(db, &OpenEdit { id, ..edit }, before, after)?;
        changed.push(path.clone());
        changed.extend(from.cloned());
    }
    db.prepare_cached("DELETE FROM edits WHERE state = 'begun' AND kind = 'command' AND reason = ?1")?
        .execute([group.to_string()])?;
    Ok(changed)
}

fn edited_since(db: &Connection, row: &OpenEdit) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM edits WHERE path = ?1 AND id > ?2 AND state = 'done'")?
        .exists(params![row.path, row.id])
}

fn insert_like(
    db: &Transaction<'_>,
    like: i64,
    kind: &str,
    edit: &OpenEdit,
    before: Option<&str>,
    after: Option<&str>,
) -> rusqlite::Result<i64> {
    let before = before.map(|it| blobs::put(db, it)).transpose()?;
    let after = after.map(|it| blobs::put(db, it)).transpose()?;
    db.prepare_cached(
        "INSERT INTO edits (root, path, from_path, kind, session, prompt, turn, call, tool, before, after, buffer,
            state, process, began, mode, process_began)
         SELECT root, ?2, ?3, ?4, session, prompt, turn, call, tool, ?5, ?6, 0, 'begun', process, began, mode,
            process_began
         FROM edits WHERE id = ?1",
    )?
    .insert(params![like, edit.path, edit.from, kind, before, after])
}

/// What was done to files, by their texts before and now. A file that went and one that came are a rename if the
/// command meant it so or if they have the same text.
fn differences(files: Vec<(Watched, Now)>) -> Vec<Done> {
    let mut gone: HashMap<PathBuf, String> = HashMap::new();
    let mut came = Vec::new();
    let mut changes = Vec::new();
    for (file, now) in files {
        match (file.before, now) {
            (Some(before), Now::Gone) => {
                gone.insert(file.path, before.to_string());
            }
            (None, Now::Text(text)) => came.push((file.path, file.from, text)),
            (Some(before), Now::Text(text)) if *before != *text => {
                changes.push(Done::Change(file.path, before.to_string(), text));
            }
            _ => {}
        }
    }
    let mut done = Vec::new();
    // Those that were meant come first.
    came.sort_by_key(|(path, from, _)| (from.as_ref().is_none_or(|it| !gone.contains_key(it)), path.clone()));
    for (path, from, text) in came {
        let same = || {
            let mut all = gone.iter().filter(|(_, old)| !old.is_empty() && **old == text);
            all.next().map(|(path, _)| path.clone())
        };
        let from = from.filter(|it| gone.contains_key(it)).or_else(same);
        match from.and_then(|it| gone.remove_entry(&it)) {
            Some((from, old)) => {
                if old != text {
                    changes.push(Done::Change(path.clone(), old.clone(), text));
                }
                done.push(Done::Rename { from, to: path, text: old });
            }
            None => changes.push(Done::Create(path, text)),
        }
    }
    let mut gone: Vec<_> = gone.into_iter().collect();
    gone.sort();
    done.extend(gone.into_iter().map(|(path, text)| Done::Delete(path, text)));
    done.extend(changes);
    done
}

/// What a file is on the disk, whatever an editor shows.
pub fn now(path: &Path) -> Now {
    let meta = match path.symlink_metadata() {
        Ok(meta) => meta,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Now::Gone;
        }
        Err(_) => return Now::Other,
    };
    if !meta.is_file() || meta.len() > MAX_FILE {
        return Now::Other;
    }
    match fs::read_bounded(path, MAX_FILE).map(String::from_utf8) {
        Ok(Ok(text)) if text.contains('\0') => Now::Raw(text.into_bytes()),
        Ok(Ok(text)) => Now::Text(text),
        Ok(Err(error)) => Now::Raw(error.into_bytes()),
        Err(_) => Now::Other,
    }
}

/// A file as it is before a command that may change it, and come from another place; nothing if it cannot be recorded.
pub fn watched(path: &Path, from: Option<PathBuf>) -> Option<Watched> {
    let now = now(path);
    let before = now.text().map(Arc::from);
    let bytes = match now {
        Now::Gone | Now::Text(_) => None,
        Now::Raw(bytes) => Some(bytes.into()),
        Now::Other => return None,
    };
    Some(Watched { path: path.to_owned(), from, before, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, from: Option<&str>, before: Option<&str>, now: Option<&str>) -> (Watched, Now) {
        let (path, from, before) = (path.into(), from.map(Into::into), before.map(Into::into));
        let watched = Watched { path, from, before, bytes: None };
        (watched, now.map_or(Now::Gone, |it| Now::Text(it.into())))
    }

    fn shown(files: Vec<(Watched, Now)>) -> Vec<String> {
        let name = |it: &Path| it.display().to_string();
        let one = |it| match it {
            Done::Rename { from, to, text } => format!("{}→{} {text}", name(&from), name(&to)),
            Done::Delete(path, text) => format!("-{} {text}", name(&path)),
            Done::Change(path, before, after) => format!("{} {before}>{after}", name(&path)),
            Done::Create(path, text) => format!("+{} {text}", name(&path)),
        };
        differences(files).into_iter().map(one).collect()
    }

    #[test]
    fn what_became_of_files_says_what_was_done() {
        assert_eq!(shown(vec![file("a", None, Some("1"), Some("1")), file("b", None, None, None)]), [""; 0]);
        assert_eq!(
            shown(vec![
                file("a", None, Some("1"), Some("2")),
                file("b", None, None, Some("3")),
                file("c", None, Some("4"), None)
            ]),
            ["-c 4", "a 1>2", "+b 3"]
        );
        // Moved, and changed on the way.
        assert_eq!(
            shown(vec![file("a", None, Some("1"), None), file("b", Some("a"), None, Some("2"))]),
            ["a→b 1", "b 1>2"]
        );
        // The same text elsewhere.
        assert_eq!(
            shown(vec![file("a", None, Some("1"), None), file("b", None, None, Some("1"))]),
            ["a→b 1"]
        );
        // Over another file.
        assert_eq!(
            shown(vec![file("a", None, Some("1"), None), file("b", Some("a"), Some("2"), Some("1"))]),
            ["-a 1", "b 2>1"]
        );
        // Not moved after all, and an empty file is like any other.
        assert_eq!(
            shown(vec![file("a", None, Some("1"), Some("1")), file("b", Some("a"), None, Some("1"))]),
            ["+b 1"]
        );
        assert_eq!(
            shown(vec![file("a", None, Some(""), None), file("b", None, None, Some(""))]),
            ["-a ", "+b "]
        );
        let (watched, _) = file("a", None, Some("1"), None);
        let other = (watched, Now::Other);
        assert_eq!(shown(vec![other]), [""; 0]);
    }
}
