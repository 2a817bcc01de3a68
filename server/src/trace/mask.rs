//! Secrets in a trace: known by the name of their field, by their shape, or as values of this process's environment.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// What stands in the place of a secret.
pub const MASK: &str = "***";
/// Shortest value of the environment that is taken for a secret.
const MIN_SECRET: usize = 8;

/// Values of variables that are called like secrets, longest first, so that one inside another is no trouble.
pub fn secrets(environment: impl Iterator<Item = (String, String)>, own: Option<&str>) -> Vec<String> {
    let mut found: Vec<String> = environment
        .filter(|(name, _)| {
            let name = name.to_uppercase();
            ["KEY", "TOKEN", "SECRET", "PASSW", "AUTH", "CREDENTIAL"].iter().any(|it| name.contains(it))
        })
        .map(|(_, value)| value)
        .chain(own.map(str::to_owned))
        .filter(|it| it.len() >= MIN_SECRET)
        .collect();
    found.sort_by_key(|it| std::cmp::Reverse(it.len()));
    found
}

/// Masks what is or may be a secret in a message.
pub fn mask(value: &mut Value, secrets: &[String]) {
    match value {
        Value::String(text) => mask_text(text, secrets),
        Value::Array(items) => items.iter_mut().for_each(|it| mask(it, secrets)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match is_secret(name, value) {
                    true => mask_all(value),
                    false => mask(value, secrets),
                }
            }
        }
        _ => {}
    }
}

/// Whether a field of this name is a secret, or has nothing but what may be one.
fn is_secret(name: &str, value: &Value) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    // Progress has tokens as well; they are short.
    let progress = ["token", "workdonetoken", "partialresulttoken"].contains(&plain.as_str());
    if progress && value.as_str().is_none_or(|it| it.len() <= 16) {
        return false;
    }
    ["env", "environment", "headers"].contains(&plain.as_str())
        || plain.ends_with("token")
        || ["apikey", "authorization", "passw", "secret", "credential", "privatekey", "cookie"]
            .iter()
            .any(|it| plain.contains(it))
}

/// Masks all texts, whatever their names.
fn mask_all(value: &mut Value) {
    match value {
        Value::String(text) => *text = MASK.into(),
        Value::Array(items) => items.iter_mut().for_each(mask_all),
        Value::Object(fields) => fields.values_mut().for_each(mask_all),
        _ => {}
    }
}

/// Keys by their usual beginnings, and what is assigned to a name like `api_key`. The part in the first group stays.
static SHAPES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let shapes = [
        r"(?i:(bearer\s+)[\w.~+/=-]{8,})",
        r"\b(?:sk-|ghp_|gho_|github_pat_|xox[abp]-|AIza)[\w-]{8,}",
        r"\bAKIA[0-9A-Z]{16}\b",
        r#"(?i:((?:api[_-]?key|token|secret|password|authorization)\\?["']?\s*[=:]\s*\\?["']?)[^\s"'\\]{8,})"#,
    ];
    Regex::new(&shapes.join("|")).ok()
});

fn mask_text(text: &mut String, secrets: &[String]) {
    for secret in secrets {
        if text.contains(secret.as_str()) {
            *text = text.replace(secret.as_str(), MASK);
        }
    }
    let Some(shapes) = &*SHAPES else {
        // Cannot be: the test below has seen it. Without it nothing is safe to show.
        *text = MASK.into();
        return;
    };
    if shapes.is_match(text) {
        *text = shapes
            .replace_all(text, |found: &regex::Captures<'_>| {
                let kept = found.get(1).or_else(|| found.get(2)).map_or("", |it| it.as_str());
                format!("{kept}{MASK}")
            })
            .into_owned();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_masked_and_the_rest_is_not() {
        let known = ["hunter2hunter2".to_owned()];
        for (message, expected) in [
            (json!({"apiKey": "abc", "api_key": "abc"}), json!({"apiKey": "***", "api_key": "***"})),
            (json!({"headers": {"x": "y", "n": 1}}), json!({"headers": {"x": "***", "n": 1}})),
            (json!({"env": {"HOME": "/h"}}), json!({"env": {"HOME": "***"}})),
            (json!({"accessToken": "x", "tokens": 5}), json!({"accessToken": "***", "tokens": 5})),
            (json!({"token": "pi 2"}), json!({"token": "pi 2"})),
            (json!({"token": "0123456789abcdefg"}), json!({"token": "***"})),
            (
                json!({"workDoneToken": 7, "usage": {"input": 3}}),
                json!({"workDoneToken": 7, "usage": {"input": 3}}),
            ),
            (json!(["say hunter2hunter2 twice"]), json!(["say *** twice"])),
            (json!("Authorization: Bearer abcdefgh1234"), json!("Authorization: Bearer ***")),
            (json!("a bearer abcdefgh1234."), json!("a bearer ***")),
            (json!("key sk-ant-0123456789 end"), json!("key *** end")),
            (json!("export API_KEY='longvalue1'"), json!("export API_KEY='***'")),
            (json!("{\"apiKey\": \"longvalue1\"}"), json!("{\"apiKey\": \"***\"}")),
            (json!("the token count is 12"), json!("the token count is 12")),
            (json!({"text": "let key = map.get(id);"}), json!({"text": "let key = map.get(id);"})),
        ] {
            let mut masked = message.clone();
            mask(&mut masked, &known);
            assert_eq!(masked, expected, "{message}");
        }
    }

    #[test]
    fn the_environment_is_searched_for_secrets() {
        let environment = [("HOME", "/home/somebody"), ("X_API_KEY", "longsecret"), ("SHORT_TOKEN", "abc")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            secrets(environment.into_iter(), Some("muchlongersecret")),
            ["muchlongersecret", "longsecret"]
        );
    }
}
