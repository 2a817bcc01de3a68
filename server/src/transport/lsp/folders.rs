//! The folders a client has open, each with a session of its own. The first is the one whose session is the default
//! one.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use lsp_types::{InitializeParams, WorkspaceFolder, WorkspaceFoldersChangeEvent};

use super::documents::file_path;

/// The folders of one connection.
#[derive(Debug, Default)]
pub struct Folders(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    open: Vec<PathBuf>,
    /// The client has closed the last one; it stays until there is another, as a session needs one.
    closed: bool,
    /// The one the user was in last.
    active: Option<PathBuf>,
}

impl Folders {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These and no others.
    pub fn set(&self, folders: Vec<PathBuf>) {
        *self.lock() = State { open: folders, ..State::default() };
    }

    /// `workspace/didChangeWorkspaceFolders`; the folders that are not open any more.
    pub fn change(&self, event: &WorkspaceFoldersChangeEvent) -> Vec<PathBuf> {
        let mut state = self.lock();
        let before = state.open.clone();
        let removed: Vec<_> = event.removed.iter().filter_map(path).collect();
        for added in event.added.iter().filter_map(path) {
            if state.closed {
                state.closed = false;
                state.open.clear();
            }
            if !state.open.contains(&added) {
                state.open.push(added);
            }
        }
        for folder in removed {
            if state.open.len() > 1 {
                state.open.retain(|it| *it != folder);
            } else if state.open.contains(&folder) {
                state.closed = true;
            }
        }
        let State { open, active, .. } = &mut *state;
        active.take_if(|it| !open.contains(it));
        before.into_iter().filter(|it| !open.contains(it)).collect()
    }

    /// All of them.
    pub fn all(&self) -> Vec<PathBuf> {
        self.lock().open.clone()
    }

    /// The folder of the default session.
    pub fn first(&self) -> Option<PathBuf> {
        self.lock().open.first().cloned()
    }

    /// The folder a path is in; the innermost, where one is in another.
    pub fn containing(&self, path: &Path) -> Option<PathBuf> {
        let state = self.lock();
        let found = state.open.iter().filter(|it| path.starts_with(it));
        found.max_by_key(|it| it.components().count()).cloned()
    }

    /// The user is in this document.
    pub fn touch(&self, path: &Path) {
        if let Some(folder) = self.containing(path) {
            self.lock().active = Some(folder);
        }
    }

    /// The folder the user was in last.
    pub fn active(&self) -> Option<PathBuf> {
        self.lock().active.clone()
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
            folders.change(&serde_json::from_value(event).unwrap())
        };
        let paths = |all: &[&str]| all.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(change(&["/a/b", "/c", "/c"], &[]), paths(&[]));
        assert_eq!(folders.all(), paths(&["/a", "/a/b", "/c"]));
        assert_eq!(change(&[], &["/a", "/c", "/x"]), paths(&["/a", "/c"]));
        assert_eq!(change(&[], &["/a/b"]), paths(&[]));
        assert_eq!(folders.all(), paths(&["/a/b"]));
        assert_eq!(change(&["/d", "/e"], &[]), paths(&["/a/b"]));
        assert_eq!(folders.all(), paths(&["/d", "/e"]));
        assert_eq!(change(&["/f"], &["/d", "/e"]), paths(&["/d", "/e"]));
        assert_eq!(folders.first(), Some("/f".into()));
    }

    #[test]
    fn a_document_belongs_to_the_innermost_folder() {
        let folders = Folders::default();
        folders.set(vec!["/a".into(), "/a/b".into(), "/c".into()]);
        for (path, folder) in
            [("/a/x", Some("/a")), ("/a/b/x", Some("/a/b")), ("/ab/x", None), ("/c", Some("/c"))]
        {
            assert_eq!(folders.containing(Path::new(path)), folder.map(PathBuf::from), "{path}");
        }
        assert_eq!(folders.active(), None);
        folders.touch(Path::new("/a/b/x"));
        folders.touch(Path::new("/elsewhere/x"));
        assert_eq!(folders.active(), Some("/a/b".into()));
    }
}
