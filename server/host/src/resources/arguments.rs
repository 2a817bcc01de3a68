//! The arguments of a prompt template: how they are told apart and where they go.
//!
//! The rules are those of newer versions of Pi: one pass over the template, so what an argument says is never taken
//! for a placeholder.

/// Longest text a template may become, in bytes: a few placeholders and a long argument are much faster to write
/// than to send.
const MAX_EXPANDED: usize = 4 << 20;

/// Tells arguments apart at blank space. Quotes, `'` or `"`, keep blank space in an argument and are left out;
/// nothing escapes them. Arguments without a character are dropped.
pub(super) fn split(text: &str) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut current = String::new();
    let mut quote = None;
    for char in text.chars() {
        match quote {
            Some(end) if char == end => quote = None,
            Some(_) => current.push(char),
            None if char == '\'' || char == '"' => quote = Some(char),
            None if char.is_whitespace() => {
                if !current.is_empty() {
                    arguments.push(std::mem::take(&mut current));
                }
            }
            None => current.push(char),
        }
    }
    if !current.is_empty() {
        arguments.push(current);
    }
    arguments
}

/// A part of the arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// `$2`: one, counted from 1.
    One(usize),
    /// `$@`, `$ARGUMENTS`: all.
    All,
    /// `${@:2}`, `${@:2:3}`: from one, counted from 1, at most so many.
    Slice(usize, usize),
}

/// Puts the arguments in the place of the template's placeholders; `None` if that becomes too long.
pub(super) fn substitute(template: &str, arguments: &[String]) -> Option<String> {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        match placeholder(from) {
            Some((wanted, default, length)) => {
                let value = value(wanted, arguments);
                out.push_str(if value.is_empty() { default } else { &value });
                rest = &from[length..];
            }
            None => {
                out.push('$');
                rest = &from[1..];
            }
        }
        if out.len() > MAX_EXPANDED {
            return None;
        }
    }
    out.push_str(rest);
    (out.len() <= MAX_EXPANDED).then_some(out)
}

fn value(wanted: Wanted, arguments: &[String]) -> String {
    let (from, count) = match wanted {
        Wanted::One(number) => {
            return number.checked_sub(1).and_then(|it| arguments.get(it)).cloned().unwrap_or_default();
        }
        Wanted::All => (0, usize::MAX),
        Wanted::Slice(from, count) => (from.saturating_sub(1), count),
    };
    let slice: Vec<&str> = arguments.iter().skip(from).take(count).map(String::as_str).collect();
    slice.join(" ")
}

/// The placeholder at the beginning of `text`, which begins with `$`: what it wants, what stands for nothing, and
/// its length in bytes.
fn placeholder(text: &str) -> Option<(Wanted, &str, usize)> {
    let Some(inner) = text.strip_prefix("${") else {
        let (wanted, rest) = name(&text[1..])?;
        return Some((wanted, "", text.len() - rest.len()));
    };
    let (wanted, rest) = name(inner)?;
    let (wanted, default, rest) = if let Some(rest) = rest.strip_prefix(":-") {
        let (default, rest) = rest.split_once('}')?;
        (wanted, default, rest)
    } else {
        let slice = inner.strip_prefix("@:")?;
        let (from, rest) = number(slice)?;
        let (count, rest) = match rest.strip_prefix(':') {
            Some(rest) => number(rest)?,
            None => (usize::MAX, rest),
        };
        (Wanted::Slice(from, count), "", rest.strip_prefix('}')?)
    };
    Some((wanted, default, text.len() - rest.len()))
}

fn name(text: &str) -> Option<(Wanted, &str)> {
    let all = text.strip_prefix('@').or_else(|| text.strip_prefix("ARGUMENTS"));
    match all {
        Some(rest) => Some((Wanted::All, rest)),
        None => number(text).map(|(number, rest)| (Wanted::One(number), rest)),
    }
}

/// The digits at the beginning of `text`, and what follows. A number that is too large is one no argument has.
fn number(text: &str) -> Option<(usize, &str)> {
    let end = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    (!digits.is_empty()).then(|| (digits.parse().unwrap_or(usize::MAX), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn arguments_are_told_apart() {
        for (text, arguments) in [
            ("", &[][..]),
            ("  a\tb\nc ", &["a", "b", "c"]),
            ("src/a.ts \"two words\"", &["src/a.ts", "two words"]),
            ("'it''s' a\"b c\"d", &["its", "ab cd"]),
            ("'say \"hi\"' x", &["say \"hi\"", "x"]),
            ("a '' \"\" b", &["a", "b"]),
            ("a 'never closed", &["a", "never closed"]),
            (r#"a\ b "c\"d"#, &["a\\", "b", "c\\d"]),
            ("é\u{3000}ü", &["é", "ü"]),
        ] {
            assert_eq!(split(text), arguments, "{text:?}");
        }
    }

    #[test]
    fn placeholders_stand_for_arguments() {
        let arguments = split("one two three four five six seven eight nine ten");
        for (template, text) in [
            ("nothing", "nothing"),
            ("$1-$2.$3x", "one-two.threex"),
            ("$10 $11|$0|", "ten ||"),
            ("$99999999999999999999999", ""),
            ("${@:9}", "nine ten"),
            ("${@:2:2} ${@:0:1} ${@:3:0}|${@:11}|", "two three one ||"),
            ("${1:-x} ${11:-no arg} ${11:-}|", "one no arg |"),
            ("${12:-$1 ${@:1:1}}", "$1 ${@:1:1}"),
            ("$ $$1 $x ${1} ${@} ${@:} ${@:x} ${1:-open", "$ $one $x ${1} ${@} ${@:} ${@:x} ${1:-open"),
            ("$ARG ${ARGUMENTS", "$ARG ${ARGUMENTS"),
        ] {
            assert_eq!(substitute(template, &arguments).as_deref(), Some(text), "{template:?}");
        }
        let arguments = split("a 'b c'");
        for (template, text) in [
            ("$@", "a b c"),
            ("$ARGUMENTS!", "a b c!"),
            ("$ARGUMENTSX", "a b cX"),
            ("${@:-none}", "a b c"),
            ("${ARGUMENTS:-none}", "a b c"),
        ] {
            assert_eq!(substitute(template, &arguments).as_deref(), Some(text), "{template:?}");
        }
        assert_eq!(substitute("${@:-none} ${ARGUMENTS:-at all} $@", &[]).as_deref(), Some("none at all "));
    }

    #[test]
    fn a_text_that_becomes_too_long_is_refused() {
        let long = "x".repeat(1 << 20);
        assert_eq!(substitute("$1 $1", std::slice::from_ref(&long)).map(|it| it.len()), Some((2 << 20) + 1));
        assert_eq!(substitute(&"$@".repeat(60_000), &[long]), None);
    }

    proptest! {
        #[test]
        fn what_an_argument_says_is_never_a_placeholder(
            template in "[$@{}:0-9ARGUMENTS é-]{0,40}",
            arguments in prop::collection::vec("[$@{}:0-9ARGUMENTS-]{1,8}", 0..4),
        ) {
            // The same with arguments that hold nothing special, which are then replaced by the real ones.
            let neutral: Vec<String> =
                (0..arguments.len()).map(|it| char::from_u32(0xE000 + it as u32).unwrap().to_string()).collect();
            let mut expected = substitute(&template, &neutral).unwrap();
            for (neutral, argument) in neutral.iter().zip(&arguments) {
                expected = expected.replace(neutral.as_str(), argument);
            }
            prop_assert_eq!(substitute(&template, &arguments).unwrap(), expected);
        }

        #[test]
        fn a_template_without_dollars_stays_as_it_is(template in "[^$]{0,40}", text in ".{0,40}") {
            prop_assert_eq!(substitute(&template, &split(&text)), Some(template));
        }
    }
}
