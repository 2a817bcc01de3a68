//! The head of a Markdown file: YAML between two lines of three dashes.
//!
//! Only the texts at the top level are kept, since no resource has anything else that is used. Lists, objects and
//! aliases are read over, so that an alias that stands for a million others costs nothing.

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

/// A file, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    /// The texts of the head, in its order; empty without a head.
    fields: Vec<Field>,
    /// What follows the head, without blank space around it; the whole text when there is no head. Lines end with
    /// LF.
    pub body: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    key: String,
    value: String,
    plain: bool,
}

impl Document {
    /// Takes the text of a file apart.
    ///
    /// # Errors
    /// The head is no YAML; the message names the line in the file.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let Some((head, body)) = split(&text) else {
            return Ok(Self { fields: Vec::new(), body: text });
        };
        let fields = fields(head).map_err(|error| {
            // The head begins on the second line of the file.
            format!("its head is not YAML (line {}: {})", error.marker().line() + 1, error.info())
        })?;
        Ok(Self { fields, body: body.trim().to_owned() })
    }

    /// Whether the head says anything.
    pub fn has_fields(&self) -> bool {
        !self.fields.is_empty()
    }

    /// A text of the head, trimmed; `None` if it is missing, empty or null.
    pub fn text(&self, key: &str) -> Option<&str> {
        let field = self.fields.iter().find(|it| it.key == key)?;
        let value = field.value.trim();
        let is_null = field.plain && matches!(value, "~" | "null" | "Null" | "NULL");
        (!value.is_empty() && !is_null).then_some(value)
    }

    /// Whether the head says `key: true`. A quoted word is a text.
    pub fn is_true(&self, key: &str) -> bool {
        let field = self.fields.iter().find(|it| it.key == key);
        field.is_some_and(|it| it.plain && matches!(it.value.as_str(), "true" | "True" | "TRUE"))
    }
}

/// The head and what follows it; `None` unless the first line and a later one are three dashes.
fn split(text: &str) -> Option<(&str, &str)> {
    let (first, rest) = text.split_once('\n')?;
    if first.trim_end() != "---" {
        return None;
    }
    let mut start = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == "---" {
            return Some((&rest[..start], &rest[start + line.len()..]));
        }
        start += line.len();
    }
    None
}

fn fields(head: &str) -> Result<Vec<Field>, ScanError> {
    let mut fields: Vec<Field> = Vec::new();
    let mut depth = 0_usize;
    // The key whose value comes next.
    let mut key: Option<String> = None;
    for event in Parser::new_from_str(head) {
        let (event, _) = event?;
        let at_top = depth == 1;
        match event {
            Event::Scalar(value, style, ..) if at_top => match key.take() {
                None => key = Some(value.into_owned()),
                Some(key) if fields.iter().all(|it| it.key != key) => {
                    let plain = style == ScalarStyle::Plain;
                    fields.push(Field { key, value: value.into_owned(), plain });
                }
                Some(_) => {}
            },
            // As a value it is passed over; as a key it is one that nobody asks for.
            Event::Alias(_) if at_top => key = if key.is_some() { None } else { Some(String::new()) },
            Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
            Event::MappingEnd | Event::SequenceEnd => {
                depth = depth.saturating_sub(1);
                if depth == 1 {
                    key = if key.is_some() { None } else { Some(String::new()) };
                }
            }
            // Only the first document is the head.
            Event::DocumentEnd => break,
            _ => {}
        }
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_of_the_top_level_are_found_and_everything_else_is_read_over() {
        let text = "---\r\nname: a-b\r\ndescription: >\r\n  two\r\n  lines\r\nlist: [x, {y: z}]\r\nmetadata:\r\n  name: inner\r\n\
                    ? [odd]\r\n: v\r\nquoted: \"x: y\"\r\nempty:\r\nnone: ~\r\non: true\r\nword: \"true\"\r\nnumber: 12\r\n\
                    name: second\r\n---  \r\n\r\nBody\r\n---\r\nmore\r\n";
        let document = Document::parse(text).unwrap();
        for (key, value) in [
            ("name", Some("a-b")),
            ("description", Some("two lines")),
            ("quoted", Some("x: y")),
            ("number", Some("12")),
            ("empty", None),
            ("none", None),
            ("list", None),
            ("metadata", None),
            ("v", None),
        ] {
            assert_eq!(document.text(key), value, "{key}");
        }
        assert!(document.is_true("on") && !document.is_true("word") && !document.is_true("name"));
        assert_eq!(document.body, "Body\n---\nmore");
    }

    #[test]
    fn a_text_without_a_whole_head_stays_as_it_is() {
        for text in ["", "---", "body\n", "---\nname: x\n", "\n---\nname: x\n---\n", "--- x\n---\n"] {
            let document = Document::parse(text).unwrap();
            assert_eq!((document.body.as_str(), document.text("name")), (text, None), "{text:?}");
        }
        assert_eq!(Document::parse("---\n---\n\n x \n").unwrap().body, "x");
    }

    #[test]
    fn a_broken_head_names_the_line_in_the_file() {
        let error = Document::parse("---\nname: x\ndescription: use when: always\n---\n").unwrap_err();
        assert!(error.starts_with("its head is not YAML (line 3: "), "{error}");
    }

    #[test]
    fn an_alias_of_aliases_costs_nothing() {
        let mut text = String::from("---\na0: &a0 [x]\n");
        for level in 1..60 {
            let alias = format!("*a{}", level - 1);
            text += &format!("a{level}: &a{level} [{}]\n", vec![alias; 9].join(", "));
        }
        text += "alias: *a59\nname: x\n---\n";
        assert_eq!(Document::parse(&text).unwrap().text("name"), Some("x"));
    }

    proptest! {
        #[test]
        fn any_head_is_read_or_refused(head in "[-a:\\[\\]{}&*!|>'\"#?% \t\né]{0,60}") {
            let _either = Document::parse(&format!("---\n{head}\n---\nbody"));
        }
    }
}
