//! Text that shows all of itself.
//!
//! A command can hide what it does behind characters that have no width or turn the direction of what follows.
//! Whoever is asked about it must see them.

use std::borrow::Cow;

/// `text` with every character that is invisible or changes how others are shown written as `<U+202E>`. Line ends
/// and tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for it in text.chars() {
        if is_hidden(it) {
            out.push_str(&format!("<U+{:04X}>", u32::from(it)));
        } else {
            out.push(it);
        }
    }
    Cow::Owned(out)
}

fn is_hidden(it: char) -> bool {
    match it {
        '\n' | '\t' => false,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => true,
        '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => true,
        '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' => true,
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => true,
        // Spaces that look like the usual one and are none for a shell.
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => true,
        it => it.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hides() {
        for (text, shown) in [
            ("cargo test\n\tnext", "cargo test\n\tnext"),
            ("grüße 😀 日本", "grüße 😀 日本"),
            ("rm\u{202e}x", "rm<U+202E>x"),
            ("a\u{200b}b\u{a0}c", "a<U+200B>b<U+00A0>c"),
            ("a\rb\u{1b}[2K", "a<U+000D>b<U+001B>[2K"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }
}
