//! What to do about unsaved documents before a shell command runs, as the command sees the disk.
//!
//! The editor saves them, the command is told what it did not see, it is not run, or it runs in a private copy of the
//! workspace that has the unsaved text. Whatever happens, the model reads it in the result.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_util::sync::CancellationToken;

use crate::workspace::{Document, Workspace};

/// Documents named in a note.
const NAMED: usize = 10;
/// Where chats are written, below the workspace. Saving one sends it, and no command reads it.
const CHATS: &str = ".pi/chat";

/// What is done about unsaved documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The editor saves them; what it does not save is named.
    Save,
    /// They are named.
    Warn,
    /// The command is not run.
    Block,
}

impl Policy {
    /// The policy of this name in the settings.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "save" => Self::Save,
            "warn" => Self::Warn,
            "block" => Self::Block,
            _ => return None,
        })
    }
}

/// Says what the settings want; nothing leaves it to the editor's abilities.
pub type Wanted = Arc<dyn Fn() -> Option<Policy> + Send + Sync>;

/// Takes care of the unsaved documents of one workspace.
#[derive(Clone)]
pub struct Unsaved {
    workspace: Arc<Workspace>,
    wanted: Wanted,
}

impl Unsaved {
    /// Of this workspace, as the settings want it.
    pub fn new(workspace: Arc<Workspace>, wanted: Wanted) -> Self {
        Self { workspace, wanted }
    }

    /// To be called before a command is run. Gives the note for its result, if there is one.
    ///
    /// # Errors
    /// The command must not be run; the text says why and what to do.
    pub async fn before_command(&self, cancel: &CancellationToken) -> Result<Option<String>, String> {
        let dirty = self.dirty();
        if dirty.is_empty() {
            return Ok(None);
        }
        let by_ability = if self.workspace.can_save() { Policy::Save } else { Policy::Warn };
        match (self.wanted)().unwrap_or(by_ability) {
            Policy::Warn => Ok(Some(self.warning(&dirty, None))),
            Policy::Save => Ok(Some(self.save(&dirty, cancel).await)),
            Policy::Block => Err(format!(
                "The command was not run, because it would not see what is unsaved in the editor: {}. Ask the user to \
                 save first (setting shell.unsaved is \"block\").",
                self.names(&paths(&dirty))
            )),
        }
    }

    fn dirty(&self) -> Vec<Document> {
        let chats = self.workspace.root().join(CHATS);
        let mut dirty = self.workspace.dirty_documents();
        dirty.retain(|it| !it.path.starts_with(&chats));
        dirty
    }

    /// Saves what belongs to the workspace; other files of the user are none of a command's business.
    async fn save(&self, dirty: &[Document], cancel: &CancellationToken) -> String {
        let root = self.workspace.root();
        let (inside, outside): (Vec<_>, Vec<_>) =
            paths(dirty).into_iter().partition(|it| it.starts_with(root));
        let (left, why) = match inside.is_empty() {
            true => (Vec::new(), None),
            false => match self.workspace.save_documents(&inside, cancel).await {
                Ok(()) => (Vec::new(), None),
                Err((left, why)) => (left, Some(why)),
            },
        };
        let saved: Vec<_> = inside.iter().filter(|it| !left.contains(it)).cloned().collect();
        let left: Vec<_> = left.into_iter().chain(outside).collect();
        let mut notes = Vec::new();
        if !saved.is_empty() {
            notes.push(format!("[Saved in the editor before the command: {}]", self.names(&saved)));
        }
        if !left.is_empty() {
            notes.push(self.unseen(&left, why.as_deref()));
        }
        notes.join("\n\n")
    }

    fn warning(&self, dirty: &[Document], why: Option<&str>) -> String {
        self.unseen(&paths(dirty), why)
    }

    fn unseen(&self, paths: &[PathBuf], why: Option<&str>) -> String {
        let why = why.map_or_else(String::new, |it| format!(" (not saved: {it})"));
        format!(
            "[Unsaved in the editor, so the command saw the older text on disk: {}{why}]",
            self.names(paths)
        )
    }

    fn names(&self, paths: &[PathBuf]) -> String {
        names(self.workspace.root(), paths)
    }
}

fn paths(documents: &[Document]) -> Vec<PathBuf> {
    documents.iter().map(|it| it.path.clone()).collect()
}

/// The first few paths, relative to `root`.
fn names(root: &Path, paths: &[PathBuf]) -> String {
    let relative = |it: &PathBuf| it.strip_prefix(root).unwrap_or(it).display().to_string();
    let mut text = paths.iter().take(NAMED).map(relative).collect::<Vec<_>>().join(", ");
    if paths.len() > NAMED {
        text += &format!(" and {} more", paths.len() - NAMED);
    }
    text
}

#[cfg(test)]
mod tests;
