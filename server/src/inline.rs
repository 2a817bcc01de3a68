//! What to type next: a place in a text as a question to a chat model, and its answer as the text to insert.
//!
//! Chat models are not made for filling in: they repeat what is there, explain, and put fences around code. Here is
//! what takes that away again. Nothing in this file asks or reads anything.

use std::{path::Path, sync::Arc};

use pi_core::{ModelRequest, ThinkingBudgets, queue::user_message, thinking};
use pi_protocol::{Model, ThinkingLevel};

/// What the model is to do.
const SYSTEM: &str = "You complete text at the cursor in an editor. You are given the text before and after the \
    cursor. Reply with exactly the characters to insert at the cursor and nothing else: no explanation, no code \
    fence, nothing of what is already there. Keep to the style and indentation of the text. Prefer one short, \
    obvious continuation: the rest of the line, or the few lines that belong to it. If nothing should be inserted, \
    reply with nothing.";
/// Lines that are suggested at most.
const MOST_LINES: usize = 30;

/// A place in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The text before it, cut at the beginning of a line.
    pub before: String,
    /// The text after it, cut at the end of a line.
    pub after: String,
}

impl Gap {
    /// Around byte `at` of `text`, with at most `budget` bytes, most of them from before.
    pub fn of(text: &str, at: usize, budget: usize) -> Self {
        let (before, after) = text.split_at(at);
        let after_budget = budget / 4;
        let mut start = before.len().saturating_sub(budget - after_budget);
        while !before.is_char_boundary(start) {
            start += 1;
        }
        if start > 0 {
            // The line of the cursor stays whole as far as it fits.
            start += before[start..].find('\n').map_or(0, |it| it + 1);
        }
        let mut end = after.len().min(after_budget);
        while !after.is_char_boundary(end) {
            end -= 1;
        }
        if end < after.len() {
            end = after[..end].rfind('\n').map_or(end, |it| it + 1);
        }
        Self { before: before[start..].to_owned(), after: after[..end].to_owned() }
    }

    /// The line of the cursor, before it.
    fn line_before(&self) -> &str {
        self.before.rsplit('\n').next().unwrap_or_default()
    }

    /// The line of the cursor, behind it.
    fn line_after(&self) -> &str {
        self.after.split('\n').next().unwrap_or_default().trim_end_matches('\r')
    }

    /// The question to the model.
    pub fn request(&self, model: Arc<Model>, path: &Path, language: &str, max_tokens: u64) -> ModelRequest {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let text = format!(
            "File: {name}\nLanguage: {language}\n\n<before>{}</before><cursor/><after>{}</after>",
            self.before, self.after
        );
        ModelRequest {
            thinking: thinking::clamp(&model, ThinkingLevel::Off),
            model,
            system_prompt: SYSTEM.into(),
            messages: vec![Arc::new(user_message(text, Vec::new()))],
            tools: Arc::new([]),
            thinking_budgets: ThinkingBudgets::default(),
            max_tokens: Some(max_tokens),
            session_id: "inline-completion".into(),
            block_images: true,
        }
    }

    /// What is to be inserted, from what the model said. `cut` if it was stopped in the middle.
    pub fn insertion(&self, said: &str, cut: bool) -> Option<String> {
        let said = said.replace("\r\n", "\n");
        let mut text = unfenced(&said).to_owned();
        // The line again, with what comes before the cursor, were it only its indentation.
        let line = self.line_before();
        for repeated in [line, line.trim_start()].into_iter().filter(|it| !it.is_empty()) {
            if let Some(rest) = text.strip_prefix(repeated).filter(|it| !it.is_empty()) {
                text = rest.to_owned();
                break;
            }
        }
        if cut {
            // A line that was cut off is worse than none, unless it is all there is.
            if let Some(end) = text.rfind('\n').filter(|it| !text[..*it].trim().is_empty()) {
                text.truncate(end);
            }
        }
        if let Some((end, _)) = text.match_indices('\n').nth(MOST_LINES - 1) {
            text.truncate(end);
        }
        text.truncate(text.trim_end().len());
        // What comes behind the cursor again.
        let rest = self.line_after().trim();
        if !rest.is_empty() {
            if let Some(kept) = text.strip_suffix(rest) {
                text.truncate(kept.len());
            }
        }
        (!text.trim().is_empty()).then_some(text)
    }
}

/// The inside of a text that is one fenced block as a whole.
fn unfenced(text: &str) -> &str {
    let whole = text.trim();
    let inside = || {
        let rest = whole.strip_prefix("```")?;
        let (_language, rest) = rest.split_once('\n')?;
        let inside = rest.strip_suffix("```")?;
        (!inside.contains("```")).then(|| inside.strip_suffix('\n').unwrap_or(inside))
    };
    inside().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(text: &str) -> Gap {
        let at = text.find('|').unwrap();
        Gap::of(&text.replacen('|', "", 1), at, 1 << 20)
    }

    #[test]
    fn only_what_is_missing_is_inserted() {
        for (text, said, expected) in [
            ("let x = |;\n", "1 + 2", Some("1 + 2")),
            // The line once more, with and without its indentation.
            ("    let x = |\n", "    let x = 1;", Some("1;")),
            ("    let x = |\n", "let x = 1;", Some("1;")),
            ("def a():\n    |\n", "    return 1", Some("return 1")),
            ("def a():\n    |\n", "if b:\n        return 1", Some("if b:\n        return 1")),
            // What comes behind once more.
            ("foo(|)\n", "a, b)", Some("a, b")),
            ("foo(|);\n", "a, b);", Some("a, b")),
            ("fn a() {|\n}\n", "\n    b();\n", Some("\n    b();")),
            // A fence around it all.
            ("x = |\n", "```rust\nx = 1\n```", Some("1")),
            ("x = |\n", "```\n1\n```\n", Some("1")),
            // Nothing.
            ("x = 1;|\n", "", None),
            ("x = 1;|\n", "  \n", None),
            ("x = |;\n", ";", None),
            // The same word at the end is no repetition of nothing.
            ("|\n", "if x { y }", Some("if x { y }")),
            // Line ends of another system.
            ("a|\r\n", "b\r\nc\r\n", Some("b\nc")),
        ] {
            assert_eq!(gap(text).insertion(said, false).as_deref(), expected, "{text:?} {said:?}");
        }
    }

    #[test]
    fn what_was_cut_off_ends_with_a_whole_line() {
        let gap = gap("fn a() {|\n");
        assert_eq!(gap.insertion("\n    b();\n    c(", true).as_deref(), Some("\n    b();"));
        assert_eq!(gap.insertion("\n    b(", true).as_deref(), Some("\n    b("));
        assert_eq!(gap.insertion("b(", true).as_deref(), Some("b("));
        let long = "x\n".repeat(99);
        assert_eq!(gap.insertion(&long, false).unwrap().lines().count(), MOST_LINES);
    }

    #[test]
    fn the_context_is_bounded_and_made_of_whole_lines() {
        let text = format!("{}é|é\n{}", "line\n".repeat(100), "after\n".repeat(100));
        let at = text.find('|').unwrap();
        let gap = Gap::of(&text.replacen('|', "", 1), at, 100);
        assert!(gap.before.len() <= 75 && gap.before.starts_with("line\n") && gap.before.ends_with("\né"));
        assert!(gap.after.len() <= 25 && gap.after.starts_with("é\n") && gap.after.ends_with("after\n"));
        // A line that is longer than that is cut inside.
        let long = "é".repeat(500);
        let gap = Gap::of(&long, 500, 100);
        assert!(!gap.before.is_empty() && gap.before.len() <= 75 && !gap.after.is_empty());
        assert_eq!(Gap::of("", 0, 100), Gap { before: String::new(), after: String::new() });
    }
}
