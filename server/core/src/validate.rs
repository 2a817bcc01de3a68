//! Tool arguments against their schema, with the coercions and texts Pi's clients and models know
//! (spec: messages.md §7).
//!
//! Covers what tool schemas use: `type`, `properties`, `required`, `items`, `enum`, `const`, `anyOf`, `oneOf`,
//! `additionalProperties: false`, `minimum`, `maximum`, and `$ref` into `$defs`. A general validator would be a
//! heavy dependency and none coerces ("5" → 5) as models need it.

use serde_json::{Map, Number, Value};

/// Checks and coerces the arguments of `tool`.
///
/// # Errors
/// The text the model gets, one line per problem and the arguments as received.
pub fn arguments(
    tool: &str,
    schema: &Value,
    args: &Map<String, Value>,
) -> Result<Map<String, Value>, String> {
    let mut value = Value::Object(args.clone());
    let mut problems = Vec::new();
    Checker { root: schema, problems: &mut problems }.check(schema, &mut value, "", 0);
    match value {
        Value::Object(it) if problems.is_empty() => Ok(it),
        _ => {
            let list: Vec<String> = problems.iter().map(|it| format!("  - {it}")).collect();
            let received = serde_json::to_string_pretty(args).unwrap_or_default();
            Err(format!(
                "Validation failed for tool \"{tool}\":\n{}\n\nReceived arguments:\n{received}",
                list.join("\n")
            ))
        }
    }
}

/// Schemas nest no deeper than this; a cyclic `$ref` ends here.
const MAX_DEPTH: usize = 64;

struct Checker<'a> {
    root: &'a Value,
    problems: &'a mut Vec<String>,
}

impl Checker<'_> {
    fn problem(&mut self, path: &str, text: impl AsRef<str>) {
        let path = if path.is_empty() { "root" } else { path };
        self.problems.push(format!("{path}: {}", text.as_ref()));
    }

    fn check(&mut self, schema: &Value, value: &mut Value, path: &str, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            if let Some(target) = target.strip_prefix('#').and_then(|it| self.root.pointer(it)).cloned() {
                return self.check(&target, value, path, depth + 1);
            }
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(options) = schema.get(key).and_then(Value::as_array) {
                return self.check_options(options, value, path, depth, key);
            }
        }
        let types: Vec<&str> = match schema.get("type") {
            Some(Value::String(it)) => vec![it],
            Some(Value::Array(it)) => it.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if !types.is_empty() && !types.iter().any(|it| is(value, it)) {
            match types.iter().find_map(|it| coerce(value, it)) {
                Some(coerced) => *value = coerced,
                None => return self.problem(path, format!("must be {}", types.join(","))),
            }
        }
        if let Some(allowed) = schema.get("enum").and_then(Value::as_array) {
            if !allowed.contains(value) {
                return self.problem(path, "must be equal to one of the allowed values");
            }
        }
        if schema.get("const").is_some_and(|it| it != value) {
            return self.problem(path, "must be equal to constant");
        }
        match value {
            Value::Object(map) => self.check_object(schema, map, path, depth),
            Value::Array(items) => {
                if let Some(schema) = schema.get("items") {
                    for (index, item) in items.iter_mut().enumerate() {
                        self.check(schema, item, &join(path, &index.to_string()), depth + 1);
                    }
                }
            }
            Value::Number(number) => {
                let number = number.as_f64().unwrap_or(0.0);
                if let Some(limit) = schema.get("minimum").and_then(Value::as_f64).filter(|it| number < *it) {
                    self.problem(path, format!("must be >= {limit}"));
                }
                if let Some(limit) = schema.get("maximum").and_then(Value::as_f64).filter(|it| number > *it) {
                    self.problem(path, format!("must be <= {limit}"));
                }
            }
            _ => {}
        }
    }

    fn check_options(&mut self, options: &[Value], value: &mut Value, path: &str, depth: usize, key: &str) {
        for option in options {
            let mut attempt = value.clone();
            let mut problems = Vec::new();
            Checker { root: self.root, problems: &mut problems }.check(option, &mut attempt, path, depth + 1);
            if problems.is_empty() {
                *value = attempt;
                return;
            }
        }
        self.problem(path, format!("must match a schema in {key}"));
    }

    fn check_object(&mut self, schema: &Value, map: &mut Map<String, Value>, path: &str, depth: usize) {
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            let Some(name) = name.as_str() else { continue };
            if !map.contains_key(name) {
                // Pi names the missing property at the top level and the object below it.
                let at = if path.is_empty() { name } else { path };
                self.problem(at, format!("must have required property '{name}'"));
            }
        }
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
        for (name, schema) in properties {
            if let Some(value) = map.get_mut(name) {
                self.check(schema, value, &join(path, name), depth + 1);
            }
        }
        if schema.get("additionalProperties") == Some(&Value::Bool(false)) {
            for name in map.keys().filter(|it| !properties.contains_key(*it)) {
                self.problem(path, format!("must NOT have additional properties ('{name}')"));
            }
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|it| it.fract() == 0.0),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        _ => true,
    }
}

/// The value as `kind`, where nobody could mean anything else.
fn coerce(value: &Value, kind: &str) -> Option<Value> {
    let number = |value: &Value| match value {
        Value::String(it) => {
            let it = it.trim();
            it.parse::<i64>()
                .map(Number::from)
                .ok()
                .or_else(|| it.parse::<f64>().ok().and_then(Number::from_f64))
        }
        Value::Bool(it) => Some(Number::from(u8::from(*it))),
        Value::Null => Some(Number::from(0)),
        _ => None,
    };
    match kind {
        "string" => match value {
            Value::Number(it) => Some(Value::String(it.to_string())),
            Value::Bool(it) => Some(Value::String(it.to_string())),
            Value::Null => Some(Value::String(String::new())),
            _ => None,
        },
        "number" => number(value).map(Value::Number),
        "integer" => number(value).map(Value::Number).filter(|it| is(it, "integer")),
        "boolean" => match value {
            Value::String(it) if it == "true" => Some(true),
            Value::String(it) if it == "false" => Some(false),
            Value::Number(it) if it.as_f64() == Some(1.0) => Some(true),
            Value::Number(it) if it.as_f64() == Some(0.0) => Some(false),
            Value::Null => Some(false),
            _ => None,
        }
        .map(Value::Bool),
        "null" => match value {
            Value::String(it) if it.is_empty() => Some(Value::Null),
            Value::Number(it) if it.as_f64() == Some(0.0) => Some(Value::Null),
            Value::Bool(false) => Some(Value::Null),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(schema: Value, args: Value, expected: Result<Value, &str>) {
        let Value::Object(args) = args else { panic!("arguments are an object") };
        match (arguments("t", &schema, &args), expected) {
            (Ok(it), Ok(expected)) => assert_eq!(Value::Object(it), expected),
            (Err(text), Err(part)) => assert!(text.contains(part), "{text}"),
            (got, expected) => panic!("{got:?}, expected {expected:?}"),
        }
    }

    fn read() -> Value {
        json!({"type": "object", "required": ["path"], "properties": {
            "path": {"type": "string"}, "offset": {"type": ["integer", "null"], "minimum": 0},
            "all": {"type": "boolean"}, "op": {"enum": ["a", "b"]},
            "edits": {"type": "array", "items": {"type": "object", "required": ["oldText"],
                "properties": {"oldText": {"type": "string"}}}},
        }})
    }

    #[test]
    fn values_are_coerced_where_the_meaning_is_clear() {
        check(
            read(),
            json!({"path": 5, "offset": "2", "all": "true"}),
            Ok(json!({"path": "5", "offset": 2, "all": true})),
        );
        check(read(), json!({"path": "a", "offset": null}), Ok(json!({"path": "a", "offset": null})));
        check(read(), json!({"path": "a", "unknown": 1}), Ok(json!({"path": "a", "unknown": 1})));
    }

    #[test]
    fn problems_are_named_as_pi_names_them() {
        check(
            read(),
            json!({}),
            Err("Validation failed for tool \"t\":\n  - path: must have required property 'path'\n\n\
                 Received arguments:\n{}"),
        );
        check(
            read(),
            json!({"path": ["x"]}),
            Err("  - path: must be string\n\nReceived arguments:\n{\n  \"path\": [\n    \"x\"\n  ]\n}"),
        );
        check(read(), json!({"path": "a", "offset": 1.5}), Err("offset: must be integer,null"));
        check(read(), json!({"path": "a", "offset": -1}), Err("offset: must be >= 0"));
        check(read(), json!({"path": "a", "op": "c"}), Err("op: must be equal to one of the allowed values"));
        check(
            read(),
            json!({"path": "a", "edits": [{}]}),
            Err("edits/0: must have required property 'oldText'"),
        );
    }

    #[test]
    fn options_and_references_are_followed_and_cycles_end() {
        let schema = json!({"type": "object", "properties": {
            "lines": {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"$ref": "#/$defs/text"}]}},
            "$defs": {"text": {"type": "string"}}});
        check(schema.clone(), json!({"lines": "x"}), Ok(json!({"lines": "x"})));
        check(schema.clone(), json!({"lines": [1]}), Ok(json!({"lines": ["1"]})));
        check(schema, json!({"lines": {}}), Err("lines: must match a schema in anyOf"));
        check(json!({"$ref": "#"}), json!({"a": 1}), Ok(json!({"a": 1})));
    }
}
