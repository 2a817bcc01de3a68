//! A new session that begins with a part of another one (spec: sessions.md §7).
//!
//! Which entries those are is the core's business. Here their lines are taken from the source as they are, so that
//! keys of other writers, which the types do not know, go along.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io,
    path::Path,
};

use pi_protocol::{Entry, entry::EntryKind};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    NewSession, OpenSession, SessionFileError, SessionFiles,
    load::{Line, Lines},
    store,
};

impl SessionFiles {
    /// A new session in `cwd` that begins with `entries` of the session in the file `source`. Like any new session
    /// it has no file before there is an answer of the model in it, but with one it is written at once.
    ///
    /// # Errors
    /// The new file cannot be written.
    pub fn branch(
        &self,
        source: &Path,
        cwd: &Path,
        entries: Vec<Entry>,
    ) -> Result<OpenSession, SessionFileError> {
        let parent = source.to_string_lossy().into_owned();
        let NewSession { header, mut store } = self.create(cwd, None, Some(parent))?;
        let wanted = entries.iter().map(|it| it.base.id.as_str()).collect();
        let lines = lines_of(source, &wanted).unwrap_or_else(|error| {
            // What the entries say is in memory; only keys that nobody here reads are lost.
            tracing::warn!("{} cannot be read again: {error}", source.display());
            HashMap::new()
        });
        for entry in &entries {
            match lines.get(&entry.base.id) {
                Some(line) => store.keep_line(&moved(line.clone(), entry))?,
                None => store.keep_line(entry)?,
            }
        }
        if entries.iter().any(store::is_answer) {
            store.write_now()?;
        }
        Ok(OpenSession { header, entries, store, skipped_lines: 0 })
    }
}

/// The lines of the entries with these ids.
fn lines_of(source: &Path, wanted: &HashSet<&str>) -> io::Result<HashMap<String, Map<String, Value>>> {
    #[derive(Deserialize)]
    struct Identified {
        id: String,
    }
    let mut found = HashMap::new();
    let mut lines = Lines::new(File::open(source)?);
    let mut is_header = true;
    while let Some(line) = lines.next_line()? {
        let Line::Bytes(line) = line else { continue };
        let Ok(Identified { id }) = serde_json::from_slice(line) else { continue };
        if !std::mem::take(&mut is_header) && wanted.contains(id.as_str()) {
            if let Ok(fields) = serde_json::from_slice(line) {
                found.insert(id, fields);
            }
        }
    }
    Ok(found)
}

/// `line` in the place `entry` has in the new session.
fn moved(mut line: Map<String, Value>, entry: &Entry) -> Map<String, Value> {
    let parent = entry.base.parent_id.clone().map_or(Value::Null, Value::String);
    line.insert("parentId".into(), parent);
    if let EntryKind::Compaction { first_kept_entry_id, .. } = &entry.kind {
        line.insert("firstKeptEntryId".into(), Value::String(first_kept_entry_id.clone()));
    }
    line
}
