//! What to do about unsaved documents before a shell command runs, as the command sees the disk.
//!
//! The editor saves them, the command is told what it did not see, it is not run, or it runs in a private copy of the
//! workspace that has the unsaved text. Whatever happens, the model reads it in the result.

mod overlay;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_util::sync::CancellationToken;

pub use self::overlay::PrivateCopy;
use crate::{
    sandbox::Confinement,
    workspace::{
        Document, Workspace,
        reload::{Before as Standings, Left},
    },
};

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
    /// The command runs in a private copy of the workspace that has their text.
    Overlay,
}

/// How a command is to be run.
#[derive(Default)]
pub struct Before {
    /// For its result.
    pub note: Option<String>,
    /// Where to run it, if not in the workspace.
    pub copy: Option<PrivateCopy>,
}

impl Policy {
    /// The policy of this name in the settings.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "save" => Self::Save,
            "warn" => Self::Warn,
            "block" => Self::Block,
            "overlay" => Self::Overlay,
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

    /// Whether the next command runs in a private copy, if one can be made.
    pub fn copies(&self) -> bool {
        (self.wanted)() == Some(Policy::Overlay) && !self.dirty().is_empty()
    }

    /// What a command does not see that is run as things are now; nothing if it sees all, or the documents are taken
    /// care of before.
    pub fn differing(&self) -> Option<String> {
        let dirty = self.dirty();
        if self.policy() != Policy::Warn || dirty.is_empty() {
            return None;
        }
        let differ = match dirty.len() {
            1 => "1 unsaved file differs".to_owned(),
            count => format!("{count} unsaved files differ"),
        };
        Some(format!("It sees the files on disk; {differ}: {}", self.names(&paths(&dirty))))
    }

    fn policy(&self) -> Policy {
        let by_ability = if self.workspace.can_save() { Policy::Save } else { Policy::Warn };
        (self.wanted)().unwrap_or(by_ability)
    }

    /// A private copy for a command that is to change nothing.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn copy_to_plan(&self) -> Result<PrivateCopy, String> {
        PrivateCopy::make(self.workspace.clone(), overlay::LIMITS).await
    }

    /// To be called before a command is run, confined like this.
    ///
    /// # Errors
    /// The command must not be run; the text says why and what to do.
    pub async fn before_command(
        &self,
        confinement: &Confinement,
        cancel: &CancellationToken,
    ) -> Result<Before, String> {
        let dirty = self.dirty();
        if dirty.is_empty() {
            return Ok(Before::default());
        }
        let noted = |note| Ok(Before { note: Some(note), copy: None });
        match self.policy() {
            Policy::Warn => noted(self.unseen(&paths(&dirty), None)),
            Policy::Save => noted(self.save(&dirty, cancel).await),
            Policy::Overlay => self.copy(&dirty, confinement).await.map_err(|why| {
                format!(
                    "The command was not run, because it would not see what is unsaved in the editor: {}. There is \
                     {why} (setting shell.unsaved is \"overlay\"). Ask the user to save first.",
                    self.names(&paths(&dirty))
                )
            }),
            Policy::Block => Err(format!(
                "The command was not run, because it would not see what is unsaved in the editor: {}. Ask the user to \
                 save first (setting shell.unsaved is \"block\").",
                self.names(&paths(&dirty))
            )),
        }
    }

    /// How open documents stand to their files, before a command is run in the workspace.
    pub async fn before_changes(&self) -> Standings {
        self.workspace.before_change().await
    }

    /// To be called when the command has ended: what the user has not typed in shows what the command made of its file,
    /// and the rest is named for the result.
    pub async fn after_command(&self, before: Standings, cancel: &CancellationToken) -> Option<String> {
        let Left { typed, gone, refused } = self.workspace.after_change(before, cancel).await;
        let mut notes = Vec::new();
        if !typed.is_empty() {
            notes.push(format!(
                "[Changed on disk by this command, while the editor still shows unsaved text without that change: {}. It \
                 is lost if the user saves that text.]",
                self.names(&typed)
            ));
        }
        if !gone.is_empty() {
            notes.push(format!(
                "[Deleted or moved by this command, while the editor still has unsaved text of it: {}]",
                self.names(&gone)
            ));
        }
        if let Some((_, why)) = refused.first() {
            let paths: Vec<_> = refused.iter().map(|it| it.0.clone()).collect();
            notes.push(format!(
                "[Changed on disk by this command, while the editor still shows the older text: {} ({why})]",
                self.names(&paths)
            ));
        }
        (!notes.is_empty()).then(|| notes.join("\n\n"))
    }

    /// To be called when a command of this session's model has ended, also if it was stopped.
    pub async fn has_run(&self, session: &str) {
        self.workspace.has_run_command(session).await;
    }

    fn dirty(&self) -> Vec<Document> {
        let chats = self.workspace.root().join(CHATS);
        let mut dirty = self.workspace.dirty_documents();
        dirty.retain(|it| !it.path.starts_with(&chats));
        dirty
    }

    /// Saves what belongs to the workspace; other files of the user are none of a command's business. A file that has
    /// changed under unsaved text is the user's to decide about, and so is one with two unsaved texts.
    async fn save(&self, dirty: &[Document], cancel: &CancellationToken) -> String {
        let root = self.workspace.root();
        let (inside, outside): (Vec<_>, Vec<_>) =
            paths(dirty).into_iter().partition(|it| it.starts_with(root));
        let (torn, inside): (Vec<_>, Vec<_>) =
            inside.into_iter().partition(|it| self.workspace.torn(it).is_some());
        let (apart, inside): (Vec<_>, Vec<_>) =
            inside.into_iter().partition(|it| self.workspace.is_apart(it));
        let (left, why) = match inside.is_empty() {
            true => (Vec::new(), None),
            false => match self.workspace.save_documents(&inside, cancel).await {
                Ok(()) => (Vec::new(), None),
                Err((left, why)) => (left, Some(format!("not saved: {why}"))),
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
        if !apart.is_empty() {
            notes.push(self.apart(&apart));
        }
        if !torn.is_empty() {
            notes.push(format!(
                "[The same file, open in the editor with different unsaved texts, so neither was saved and the command saw \
                 what is on disk: {}]",
                self.names(&torn)
            ));
        }
        notes.join("\n\n")
    }

    /// A copy of the workspace, if anything in it is unsaved.
    async fn copy(&self, dirty: &[Document], confinement: &Confinement) -> Result<Before, String> {
        let root = self.workspace.root();
        if self.workspace.open_under(root).iter().all(|it| !dirty.iter().any(|dirty| dirty.path == *it)) {
            return Ok(Before { note: Some(self.unseen(&paths(dirty), None)), copy: None });
        }
        if let Some(torn) = dirty.iter().find_map(|it| self.workspace.torn(&it.path)) {
            let names = self.names(&torn);
            return Err(format!(
                "no private copy of the workspace: one file has different unsaved texts: {names}"
            ));
        }
        let copy = PrivateCopy::make(self.workspace.clone(), overlay::LIMITS).await?;
        if confinement.sandbox().is_some_and(|it| !it.writes_like_workspace(copy.root(), root)) {
            return Err("no private copy of the workspace: the sandbox has no temporary directory".into());
        }
        let mut note = format!(
            "[Ran in a private copy of the workspace that has the unsaved text of: {}]",
            self.names(copy.unsaved())
        );
        let mut left = paths(dirty);
        left.retain(|it| !copy.unsaved().contains(it));
        if !left.is_empty() {
            note += &format!("\n\n{}", self.unseen(&left, None));
        }
        Ok(Before { note: Some(note), copy: Some(copy) })
    }

    fn unseen(&self, paths: &[PathBuf], why: Option<&str>) -> String {
        let why = why.map_or_else(String::new, |it| format!(" ({it})"));
        format!(
            "[Unsaved in the editor, so the command saw the older text on disk: {}{why}]",
            self.names(paths)
        )
    }

    fn apart(&self, paths: &[PathBuf]) -> String {
        format!(
            "[Unsaved in the editor and changed on disk as well, so it was not saved and the command saw what is on \
             disk: {}]",
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
