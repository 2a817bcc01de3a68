//! What a command asks that was called without the word it needs: one of the models, levels, modes or chats.

use std::{sync::Arc, time::Duration};

use pi_core::{
    CancellationToken, SessionHandle,
    session::{Command, UiAnswer},
};
use pi_protocol::{ExtensionUiMethod, ExtensionUiRequest, PermissionMode, ReviewMode};

use super::verbs;
use crate::transport::lsp::connection::Connection;

/// After that long nobody remembers what was asked for.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// Chats that are offered.
const CHATS: usize = 20;

/// What came of it.
pub enum Word {
    /// The user chose, or wrote, this.
    Given(String),
    /// The user chose a chat: its id and title.
    Chat(String, String),
    /// The user chose nothing: nothing changes.
    Nothing,
    /// There is nothing to choose from, or nobody to ask.
    NotAsked,
}

/// Asks for the word that `name` lacks.
pub async fn word(connection: &Arc<Connection>, session: &SessionHandle, name: &str) -> Word {
    let Ok(state) = session.ask(Command::GetState).await else { return Word::NotAsked };
    let (title, choices) = match name {
        "model" => {
            let all = session.ask(Command::GetAvailableModels).await.map(|it| it.models).unwrap_or_default();
            let now = state.model.as_ref().map(|it| format!(" (now {})", verbs::full_name(it)));
            (format!("Model{}", now.unwrap_or_default()), all.iter().map(verbs::full_name).collect())
        }
        "thinking" => {
            let all = session.ask(Command::GetAvailableThinkingLevels).await.map(|it| it.levels);
            let all: Vec<_> = all.unwrap_or_default().iter().map(ToString::to_string).collect();
            (format!("How hard the model thinks (now {})", state.thinking_level), all)
        }
        "mode" => {
            let all = PermissionMode::ALL.map(|it| it.as_str().to_owned());
            (format!("What Pi may do without asking (now {})", state.permission_mode.as_str()), all.to_vec())
        }
        "review" => {
            let all = ReviewMode::ALL.map(|it| it.as_str().to_owned());
            (format!("What becomes of edits (now {})", state.review_mode.as_str()), all.to_vec())
        }
        "open" => return chat(connection, session).await,
        "rename" if connection.capabilities().ui => {
            let request = ExtensionUiRequest {
                title: Some("Name of this chat".to_owned()),
                placeholder: state.session_name,
                ..ExtensionUiRequest::new(ExtensionUiMethod::Input)
            };
            let name = ask(connection, session, request).await;
            return name.filter(|it| !it.trim().is_empty()).map_or(Word::Nothing, Word::Given);
        }
        _ => return Word::NotAsked,
    };
    match one_of(connection, session, title, choices).await {
        Some(chosen) => chosen.map_or(Word::Nothing, Word::Given),
        None => Word::NotAsked,
    }
}

/// One of the newest chats of the project.
async fn chat(connection: &Arc<Connection>, session: &SessionHandle) -> Word {
    let mut all = verbs::sessions(connection, session).await;
    all.truncate(CHATS);
    // Numbered, as `/sessions` does: titles may be the same.
    let named = |(at, it): (usize, &(String, String))| {
        format!("{}: {}", at + 1, it.1.lines().next().unwrap_or_default())
    };
    let names: Vec<_> = all.iter().enumerate().map(named).collect();
    match one_of(connection, session, "Which chat?".to_owned(), names.clone()).await {
        Some(Some(chosen)) => {
            let found = names.iter().position(|it| *it == chosen).map(|at| all.swap_remove(at));
            found.map_or(Word::Nothing, |(id, title)| Word::Chat(id, title))
        }
        Some(None) => Word::Nothing,
        None => Word::NotAsked,
    }
}

/// The choice, if there is one; nothing at all if there is nothing to choose from or nobody to ask.
async fn one_of(
    connection: &Arc<Connection>,
    session: &SessionHandle,
    title: String,
    choices: Vec<String>,
) -> Option<Option<String>> {
    if choices.len() < 2 || !connection.capabilities().answers_to.choices {
        return None;
    }
    let request = ExtensionUiRequest {
        title: Some(title),
        options: Some(choices),
        ..ExtensionUiRequest::new(ExtensionUiMethod::Select)
    };
    Some(ask(connection, session, request).await)
}

/// Asks as everything is asked. One such question is open at a time: the newest.
async fn ask(
    connection: &Arc<Connection>,
    session: &SessionHandle,
    request: ExtensionUiRequest,
) -> Option<String> {
    let request = ExtensionUiRequest { timeout: u64::try_from(PATIENCE.as_millis()).ok(), ..request };
    let cancel = CancellationToken::new();
    connection.questions.instead(&cancel);
    match session.ask(|reply| Command::AskUi(Box::new(request), cancel, reply)).await {
        Ok(UiAnswer::Text(text)) => Some(text),
        _ => None,
    }
}
