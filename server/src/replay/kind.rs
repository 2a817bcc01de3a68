//! What a message of the server is, so that the same one can be found in a replay.

use serde_json::Value;

use super::chat;

/// How client and server speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speech {
    /// LSP.
    Lsp,
    /// Pi's records.
    Jsonl,
}

/// What a message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// Of two messages with the same name the first is the first in a replay as well.
    pub name: String,
    /// For people.
    pub title: String,
    /// When it comes, and in how many pieces, depends on the clock: it is neither waited for nor compared.
    pub passes: bool,
}

/// Events that are increments.
const GROWING: [&str; 3] = ["message_update", "tool_execution_update", "bash_execution_update"];
/// Notifications and requests that come when the server finds time, or that belong to a command that is not run.
const IN_PASSING: [&str; 9] = [
    "pi/activity",
    "textDocument/publishDiagnostics",
    "window/logMessage",
    "telemetry/event",
    "workspace/codeLens/refresh",
    "pi/saveDocuments",
    "pi/reloadDocuments",
    "client/registerCapability",
    "$/cancelRequest",
];

/// What `message` is. `sessions` has the sessions that were heard of before.
pub fn kind(speech: Speech, message: &Value, sessions: &mut Vec<String>) -> Kind {
    match speech {
        Speech::Lsp => of_lsp(message, sessions),
        Speech::Jsonl => of_jsonl(message),
    }
}

/// A message without what depends on the clock or on the version.
pub fn timeless(message: &Value) -> Value {
    let mut message = message.clone();
    if message.get("method").is_some() {
        // The server numbers its requests as they come.
        if let Some(fields) = message.as_object_mut() {
            fields.shift_remove("id");
        }
    }
    let capabilities = message.get_mut("result").and_then(|it| it.get_mut("capabilities"));
    if let Some(capabilities) = capabilities.and_then(Value::as_object_mut) {
        // What a server can do belongs to its version. How it counts belongs to the conversation.
        capabilities.retain(|name, _| name == "positionEncoding");
    }
    if message["method"] == "$/progress" {
        // It begins with whatever is going on at that moment.
        if let Some(value) = message["params"]["value"].as_object_mut() {
            value.shift_remove("message");
        }
    }
    if message["params"]["event"]["type"] == "edits_changed" {
        // The record of edits tells of them when it has them, maybe after the turn.
        if let Some(params) = message["params"].as_object_mut() {
            params.shift_remove("turnId");
        }
    }
    message
}

fn of_lsp(message: &Value, sessions: &mut Vec<String>) -> Kind {
    let Some(method) = message["method"].as_str() else {
        let name = format!("answer to {}", message["id"]);
        return Kind { title: name.clone(), name, passes: false };
    };
    if message.get("id").is_some() {
        let passes =
            IN_PASSING.contains(&method) || chat::edit(message).is_some_and(|(uri, _)| chat::is_chat(uri));
        return Kind { name: format!("request {method}"), title: format!("request {method}"), passes };
    }
    let params = &message["params"];
    let (what, passes) = match method {
        "pi/event" => {
            let event = params["event"]["type"].as_str().unwrap_or_default();
            (event, GROWING.contains(&event))
        }
        "$/progress" => {
            let step = params["value"]["kind"].as_str().unwrap_or_default();
            (step, step == "report")
        }
        _ => ("", IN_PASSING.contains(&method)),
    };
    let session = params["sessionId"].as_str().map_or(0, |id| {
        let at = sessions.iter().position(|it| it == id);
        at.unwrap_or_else(|| {
            sessions.push(id.to_owned());
            sessions.len() - 1
        })
    });
    let title = if what.is_empty() { method.to_owned() } else { format!("{method} {what}") };
    Kind { name: format!("{title} {session}"), title, passes }
}

fn of_jsonl(message: &Value) -> Kind {
    let kind = message["type"].as_str().unwrap_or_default();
    if kind == "response" {
        let command = message["command"].as_str().unwrap_or_default();
        let name = match message.get("id") {
            Some(id) => format!("answer to {id}"),
            None => format!("answer to a {command}"),
        };
        return Kind { title: format!("{name} ({command})"), name, passes: false };
    }
    Kind { name: kind.to_owned(), title: kind.to_owned(), passes: GROWING.contains(&kind) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_belongs_to_the_moment_is_left_out() {
        for (message, left) in [
            (json!({"id": 1, "result": [{"title": "x"}]}), json!({"id": 1, "result": [{"title": "x"}]})),
            (json!({"id": 1, "result": null}), json!({"id": 1, "result": null})),
            (
                json!({"id": 1, "result": {"capabilities": {"positionEncoding": "utf-8", "hoverProvider": true}}}),
                json!({"id": 1, "result": {"capabilities": {"positionEncoding": "utf-8"}}}),
            ),
            (
                json!({"method": "$/progress", "params": {"value": {"kind": "begin", "message": "m"}}}),
                json!({"method": "$/progress", "params": {"value": {"kind": "begin"}}}),
            ),
        ] {
            assert_eq!(timeless(&message), left);
        }
    }

    #[test]
    fn messages_have_names() {
        let event = |session: &str, kind: &str| json!({"method": "pi/event", "params": {"sessionId": session, "event": {"type": kind}}});
        let edit = |uri: &str| {
            json!({"id": 3, "method": "workspace/applyEdit",
                "params": {"edit": {"documentChanges": [{"textDocument": {"uri": uri}, "edits": []}]}}})
        };
        let mut sessions = Vec::new();
        for (message, name, passes) in [
            (json!({"id": 3, "result": null}), "answer to 3", false),
            (json!({"id": "x", "error": {}}), "answer to \"x\"", false),
            (event("a", "turn_start"), "pi/event turn_start 0", false),
            (event("b", "turn_start"), "pi/event turn_start 1", false),
            (event("a", "message_update"), "pi/event message_update 0", true),
            (edit("file:///w/a.rs"), "request workspace/applyEdit", false),
            (edit("file:///w/.pi/chat/a.md"), "request workspace/applyEdit", true),
            (
                json!({"method": "$/progress", "params": {"value": {"kind": "report"}}}),
                "$/progress report 0",
                true,
            ),
            (json!({"method": "window/showMessage", "params": {}}), "window/showMessage 0", false),
        ] {
            let kind = kind(Speech::Lsp, &message, &mut sessions);
            assert_eq!((kind.name.as_str(), kind.passes), (name, passes), "{message}");
        }
        for (message, name, passes) in [
            (json!({"type": "response", "id": "1", "command": "prompt"}), "answer to \"1\"", false),
            (json!({"type": "response", "command": "prompt"}), "answer to a prompt", false),
            (json!({"type": "agent_end"}), "agent_end", false),
            (json!({"type": "message_update"}), "message_update", true),
        ] {
            let kind = kind(Speech::Jsonl, &message, &mut sessions);
            assert_eq!((kind.name.as_str(), kind.passes), (name, passes), "{message}");
        }
    }
}
