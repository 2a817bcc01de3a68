//! Session files of versions 1 and 2, rewritten as version 3.
//!
//! The only place that rewrites a session file: a new file beside it takes its name. Lines that cannot be read are
//! carried over as they are.

use std::{collections::HashSet, fs::File, path::Path};

use pi_protocol::{Entry, entry::SESSION_VERSION, json};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    files::SessionFileError,
    load::{Line, Lines, LoadedFile, header_of},
};

enum Row {
    Parsed(Map<String, Value>),
    Unreadable(Vec<u8>),
}

/// Reads an old file, rewrites it as the current version and returns it.
pub(super) fn load(path: &Path) -> Result<LoadedFile, SessionFileError> {
    let unreadable = |error: std::io::Error| SessionFileError::unreadable(path, &error);
    let mut lines = Lines::new(File::open(path).map_err(unreadable)?);
    let mut rows = Vec::new();
    let mut skipped_lines = 0;
    while let Some(line) = lines.next_line().map_err(unreadable)? {
        match line {
            Line::Bytes(line) => rows.push(match serde_json::from_slice::<Map<String, Value>>(line) {
                Ok(row) => Row::Parsed(row),
                Err(_) => Row::Unreadable(line.to_owned()),
            }),
            // Rewriting would lose it.
            Line::TooLong => return Err(SessionFileError::NotASession(path.to_owned())),
        }
    }
    let mut parsed: Vec<&mut Map<String, Value>> = Vec::new();
    for row in &mut rows {
        match row {
            Row::Parsed(row) => parsed.push(row),
            Row::Unreadable(_) => skipped_lines += 1,
        }
    }
    migrate(&mut parsed);
    let mut values = parsed.into_iter().map(|it| Value::Object(it.clone()));
    let header = values.next().and_then(header_of).ok_or(SessionFileError::NotASession(path.to_owned()))?;
    let mut entries = Vec::new();
    for value in values {
        // From the text that is written, so that its messages are passed on as they are in the file.
        let text = json::to_string(&value);
        match text.and_then(|it| serde_json::from_str::<Entry>(&it)) {
            Ok(entry) => entries.push(entry),
            Err(_) => skipped_lines += 1,
        }
    }
    let not_migrated = replace(path, &rows).err().map(|error| {
        format!(
            "session file {} is of an old version and cannot be rewritten ({error}); what is said now is not kept",
            path.display()
        )
    });
    Ok(LoadedFile {
        header: Some(header),
        entries,
        skipped_lines,
        rewritten: not_migrated.is_none(),
        not_migrated,
    })
}

/// Brings parsed rows, header first, to version 3.
fn migrate(rows: &mut [&mut Map<String, Value>]) {
    let Some(version) = rows.first().map(|it| it.get("version").and_then(Value::as_u64).unwrap_or(1)) else {
        return;
    };
    if version < 2 {
        add_tree(rows);
    }
    for row in rows.iter_mut().skip(1) {
        if let Some(message) = row.get_mut("message").and_then(Value::as_object_mut) {
            if message.get("role").and_then(Value::as_str) == Some("hookMessage") {
                message.insert("role".into(), "custom".into());
            }
        }
    }
    rows[0].insert("version".into(), SESSION_VERSION.into());
}

/// Version 1 had no ids: each entry follows the one before, and compactions point by index in the file.
fn add_tree(rows: &mut [&mut Map<String, Value>]) {
    let mut taken = HashSet::new();
    let mut ids: Vec<Option<String>> = vec![None];
    let mut parent = Value::Null;
    for row in rows.iter_mut().skip(1) {
        let id = new_entry_id(&mut taken);
        row.insert("id".into(), id.clone().into());
        row.insert("parentId".into(), std::mem::replace(&mut parent, id.clone().into()));
        ids.push(Some(id));
    }
    for row in rows.iter_mut().skip(1) {
        if row.get("type").and_then(Value::as_str) != Some("compaction") {
            continue;
        }
        let Some(index) = row.shift_remove("firstKeptEntryIndex") else { continue };
        let target = index.as_u64().and_then(|it| ids.get(usize::try_from(it).ok()?)?.clone());
        if let Some(target) = target {
            row.insert("firstKeptEntryId".into(), target.into());
        }
    }
}

/// Eight hex digits not in `taken`, else a whole UUID.
fn new_entry_id(taken: &mut HashSet<String>) -> String {
    for _ in 0..100 {
        let id = Uuid::new_v4().simple().to_string()[..8].to_owned();
        if taken.insert(id.clone()) {
            return id;
        }
    }
    Uuid::new_v4().to_string()
}

fn replace(path: &Path, rows: &[Row]) -> std::io::Result<()> {
    let mut text = Vec::new();
    for row in rows {
        match row {
            Row::Parsed(row) => json::write(&mut text, row)?,
            Row::Unreadable(line) => text.extend_from_slice(line),
        }
        text.push(b'\n');
    }
    crate::settings::replace_file(path, &text)
}
