//! What is remembered beside a chat document: how it was when it was saved, and what was sent of it since.
//!
//! The document shows nothing of it. Opened again, by whichever server, it goes on from there: what the conversation
//! has more is written, what the user has changed meanwhile stays, and what was sent does not wait in the prompt.
//! Without it the turns are found by the times in their headings.

use std::{
    io,
    path::{Path, PathBuf},
};

use pi_host::fs::{blocking, write_atomic};
use serde::{Deserialize, Serialize};

use super::document::Saved;

/// Where it is, below the folder of the documents.
pub const FOLDER: &str = ".state";

/// What is remembered of one document.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Kept {
    /// The document.
    pub saved: Saved,
    /// The entry of the prompt of the last turn above what is still written at.
    pub after: Option<String>,
    /// The last entry there was.
    pub leaf: Option<String>,
    /// What was sent and is in the draft of the saved text, oldest first.
    pub sent: Vec<Said>,
    /// What waited, as it was written.
    pub waiting: Vec<String>,
    /// Answers to commands.
    pub notes: String,
    /// The changes of the chat by their numbers.
    #[serde(default)]
    pub numbers: Vec<i64>,
}

/// A message that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// As it is in the draft.
    pub raw: String,
    /// What was said; nothing for a command.
    pub text: Option<String>,
}

/// What became of the messages that were under way when a document was closed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Arrived {
    /// They go out of the draft.
    pub sent: Vec<String>,
    /// They wait no more, and nobody got them.
    pub lost: Vec<String>,
}

impl Kept {
    /// Of a document and its session.
    pub async fn read(document: &Path, session: &str) -> Option<Self> {
        let path = place(document, session)?;
        let read = blocking(move || Ok::<_, io::Error>(std::fs::read(path).ok()));
        serde_json::from_slice(&read.await.ok()??).ok()
    }

    /// Beside a document.
    pub async fn write(&self, document: &Path, session: &str) {
        let Some(path) = place(document, session) else { return };
        put(path, self).await;
    }

    /// What became of what was sent and of what waited. `said` are the messages of the user since, `queued` is what
    /// waits now.
    pub fn arrived(&self, said: Vec<String>, queued: &[&str]) -> Arrived {
        let mut said: Vec<Option<String>> = said.into_iter().map(Some).collect();
        let mut is_there = |text: &str| {
            // A template is another text when it is said.
            let fits = |it: &Option<String>| {
                it.as_ref().is_some_and(|it| text.starts_with('/') || it.starts_with(text))
            };
            queued.contains(&text) || said.iter_mut().find(|it| fits(it)).and_then(Option::take).is_some()
        };
        let (there, not): (Vec<_>, Vec<_>) =
            self.sent.iter().partition(|it| it.text.as_deref().is_none_or(&mut is_there));
        let still_written = |text: &&String| not.iter().any(|it| it.text.as_ref() == Some(*text));
        let known = |text: &&String| there.iter().any(|it| it.text.as_ref() == Some(*text));
        let waiting = self.waiting.iter().filter(|it| !still_written(it) && !known(it));
        Arrived {
            sent: there.iter().map(|it| it.raw.clone()).collect(),
            lost: waiting.filter(|it| !is_there(it)).cloned().collect(),
        }
    }
}

/// Writes something into the folder of what is remembered. Without it a chat document is poorer and not wrong.
pub async fn put(path: PathBuf, what: &impl Serialize) {
    let bytes = serde_json::to_vec(what).unwrap_or_default();
    let written = blocking(move || {
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        write_atomic(&path, &bytes)
    });
    if let Err(error) = written.await {
        tracing::debug!(%error, "what a chat document is like is not remembered");
    }
}

fn place(document: &Path, session: &str) -> Option<PathBuf> {
    Some(document.parent()?.join(FOLDER).join(format!("{session}.json")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_leaves_the_draft_and_what_nobody_got_comes_back() {
        let said = |raw: &str, text: Option<&str>| Said { raw: raw.into(), text: text.map(str::to_owned) };
        let kept = Kept {
            sent: vec![
                said("fix @a", Some("fix @a")),
                said("/review", Some("/review")),
                said("/help", None),
                said("/queue later", Some("later")),
                said("now", Some("now")),
            ],
            waiting: vec!["later".into(), "held".into(), "older".into(), "oldest".into()],
            ..Kept::default()
        };
        let messages = ["fix @a\n\nText of a", "Review the changes.", "older"].map(str::to_owned);
        let arrived = kept.arrived(messages.into(), &["oldest"]);
        assert_eq!(arrived.sent, ["fix @a", "/review", "/help"]);
        // What is in the draft already need not come back into it.
        assert_eq!(arrived.lost, ["held"]);
        let alive = kept.arrived(Vec::new(), &["later", "held", "older", "oldest"]);
        assert_eq!((alive.sent, alive.lost), (vec!["/help".to_owned(), "/queue later".to_owned()], vec![]));
    }
}
