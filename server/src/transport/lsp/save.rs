//! `pi/saveDocuments` and `pi/reloadDocuments`: the requests to a plugin to save what the user has not, and to show what
//! others have made of files.

use std::{path::PathBuf, time::Duration};

use pi_protocol::{ReloadDocumentsParams, ReloadedDocuments, SaveDocumentsParams, SavedDocuments};
use serde_json::Value;

use super::{client::AskError, connection::Connection};

/// How long a plugin may take: formatters run on save.
const DEADLINE: Duration = Duration::from_secs(5);

/// Asks the client to save these documents.
///
/// # Errors
/// It does not answer in time, refuses, or says that some were not saved.
pub async fn ask(connection: &Connection, paths: &[PathBuf]) -> Result<(), String> {
    let params = serde_json::to_value(SaveDocumentsParams { uris: uris(connection, paths) })
        .map_err(|error| error.to_string())?;
    hint(connection.client.ask("pi/saveDocuments", params, DEADLINE).await)
}

/// Asks the client to show what the files of these documents have become, where nothing is unsaved.
///
/// # Errors
/// It does not answer in time, refuses, or says that some were not reloaded.
pub async fn reload(connection: &Connection, paths: &[PathBuf]) -> Result<(), String> {
    let params = serde_json::to_value(ReloadDocumentsParams { uris: uris(connection, paths) })
        .map_err(|error| error.to_string())?;
    let answer = connection.client.ask("pi/reloadDocuments", params, DEADLINE).await;
    let answer = answer.map_err(|error| error.to_string())?;
    let ReloadedDocuments { failed } = serde_json::from_value(answer).unwrap_or_default();
    match failed.into_iter().next() {
        Some(first) => Err(first.message),
        None => Ok(()),
    }
}

fn uris(connection: &Connection, paths: &[PathBuf]) -> Vec<String> {
    paths.iter().filter_map(|it| connection.documents.uri(it)).map(|it| it.to_string()).collect()
}

fn hint(answer: Result<Value, AskError>) -> Result<(), String> {
    let answer = answer.map_err(|error| error.to_string())?;
    // An answer in another form says nothing; the reports of the editor do.
    let SavedDocuments { failed } = serde_json::from_value(answer).unwrap_or_default();
    match failed.into_iter().next() {
        Some(first) => Err(first.message),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_failure_that_is_told_is_one() {
        for answer in [json!(null), json!({}), json!({"failed": []}), json!("done")] {
            assert_eq!(hint(Ok(answer)), Ok(()));
        }
        let failed = json!({"failed": [{"uri": "file:///a", "message": "E45: 'readonly' option is set"}]});
        assert_eq!(hint(Ok(failed)), Err("E45: 'readonly' option is set".into()));
        let late = hint(Err(AskError::Timeout(DEADLINE)));
        assert_eq!(late, Err("the editor did not answer within 5 s".into()));
    }
}
