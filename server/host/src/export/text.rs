//! Text into HTML, the only way in: everything a session holds may come from a hostile file or web page.
//!
//! Besides HTML's own characters this shows what would otherwise be invisible and mislead a reader: control
//! characters, and marks that turn the direction of writing around.

/// Appends `text` so that it is shown as it is, between tags or inside a quoted attribute.
pub(super) fn push(out: &mut String, text: &str) {
    for it in text.chars() {
        match it {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(it),
            '\r' => {}
            '\0'..='\u{1f}' => out.push(control_picture(it as u32)),
            '\u{7f}' => out.push('\u{2421}'),
            // Overrides and isolates let text be read in another order than it has; noncharacters are not HTML.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                out.push_str(&format!("[U+{:04X}]", it as u32));
            }
            '\u{80}'..='\u{9f}' | '\u{fdd0}'..='\u{fdef}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(it),
        }
    }
}

/// `text`, escaped.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    push(&mut out, text);
    out
}

fn control_picture(code: u32) -> char {
    char::from_u32(0x2400 + code).unwrap_or('\u{fffd}')
}

/// The first line that says something, cut to `limit` characters, not escaped.
pub(super) fn first_line(text: &str, limit: usize) -> String {
    let line = text.lines().map(str::trim).find(|it| !it.is_empty()).unwrap_or_default();
    match line.char_indices().nth(limit) {
        Some((end, _)) => format!("{}\u{2026}", &line[..end]),
        None => line.to_owned(),
    }
}

/// The destination of a link, if a click on it can do no more than open a page or a letter.
pub(super) fn safe_link(destination: &str) -> Option<&str> {
    let scheme = destination.split_once(':')?.0.to_ascii_lowercase();
    let harmless = matches!(scheme.as_str(), "http" | "https" | "mailto");
    let plain = !destination.chars().any(|it| it.is_control() || it.is_whitespace());
    (harmless && plain).then_some(destination)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_the_text() {
        for (text, html) in [
            ("a<b>&\"'", "a&lt;b&gt;&amp;&quot;&#39;"),
            ("one\r\ntwo\t3", "one\ntwo\t3"),
            ("\x1b[31m\0\x7f\u{85}", "\u{241b}[31m\u{2400}\u{2421}\u{fffd}"),
            ("if x\u{202e} {\u{2066}", "if x[U+202E] {[U+2066]"),
            // Marks that ordinary Arabic and Hebrew text needs, and joined emoji, stay.
            ("\u{200f}שלום 👩\u{200d}💻", "\u{200f}שלום 👩\u{200d}💻"),
        ] {
            assert_eq!(escaped(text), html);
        }
    }

    #[test]
    fn only_harmless_links_are_links() {
        for link in ["https://a.b/c?d=e#f", "HTTP://a", "mailto:a@b.c"] {
            assert_eq!(safe_link(link), Some(link));
        }
        for link in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            " javascript:alert(1)",
            "java\nscript:alert(1)",
            "\u{1}javascript:alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "vbscript:x",
            "file:///etc/passwd",
            "//evil.example",
            "/etc/passwd",
            "src/main.rs",
            "#x",
            "https://a\u{0}b",
            "",
        ] {
            assert_eq!(safe_link(link), None, "{link:?}");
        }
    }

    #[test]
    fn a_first_line_is_short() {
        assert_eq!(first_line("\n  \n héllo \nx", 3), "hél\u{2026}");
        assert_eq!(first_line("", 3), "");
    }
}
