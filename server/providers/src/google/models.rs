//! What a model id says about the wire: the API has one shape and the generations differ inside it.

/// The generation of a Gemini model; `None` for other models and for aliases that name none.
pub(super) fn generation(id: &str) -> Option<u32> {
    let (_, rest) = id.split_once("gemini-")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Whether calls and results carry ids.
pub(super) fn has_call_ids(id: &str) -> bool {
    is_hosted(id) || generation(id).is_some_and(|it| it >= 3)
}

/// Other vendors' models behind the same API.
fn is_hosted(id: &str) -> bool {
    id.starts_with("claude-") || id.starts_with("gpt-oss-")
}

/// Whether images go inside a tool's result.
pub(super) fn nests_images(id: &str) -> bool {
    !id.contains("gemini-") || generation(id).is_some_and(|it| it >= 3)
}

/// Whether thinking is set by a word, not by a number of tokens.
pub(super) fn thinks_by_level(id: &str) -> bool {
    generation(id).is_some_and(|it| it >= 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_read_from_ids() {
        for (id, expected) in [
            ("gemini-2.5-pro", Some(2)),
            ("gemini-3-pro-preview", Some(3)),
            ("gemini-3.1-pro-preview", Some(3)),
            ("models/gemini-12-flash", Some(12)),
            ("gemini-flash-latest", None),
            ("gemma-3-27b", None),
        ] {
            assert_eq!(generation(id), expected, "{id}");
        }
    }

    #[test]
    fn generations_differ_inside_results() {
        for (id, ids, nested) in [
            ("gemini-2.5-flash", false, false),
            ("gemini-flash-latest", false, false),
            ("gemini-3-flash", true, true),
            ("claude-sonnet-4-5", true, true),
            ("gpt-oss-120b", true, true),
            ("gemma-3-27b", false, true),
        ] {
            assert_eq!((has_call_ids(id), nests_images(id)), (ids, nested), "{id}");
        }
    }
}
