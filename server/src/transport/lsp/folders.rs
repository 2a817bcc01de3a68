//! The folders a client has open. The first is the one whose session is the default one.
//!
//! A session keeps the folder it was started in, also when the client closes that folder.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use lsp_types::{InitializeParams, WorkspaceFolder, WorkspaceFoldersChangeEvent};

use super::documents::file_path;

/// The folders of one connection.
#[derive(Debug, Default)]
pub struct Folders(Mutex<Vec<PathBuf>>);

impl Folders {
    fn lock(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These and no others.
    pub fn set(&self, folders: Vec<PathBuf>) {
        *self.lock() = folders;
    }

    /// `workspace/didChangeWorkspaceFolders`. The last folder stays: a session needs one.
    pub fn change(&self, event: &WorkspaceFoldersChangeEvent) {
        let mut folders = self.lock();
        for added in event.added.iter().filter_map(path) {
            if !folders.contains(&added) {
                folders.push(added);
            }
        }
        for removed in event.removed.iter().filter_map(path) {
            if folders.len() > 1 {
                folders.retain(|it| *it != removed);
            }
        }
    }

    /// All of them.
    pub fn all(&self) -> Vec<PathBuf> {
        self.lock().clone()
    }

    /// The folder of the default session.
    pub fn first(&self) -> Option<PathBuf> {
        self.lock().first().cloned()
    }
}

/// The folders `initialize` names; none if it names no absolute path.
#[allow(deprecated, reason = "older clients send only rootUri or rootPath")]
pub fn named(params: &InitializeParams) -> Vec<PathBuf> {
    let mut folders: Vec<_> = params.workspace_folders.iter().flatten().filter_map(path).collect();
    if folders.is_empty() {
        let root = params.root_uri.as_ref().and_then(file_path);
        folders.extend(root.or_else(|| params.root_path.as_ref().map(PathBuf::from)));
    }
    folders.retain(|it| it.is_absolute());
    folders
}

fn path(folder: &WorkspaceFolder) -> Option<PathBuf> {
    file_path(&folder.uri)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_folders_an_editor_names() {
        for (said, expected) in [
            (json!({}), vec![]),
            (json!({"rootUri": "file:///a", "rootPath": "/b"}), vec!["/a"]),
            (json!({"rootPath": "/b"}), vec!["/b"]),
            (json!({"rootPath": "b"}), vec![]),
            (json!({"rootUri": "file:///a", "workspaceFolders": []}), vec!["/a"]),
            (
                json!({"rootUri": "file:///a", "workspaceFolders": [
                    {"uri": "file:///c", "name": "c"}, {"uri": "memory:/x", "name": "x"},
                    {"uri": "file:///d%20e", "name": "d"}]}),
                vec!["/c", "/d e"],
            ),
        ] {
            let mut params = json!({"capabilities": {}});
            params.as_object_mut().unwrap().extend(said.as_object().cloned().unwrap());
            let named = named(&serde_json::from_value(params).unwrap());
            assert_eq!(named, expected.iter().map(PathBuf::from).collect::<Vec<_>>(), "{said}");
        }
    }

    #[test]
    fn folders_come_and_go_but_one_stays() {
        let folders = Folders::default();
        folders.set(vec!["/a".into()]);
        let change = |added: &[&str], removed: &[&str]| {
            let of = |all: &[&str]| -> Vec<Value> {
                all.iter().map(|it| json!({"uri": format!("file://{it}"), "name": "x"})).collect()
            };
            let event = json!({"added": of(added), "removed": of(removed)});
            folders.change(&serde_json::from_value(event).unwrap());
        };
        change(&["/a/b", "/c", "/c"], &[]);
        assert_eq!(*folders.lock(), ["/a", "/a/b", "/c"].map(PathBuf::from));
        change(&[], &["/a", "/c"]);
        assert_eq!(*folders.lock(), [PathBuf::from("/a/b")]);
        change(&[], &["/a/b"]);
        assert_eq!(folders.first(), Some("/a/b".into()));
    }
}
