//! The structure of a chat document, found again in its text: headings, the place of the prompt, the session.
//!
//! Only what stands at the start of a line outside fences counts, as [`super::inert`] guarantees for what others
//! wrote.

/// The line below which the user writes.
pub const PROMPT: &str = "## You";
/// Before the session's id in the comment at the head of a chat document.
const SESSION: &str = "· session ";

/// Follows the fences of a text, line by line.
#[derive(Debug, Default)]
pub struct Fences {
    open: Option<(char, usize)>,
}

impl Fences {
    /// Whether this next line belongs to a fenced block, its fences included.
    pub fn takes(&mut self, line: &str) -> bool {
        let content = line.trim_start_matches(' ');
        let Some(sign) = content.chars().next().filter(|it| matches!(it, '`' | '~')) else {
            return self.open.is_some();
        };
        let length = content.chars().take_while(|it| *it == sign).count();
        let rest = &content[length..];
        let is_fence = line.len() - content.len() <= 3 && length >= 3;
        match self.open {
            Some((open, at_least)) => {
                if is_fence && sign == open && length >= at_least && rest.trim().is_empty() {
                    self.open = None;
                }
                true
            }
            None if is_fence && !(sign == '`' && rest.contains('`')) => {
                self.open = Some((sign, length));
                true
            }
            None => false,
        }
    }

    /// The line that would close what is open.
    pub fn open(&self) -> Option<String> {
        self.open.map(|(sign, length)| sign.to_string().repeat(length))
    }
}

/// A heading of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heading<'a> {
    /// 1 the chat, 2 who speaks, 3 a step.
    pub level: usize,
    /// Its text.
    pub text: &'a str,
    /// Its line, from 0.
    pub line: usize,
    /// Its first byte.
    pub start: usize,
}

/// The lines outside fences: number from 0, first byte, text without its end.
pub fn open_lines(text: &str) -> impl Iterator<Item = (usize, usize, &str)> {
    let mut fences = Fences::default();
    let mut next = 0;
    let lines = text.split_inclusive('\n').enumerate().map(move |(number, whole)| {
        let start = next;
        next += whole.len();
        (number, start, whole.trim_end_matches(['\n', '\r']))
    });
    lines.filter(move |it| !fences.takes(it.2))
}

/// The headings of a chat document or transcript, in order.
pub fn headings(text: &str) -> Vec<Heading<'_>> {
    let lines = open_lines(text);
    let found = lines.filter_map(|(number, start, line)| {
        let level = line.bytes().take_while(|it| *it == b'#').count();
        let title = line[level..].strip_prefix(' ').filter(|_| (1..=3).contains(&level))?;
        Some(Heading { level, text: title.trim_end(), line: number, start })
    });
    found.collect()
}

/// The first byte of the last `## You` without a time: what is below is the user's.
pub fn prompt(text: &str) -> Option<usize> {
    headings(text).into_iter().rev().find(|it| it.level == 2 && it.text == "You").map(|it| it.start)
}

/// How many prompts a text shows. Those that steered a run belong to another one and end with a bracket.
pub fn prompts(text: &str) -> usize {
    headings(text).iter().filter(|it| is_prompt(it)).count()
}

/// Whether a turn begins here.
pub fn is_prompt(heading: &Heading<'_>) -> bool {
    heading.level == 2 && heading.text.starts_with("You ·") && !heading.text.ends_with(')')
}

/// The session a chat document or transcript says it belongs to.
pub fn session_id(text: &str) -> Option<&str> {
    let id = match text.strip_prefix("---\n") {
        Some(head) => {
            head.lines().take_while(|it| *it != "---").find_map(|it| it.strip_prefix("session: "))?
        }
        None => {
            let comment = text.lines().take(10).find(|it| it.starts_with("<!-- pi-chat "))?;
            comment.split_once(SESSION)?.1.split_whitespace().next()?
        }
    };
    id.chars().all(|it| it.is_ascii_alphanumeric() || it == '-').then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_is_below_the_last_bare_heading() {
        for (text, expected) in [
            ("# T\n\n## You\n\nhi", Some(5)),
            ("## You\n## You · 14:02\n", Some(0)),
            ("## You\n\n## You\n", Some(8)),
            ("```\n## You\n```\n", None),
            ("```\n## You\n", None),
            (" ## You\n## Youth\n##  You\n", None),
            ("## You  \r\n", Some(0)),
            ("", None),
        ] {
            assert_eq!(prompt(text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_session_is_in_the_comment_at_the_head() {
        let head = "# T\n\n<!-- pi-chat 1 · session 7f-3c · write below -->\n";
        assert_eq!(session_id(head), Some("7f-3c"));
        assert_eq!(session_id("<!-- pi-chat 1 · session a/../b · x -->"), None);
        assert_eq!(session_id("# T\n"), None);
        assert_eq!(session_id("---\nsession: 7f-3c\nmodel: []\n---\n"), Some("7f-3c"));
        assert_eq!(session_id("---\ncost: 1\n---\nsession: 7f-3c\n"), None);
    }
}
