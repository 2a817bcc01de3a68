//! What a model API demands of a request, checked on every request the scripted model receives.
//!
//! The real APIs answer 400 to these mistakes, so a server that makes one loses the user's session. The checks
//! return sentences instead of panicking: they run on the server's threads, and the test must hear of them.

use std::collections::HashSet;

use serde_json::Value;

use crate::wire::Dialect;

/// Everything that is wrong with a request body; empty when the API would accept it.
pub fn violations(dialect: Dialect, body: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if body["stream"] != true {
        found.push("`stream` is not true".to_owned());
    }
    if body["model"].as_str().is_none_or(str::is_empty) {
        found.push("`model` is missing".to_owned());
    }
    let mut names = HashSet::new();
    for tool in body["tools"].as_array().into_iter().flatten() {
        let name = match dialect {
            Dialect::Anthropic => tool["name"].as_str(),
            Dialect::ChatCompletions => tool["function"]["name"].as_str(),
        };
        match name {
            Some(name) if names.insert(name) => {}
            name => found.push(format!("tool name {name:?} is missing or declared twice")),
        }
    }
    let Some(messages) = body["messages"].as_array().filter(|it| !it.is_empty()) else {
        found.push("`messages` is missing or empty".to_owned());
        return found;
    };
    match dialect {
        Dialect::Anthropic => anthropic(messages, &mut found),
        Dialect::ChatCompletions => chat_completions(messages, &mut found),
    }
    found
}

/// Content as blocks: a string is one text block.
fn blocks(content: &Value) -> Vec<Value> {
    match content {
        Value::String(text) => vec![serde_json::json!({"type": "text", "text": text})],
        Value::Array(blocks) => blocks.clone(),
        _ => Vec::new(),
    }
}

fn check_content(place: &str, blocks: &[Value], found: &mut Vec<String>) {
    if blocks.is_empty() {
        found.push(format!("{place}: content is empty"));
    }
    for block in blocks {
        if block["type"] == "text" && block["text"].as_str().is_none_or(|it| it.trim().is_empty()) {
            found.push(format!("{place}: a text block is empty"));
        }
    }
}

fn anthropic(messages: &[Value], found: &mut Vec<String>) {
    if messages[0]["role"] != "user" {
        found.push("the first message is not the user's".to_owned());
    }
    if messages[messages.len() - 1]["role"] != "user" {
        found.push("the last message is not the user's".to_owned());
    }
    // Consecutive user messages are one turn for the API; two assistant messages in a row are our mistake.
    let mut owed: Vec<String> = Vec::new();
    let mut answered = false;
    let mut previous = "";
    let mut seen = HashSet::new();
    for (index, message) in messages.iter().enumerate() {
        let place = format!("message {index}");
        let blocks = blocks(&message["content"]);
        check_content(&place, &blocks, found);
        match message["role"].as_str() {
            Some("assistant") => {
                if previous == "assistant" {
                    found.push(format!("{place}: two assistant messages in a row"));
                }
                settle(&place, &mut owed, found);
                answered = false;
                for block in blocks.iter().filter(|it| it["type"] == "tool_use") {
                    let id = block["id"].as_str().unwrap_or_default().to_owned();
                    if !block["input"].is_object() {
                        found.push(format!("{place}: input of tool call {id} is not an object"));
                    }
                    if !seen.insert(id.clone()) {
                        found.push(format!("{place}: tool call id {id} is used twice"));
                    }
                    owed.push(id);
                }
                previous = "assistant";
            }
            Some("user") => {
                for block in &blocks {
                    if block["type"] != "tool_result" {
                        answered = true;
                        settle(&place, &mut owed, found);
                        continue;
                    }
                    let id = block["tool_use_id"].as_str().unwrap_or_default();
                    if answered {
                        found.push(format!("{place}: the result of {id} comes after other content"));
                    }
                    pay(&place, id, &mut owed, found);
                }
                previous = "user";
            }
            role => found.push(format!("{place}: role {role:?} does not exist")),
        }
    }
    settle("the end", &mut owed, found);
}

fn chat_completions(messages: &[Value], found: &mut Vec<String>) {
    if matches!(messages[messages.len() - 1]["role"].as_str(), Some("assistant" | "system" | "developer")) {
        found.push("the last message asks nothing".to_owned());
    }
    let mut owed: Vec<String> = Vec::new();
    let mut seen = HashSet::new();
    for (index, message) in messages.iter().enumerate() {
        let place = format!("message {index}");
        let blocks = blocks(&message["content"]);
        match message["role"].as_str() {
            Some("assistant") => {
                settle(&place, &mut owed, found);
                let calls = message["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
                if calls.is_empty() {
                    check_content(&place, &blocks, found);
                }
                for call in calls {
                    let id = call["id"].as_str().unwrap_or_default().to_owned();
                    let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
                    if !serde_json::from_str::<Value>(arguments).is_ok_and(|it| it.is_object()) {
                        found.push(format!("{place}: arguments of tool call {id} are not an object"));
                    }
                    if !seen.insert(id.clone()) {
                        found.push(format!("{place}: tool call id {id} is used twice"));
                    }
                    owed.push(id);
                }
            }
            Some("tool") => {
                check_content(&place, &blocks, found);
                pay(&place, message["tool_call_id"].as_str().unwrap_or_default(), &mut owed, found);
            }
            Some("user" | "system" | "developer") => {
                settle(&place, &mut owed, found);
                check_content(&place, &blocks, found);
            }
            role => found.push(format!("{place}: role {role:?} does not exist")),
        }
    }
    settle("the end", &mut owed, found);
}

/// A result arrived: it must be owed.
fn pay(place: &str, id: &str, owed: &mut Vec<String>, found: &mut Vec<String>) {
    match owed.iter().position(|it| it == id) {
        Some(index) => {
            owed.remove(index);
        }
        None => found.push(format!("{place}: a result for {id:?}, which is not waiting for one")),
    }
}

/// Something other than a result arrived: nothing may be owed any more.
fn settle(place: &str, owed: &mut Vec<String>, found: &mut Vec<String>) {
    for id in owed.drain(..) {
        found.push(format!("{place}: tool call {id} has no result"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(dialect: Dialect, messages: Value) -> Vec<String> {
        violations(dialect, &json!({"stream": true, "model": "m", "messages": messages}))
    }

    fn call(id: &str) -> Value {
        json!({"type": "tool_use", "id": id, "name": "read", "input": {}})
    }

    fn result(id: &str) -> Value {
        json!({"type": "tool_result", "tool_use_id": id, "content": "x"})
    }

    #[test]
    fn anthropic_requests_that_are_right_pass() {
        let messages = json!([
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": [call("a"), call("b")]},
            {"role": "user", "content": [result("a"), result("b")]},
            {"role": "user", "content": [{"type": "text", "text": "and"}]},
        ]);
        assert_eq!(of(Dialect::Anthropic, messages), Vec::<String>::new());
    }

    #[test]
    fn anthropic_mistakes_are_found() {
        for (messages, what) in [
            (json!([]), "`messages` is missing"),
            (json!([{"role": "user", "content": ""}]), "a text block is empty"),
            (json!([{"role": "user", "content": []}]), "content is empty"),
            (
                json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": [call("a")]}]),
                "not the user's",
            ),
            (
                json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": [call("a")]},
                       {"role": "user", "content": "what"}]),
                "tool call a has no result",
            ),
            (
                json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": [call("a")]},
                       {"role": "user", "content": [result("a"), result("a")]}]),
                "not waiting for one",
            ),
            (
                json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "x"},
                       {"role": "assistant", "content": "y"}, {"role": "user", "content": "z"}]),
                "two assistant messages",
            ),
        ] {
            let found = of(Dialect::Anthropic, messages.clone());
            assert!(found.iter().any(|it| it.contains(what)), "{messages}: {found:?}");
        }
    }

    #[test]
    fn chat_completion_mistakes_are_found() {
        let call = |id: &str| {
            json!({"id": id, "type": "function",
                                     "function": {"name": "read", "arguments": "{}"}})
        };
        for (messages, what) in [
            (
                json!([{"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": [call("a")]},
                       {"role": "user", "content": "what"}]),
                "tool call a has no result",
            ),
            (
                json!([{"role": "user", "content": "hi"},
                       {"role": "tool", "tool_call_id": "a", "content": "x"}]),
                "not waiting for one",
            ),
            (
                json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": ""}]),
                "asks nothing",
            ),
            (
                json!([{"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": [
                    {"id": "a", "function": {"name": "read", "arguments": "{"}}]},
                    {"role": "tool", "tool_call_id": "a", "content": "x"}]),
                "not an object",
            ),
        ] {
            let found = of(Dialect::ChatCompletions, messages.clone());
            assert!(found.iter().any(|it| it.contains(what)), "{messages}: {found:?}");
        }
    }
}
