//! What the user wrote, where the model got something else: the text of a template, or what is mentioned as well.
//!
//! The session has what the model got, as Pi's sessions have. So this is kept beside the chat documents, for those that
//! are written later.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use pi_host::fs::blocking;
use pi_protocol::{AgentMessage, Content, MessageContent, SessionHeader, UserMessage};
use serde::{Deserialize, Serialize};

use super::kept::{self, FOLDER};
use crate::markdown::Turn;

/// The messages of one session that the model got otherwise.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Written {
    messages: Vec<Message>,
    /// There are some that the file does not have.
    #[serde(skip)]
    is_new: bool,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Message {
    /// When it was said. Two may be said at once, so its length tells as well.
    time: u64,
    len: usize,
    text: String,
}

impl Written {
    /// Those of a session whose documents are in this folder. A new one has what the session has with which it began.
    pub async fn read(chats: &Path, session: &SessionHeader) -> Self {
        let parent = session.parent_session.as_deref().and_then(|it| Path::new(it).file_stem()?.to_str());
        let parent = parent.and_then(|it| it.rsplit_once('_'));
        let ids = std::iter::once(session.id.as_str()).chain(parent.map(|it| it.1));
        let paths: Vec<_> = ids.map(|it| place(chats, it)).collect();
        let read =
            blocking(move || Ok::<_, io::Error>(paths.into_iter().find_map(|it| std::fs::read(it).ok())));
        let bytes = read.await.ok().flatten().unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Keeps what is new.
    pub async fn keep(&mut self, chats: &Path, session: &str) {
        if !std::mem::take(&mut self.is_new) {
            return;
        }
        kept::put(place(chats, session), self).await;
    }

    /// A message that was written like this, without what was put in the place of its text or behind it.
    pub fn said(&mut self, message: &UserMessage, text: &str) -> AgentMessage {
        let got = message.content.text();
        if got != text {
            let new = Message { time: message.timestamp, len: got.len(), text: text.to_owned() };
            self.is_new = true;
            self.messages.push(new);
        }
        AgentMessage::User(with_text(message, text))
    }

    /// A turn with its messages as they were written.
    pub fn restored(&self, turn: Turn) -> Turn {
        Turn { messages: turn.messages.into_iter().map(|it| self.message(it)).collect(), ..turn }
    }

    /// A message as it was written.
    pub fn message(&self, message: Arc<AgentMessage>) -> Arc<AgentMessage> {
        let AgentMessage::User(user) = &*message else { return message };
        match self.find(user) {
            Some(text) => Arc::new(AgentMessage::User(with_text(user, text))),
            None => message,
        }
    }

    fn find(&self, message: &UserMessage) -> Option<&str> {
        // Only then its text is looked at.
        let mut at_once = self.messages.iter().filter(|it| it.time == message.timestamp).peekable();
        at_once.peek()?;
        let len = message.content.text().len();
        at_once.find(|it| it.len == len).map(|it| it.text.as_str())
    }
}

fn with_text(message: &UserMessage, text: &str) -> UserMessage {
    let images = message.content.to_blocks().into_iter().filter(|it| matches!(it, Content::Image(_)));
    let blocks = [Content::text(text.to_owned())].into_iter().chain(images).collect();
    UserMessage { content: MessageContent::Blocks(blocks), ..message.clone() }
}

fn place(chats: &Path, session: &str) -> PathBuf {
    chats.join(FOLDER).join(format!("{session}.written.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_found_by_its_time_and_length() {
        let user =
            |timestamp, text: &str| UserMessage { content: MessageContent::Text(text.into()), timestamp };
        let shown = |it: &AgentMessage| match it {
            AgentMessage::User(it) => it.content.text(),
            _ => String::new(),
        };
        let mut written = Written::default();
        let all = [
            (user(1, "look @a\n\nFile: a"), "look @a"),
            (user(1, "Review the changes."), "/review"),
            (user(2, "plain"), "plain"),
        ];
        for (message, text) in &all {
            assert_eq!(shown(&written.said(message, text)), *text);
        }
        assert_eq!(written.messages.len(), 2, "what is the same is not kept");
        let messages = all.iter().map(|it| Arc::new(AgentMessage::User(it.0.clone())));
        let unknown = Arc::new(AgentMessage::User(user(1, "another")));
        let turn =
            written.restored(Turn { messages: messages.chain([unknown]).collect(), ..Turn::default() });
        let texts: Vec<_> = turn.messages.iter().map(|it| shown(it)).collect();
        assert_eq!(texts, ["look @a", "/review", "plain", "another"]);
    }
}
