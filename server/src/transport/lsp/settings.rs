//! Settings that come from the editor: `initializationOptions` and `workspace/didChangeConfiguration`.
//!
//! Editors send both, in any shape: under `pi` or bare, with everything or with nothing. Under `pi` counts if it is
//! there; what comes later wins, and nothing at all changes nothing.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::{connection::Connection, inline};

/// How long a client may take to say its settings.
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(10);

type Object = Map<String, Value>;

#[derive(Debug, Default)]
struct State {
    /// Of `initializationOptions`.
    first: Object,
    /// Of the last `didChangeConfiguration`.
    now: Object,
}

/// What one client has set.
#[derive(Debug, Default)]
pub struct Settings(Mutex<State>);

impl Settings {
    /// Takes in what one more message says; both together.
    fn take(&self, change: impl FnOnce(&mut State)) -> Object {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        let mut all = state.first.clone();
        lay_over(&mut all, state.now.clone());
        all
    }
}

/// `initializationOptions`.
pub fn initial(connection: &Connection, options: Option<&Value>) {
    let Some(object) = options.and_then(ours) else { return };
    let all = connection.settings().take(|it| it.first = object);
    apply(connection, all);
}

/// `workspace/didChangeConfiguration`. A client that says only that something has changed is asked.
pub fn changed(connection: &Arc<Connection>, settings: &Value) {
    if let Some(object) = ours(settings) {
        return set(connection, object);
    }
    if !settings.is_null() || !connection.capabilities().configuration {
        return;
    }
    let connection = connection.clone();
    connection.tasks.clone().spawn(async move {
        let params = json!({"items": [{"section": "pi"}]});
        match connection.client.ask("workspace/configuration", params, DEADLINE).await {
            Ok(answer) => {
                if let Some(object) = answer.get(0).and_then(Value::as_object) {
                    set(&connection, object.clone());
                }
            }
            Err(error) => tracing::debug!(%error, "no settings from the editor"),
        }
    });
}

fn set(connection: &Arc<Connection>, object: Object) {
    let all = connection.settings().take(|it| it.now = object);
    apply(connection, all);
    inline::settings_changed(connection);
}

fn apply(connection: &Connection, all: Object) {
    for warning in connection.hub.compose().set_editor_settings(all) {
        connection.messages.show(lsp_types::MessageType::WARNING, &warning);
    }
}

/// Our part of what an editor sends; nothing if it says nothing.
fn ours(said: &Value) -> Option<Object> {
    let object = match said.get("pi") {
        Some(ours) => ours.as_object()?,
        None => said.as_object()?,
    };
    (!object.is_empty()).then(|| object.clone())
}

fn lay_over(under: &mut Object, over: Object) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Object(under)), Value::Object(over)) => lay_over(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_in_all_the_shapes_editors_send() {
        let mode = json!({"permissions": {"mode": "plan"}});
        for (said, expected) in [
            (json!(null), None),
            (json!([]), None),
            (json!({}), None),
            (json!({"pi": null}), None),
            (json!({"pi": {}}), None),
            (json!({"pi": mode, "rust": {}}), Some(mode.clone())),
            (mode.clone(), Some(mode.clone())),
        ] {
            assert_eq!(ours(&said).map(Value::Object), expected, "{said}");
        }
    }

    #[test]
    fn what_comes_later_wins_and_the_rest_stays() {
        let object = |it: Value| it.as_object().cloned().unwrap();
        let settings = Settings::default();
        settings.take(|it| it.first = object(json!({"retry": {"enabled": false, "maxRetries": 2}})));
        let all = settings.take(|it| it.now = object(json!({"retry": {"maxRetries": 5}, "shellPath": "/x"})));
        assert_eq!(
            Value::Object(all),
            json!({"retry": {"enabled": false, "maxRetries": 5}, "shellPath": "/x"})
        );
        let all = settings.take(|it| it.now = object(json!({"shellPath": "/y"})));
        assert_eq!(
            Value::Object(all),
            json!({"retry": {"enabled": false, "maxRetries": 2}, "shellPath": "/y"})
        );
    }
}
