//! What the model is told about a tool, made from the struct of its arguments.

use pi_core::{ToolError, ToolSpec};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The description of a tool whose arguments are `A`; the fields' doc comments are the model's documentation.
pub fn spec<A: JsonSchema>(name: &str, summary: &str, description: &str, read_only: bool) -> ToolSpec {
    ToolSpec {
        name: name.into(),
        description: description.into(),
        parameters: parameters::<A>(),
        summary: summary.into(),
        read_only,
    }
}

/// The JSON Schema of `A` as providers like it: one object, nothing to look up, an optional field is just not required.
pub fn parameters<A: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft07().with(|it| {
        it.inline_subschemas = true;
        it.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<A>().to_value();
    if let Some(root) = schema.as_object_mut() {
        root.remove("title");
        root.remove("description");
    }
    simplify(&mut schema);
    schema
}

/// The arguments of a call. They were validated against the schema before, so a failure names a bug or a bypass.
///
/// # Errors
/// The arguments do not have the form of `A`.
pub fn arguments<A: DeserializeOwned>(args: Map<String, Value>) -> Result<A, ToolError> {
    serde_json::from_value(Value::Object(args))
        .map_err(|it| ToolError::new(format!("invalid arguments: {it}")))
}

/// Removes `null` from types, and formats that only Rust knows.
fn simplify(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|it| it != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".into(), only);
                }
            }
            if map.get("type").is_some_and(Value::is_string) {
                map.remove("format");
                if map.get("default").is_some_and(Value::is_null) {
                    map.remove("default");
                }
            }
            map.values_mut().for_each(simplify);
        }
        Value::Array(items) => items.iter_mut().for_each(simplify),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    /// Not for the model.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "camelCase")]
    struct Args {
        /// What to find
        pattern: String,
        /// Upper or lower case
        ignore_case: Option<bool>,
        /// How many
        limit: Option<f64>,
    }

    #[test]
    fn a_schema_is_plain() {
        assert_eq!(
            parameters::<Args>(),
            serde_json::json!({
                "type": "object",
                "properties": {
                    "pattern": { "type": "string", "description": "What to find" },
                    "ignoreCase": { "type": "boolean", "description": "Upper or lower case" },
                    "limit": { "type": "number", "description": "How many" }
                },
                "required": ["pattern"]
            })
        );
    }

    #[test]
    fn arguments_of_another_form_are_told() {
        let args = Map::from_iter([("pattern".into(), Value::from(1))]);
        assert!(arguments::<Args>(args).unwrap_err().text.starts_with("invalid arguments: "));
        let args = Map::from_iter([("pattern".into(), Value::from("x")), ("limit".into(), Value::from(2))]);
        let args = arguments::<Args>(args).unwrap();
        assert_eq!((args.pattern.as_str(), args.ignore_case, args.limit), ("x", None, Some(2.0)));
    }
}
