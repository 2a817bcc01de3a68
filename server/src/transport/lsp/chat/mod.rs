//! Chat documents: `.pi/chat/*.md`, where users of editors without a plugin write their prompts and read the answers.
//!
//! The user writes below the last `## You` and saves; we write above it through the workspace, and never below.
//! Each open document has a [`room::Room`], a task of its own. What documents do is noted here at once, in the order
//! of the messages; the rooms act on it.

mod attach;
mod choose;
mod commands;
pub mod compaction;
mod complete;
mod document;
mod draft;
mod elsewhere;
mod files;
mod kept;
mod look;
mod mention;
mod mistyped;
mod numbers;
mod open;
mod outline;
mod places;
mod question;
mod review;
mod room;
mod send;
mod sending;
mod story;
mod symbols;
mod transcript;
mod verbs;
mod walk;
mod writing;
mod written;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use lsp_types::TextDocumentSaveReason;
use pi_core::CancellationToken;
use pi_host::fs;
use tokio::sync::{mpsc, watch};

pub use self::{
    complete::{choices, items as completions},
    files::{is_chat, is_ours},
    look::{definition, hover},
    mention::links,
    open::{ask_about, mention_of, open},
    outline::{folds, symbols},
    symbols::{Symbol, enclosing},
    transcript::{follow as transcript, wanted as wants_transcripts},
    verbs::told as verb,
};
use self::{
    document::Document,
    room::{Message, Room},
    walk::Walks,
};
use super::connection::Connection;
use crate::markdown;

/// How long the room of a document that was closed and opened again may take to leave.
const LEAVING_LIMIT: Duration = Duration::from_secs(5);

/// One open chat document.
struct Entry {
    document: SharedDocument,
    room: mpsc::UnboundedSender<Message>,
    /// The version of the document, for the room, which waits for what it has written.
    version: watch::Sender<i32>,
    /// Why the editor is about to save it.
    reason: Option<TextDocumentSaveReason>,
    /// What was saved last: the disk has it because the user wanted so.
    saved: Option<String>,
    /// When the file was last seen written that a change brought into the editor, as it seemed.
    reloaded: Option<SystemTime>,
}

/// A document that its room and the reader of messages share.
type SharedDocument = Arc<Mutex<Document>>;

/// The open chat documents of one client.
#[derive(Default)]
pub struct Chats {
    open: Mutex<HashMap<PathBuf, Entry>>,
    /// The newest room of each document, also while it leaves; cancelled once it has ended.
    rooms: Mutex<HashMap<PathBuf, CancellationToken>>,
    /// The files of its projects.
    walks: Walks,
    /// The numbers of changes in them.
    numbers: numbers::Numbers,
    /// The chats of each folder as they were listed last: their numbers stay what the user has read.
    listed: Mutex<HashMap<PathBuf, Vec<verbs::Chat>>>,
}

impl Chats {
    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, Entry>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A document was opened.
    pub fn opened(&self, connection: &Arc<Connection>, path: &Path) {
        if !is_chat(path) || !connection.capabilities().chat_document {
            return;
        }
        let Some(open) = connection.documents.workspace().and_then(|it| it.document(path)) else { return };
        let document = Arc::new(Mutex::new(Document::new(open.rope.to_string(), open.version)));
        let (room, inbox) = mpsc::unbounded_channel();
        let version = watch::Sender::new(open.version);
        let seen = version.subscribe();
        let entry = Entry {
            document: document.clone(),
            room: room.clone(),
            version,
            reason: None,
            saved: None,
            reloaded: None,
        };
        self.lock().insert(path.to_owned(), entry);
        let (before, ended) = self.newest(path);
        let path = path.to_owned();
        let next = Room::new(connection.clone(), path, document, seen, room.downgrade());
        connection.tasks.spawn(async move {
            let _ended = ended.drop_guard();
            if let Some(before) = before {
                // What was saved last is remembered first.
                let _late = tokio::time::timeout(LEAVING_LIMIT, before.cancelled()).await;
            }
            next.run(inbox).await;
        });
    }

    /// The room before, and the next one, of a document.
    fn newest(&self, path: &Path) -> (Option<CancellationToken>, CancellationToken) {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.retain(|_, it| !it.is_cancelled());
        let next = CancellationToken::new();
        (rooms.insert(path.to_owned(), next.clone()), next)
    }

    /// A document changed.
    pub fn changed(&self, connection: &Connection, path: &Path) {
        let mut chats = self.lock();
        let Some(entry) = chats.get_mut(path) else { return };
        let Some(open) = connection.documents.workspace().and_then(|it| it.document(path)) else { return };
        let text = open.rope.to_string();
        // Read again by the editor, after somebody else has written it.
        let reloaded = entry.saved.as_ref() != Some(&text) && fs::has_text(path, &text);
        if reloaded {
            entry.reloaded = written(path);
        }
        lock(&entry.document).changed(text, open.version, reloaded);
        entry.version.send_replace(open.version);
    }

    /// A document is about to be saved.
    pub fn will_save(&self, path: &Path, reason: TextDocumentSaveReason) {
        if let Some(entry) = self.lock().get_mut(path) {
            entry.reason = Some(reason);
        }
    }

    /// A document was saved: the user's way to send. A save that the editor made by itself sends nothing.
    pub fn saved(&self, connection: &Connection, path: &Path) {
        let mut chats = self.lock();
        let Some(entry) = chats.get_mut(path) else { return };
        let by_hand = entry.reason.take().is_none_or(|it| it == TextDocumentSaveReason::MANUAL);
        let mut document = lock(&entry.document);
        match (entry.reloaded.take(), written(path)) {
            // It had been written for this save when we looked, and was not read again.
            (Some(seen), Some(now)) if seen == now => document.came_from_disk(false),
            // It was written once more: for this save, or for one that follows at once. That one will tell.
            (Some(_), now @ Some(_)) => entry.reloaded = now,
            (_, _) => document.came_from_disk(true),
        }
        entry.saved = Some(document.text.clone());
        let kept = Message::Keep(document.saved());
        let said = by_hand.then(|| {
            let settings = connection.hub.compose().settings(&connection.folder_of(path)).values();
            let marker = settings.text("chat.sendOn").as_deref() == Some("marker");
            let (ticks, words) = (document.ticks(), document.words());
            Message::Saved { taken: document.take_new(marker), ticks, words }
        });
        drop(document);
        tell(entry, kept);
        if let Some(said) = said {
            tell(entry, said);
        }
    }

    /// A document was closed.
    pub fn closed(&self, path: &Path) {
        self.lock().remove(path);
    }

    /// The connection ends: nothing is written any more.
    pub fn close_all(&self) {
        self.lock().clear();
    }

    /// Sends the prompt of this document, however it came to be there. False if it is no open chat document.
    pub fn send(&self, path: &Path) -> bool {
        let chats = self.lock();
        chats.get(path).inspect(|it| tell(it, Message::Send)).is_some()
    }

    /// Opens a copy of the chat of this document. False if it is no open chat document.
    pub fn copy(&self, path: &Path) -> bool {
        let chats = self.lock();
        chats.get(path).inspect(|it| tell(it, Message::Copy)).is_some()
    }

    /// Whether a copy of the chat of this document is offered in it.
    pub fn offers_copy(&self, path: &Path) -> bool {
        self.lock().get(path).is_some_and(|it| lock(&it.document).has_written(elsewhere::OFFER))
    }

    /// Writes this document anew. False if it is no open chat document.
    pub fn refresh(&self, path: &Path) -> bool {
        let chats = self.lock();
        chats.get(path).inspect(|it| tell(it, Message::Refresh)).is_some()
    }

    /// Whether a document of this session is open.
    pub fn has_session(&self, session: &str) -> bool {
        self.lock().values().any(|it| markdown::session_id(&lock(&it.document).text) == Some(session))
    }

    /// The session of this document, if it is open.
    pub fn session_of(&self, path: &Path) -> Option<String> {
        let chats = self.lock();
        markdown::session_id(&lock(&chats.get(path)?.document).text).map(str::to_owned)
    }

    /// The only one that is open.
    pub fn only(&self) -> Option<PathBuf> {
        let chats = self.lock();
        let mut paths = chats.keys();
        paths.next().filter(|_| paths.next().is_none()).cloned()
    }

    /// The chats of a folder are listed like this from now on.
    fn list(&self, folder: PathBuf, chats: &[verbs::Chat]) {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner).insert(folder, chats.to_vec());
    }

    /// The chats of a folder as they were listed last.
    fn listed(&self, folder: &Path) -> Vec<verbs::Chat> {
        let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        listed.get(folder).cloned().unwrap_or_default()
    }

    /// Writes into the draft of this document. False if it is not open.
    fn write(&self, path: &Path, text: &str) -> bool {
        let chats = self.lock();
        chats.get(path).inspect(|it| tell(it, Message::Write(text.to_owned()))).is_some()
    }
}

/// When a file was written.
fn written(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|it| it.modified()).ok()
}

fn tell(entry: &Entry, message: Message) {
    if entry.room.send(message).is_err() {
        tracing::debug!("the room of a chat document has ended");
    }
}

fn lock(document: &SharedDocument) -> MutexGuard<'_, Document> {
    document.lock().unwrap_or_else(PoisonError::into_inner)
}
