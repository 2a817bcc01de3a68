//! A line that looks like a command and is none: a slip must not be said to the model.

use super::commands::{TABLE, TEMPLATE};

/// Characters of a name in which two slips are likely; in a shorter one it is another word by then.
const LONG: usize = 5;

/// Why a prompt that is no command is not sent; nothing if it is for the model. `others` are the names of templates and
/// skills.
///
/// What begins with a slash is for the model where it may mean something else: a path, or a word in front of a text
/// that is like no command.
pub fn why(prompt: &str, others: &[String]) -> Option<String> {
    let line = prompt.lines().next()?.trim_end();
    let word = line.split_whitespace().next()?;
    let name = word.strip_prefix('/').filter(|it| line.starts_with('/') && !it.contains('/'))?;
    let is_other = |name: &str| others.iter().any(|it| it == name);
    if is_other(name) || name.strip_prefix(TEMPLATE).is_some_and(is_other) {
        return None;
    }
    let ours = TABLE.iter().map(|it| it.name);
    if ours.clone().any(|it| it == name) {
        return Some(format!("/{name} takes one line."));
    }
    let most = if name.chars().count() < LONG { 1 } else { 2 };
    let near = ours.chain(others.iter().map(String::as_str)).map(|it| (slips(name, it), it));
    let near = near.filter(|it| it.0 <= most).min_by_key(|it| it.0);
    match near {
        Some((_, near)) => Some(format!("there is no command /{name}. /{near} is one.")),
        None if line == word => Some(format!("there is no command /{name}.")),
        None => None,
    }
}

/// How many slips of the finger make one word of the other: a letter too many, one too few, a wrong one, or two that
/// changed places.
fn slips(typed: &str, meant: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (typed.chars().collect(), meant.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let wrong = usize::from(a[i - 1] != b[j - 1]);
            let mut least = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + wrong);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_counted() {
        for (typed, meant, expected) in [
            ("stop", "stop", 0),
            ("stpo", "stop", 1),
            ("sto", "stop", 1),
            ("", "new", 3),
            ("home", "mode", 2),
        ] {
            assert_eq!(slips(typed, meant), expected, "{typed} {meant}");
        }
    }

    #[test]
    fn a_slip_is_not_for_the_model_and_everything_else_is() {
        let others = ["tests".to_owned(), "stop".to_owned(), "skill:pdf".to_owned()];
        for (prompt, expected) in [
            ("/stpo", Some("there is no command /stpo. /stop is one.")),
            ("/stpo now", Some("there is no command /stpo. /stop is one.")),
            ("/test", Some("there is no command /test. /tests is one.")),
            ("/sesions x\ny", Some("there is no command /sesions. /sessions is one.")),
            ("/whatever", Some("there is no command /whatever.")),
            ("/whatever\nand more", Some("there is no command /whatever.")),
            ("/stop\nit", Some("/stop takes one line.")),
            ("/", Some("there is no command /.")),
            ("/unknown thing", None),
            ("/home is full", None),
            ("/etc/hosts", None),
            ("// a comment", None),
            ("/tests", None),
            ("/skill:pdf a\nb", None),
            ("/prompt:stop", None),
            ("say /stpo", None),
            ("\n/stpo", None),
        ] {
            // A template that has the name of a command is meant with its prefix.
            let others = if prompt.starts_with("/stop") { &others[..1] } else { &others[..] };
            assert_eq!(why(prompt, others).as_deref(), expected, "{prompt:?}");
        }
    }
}
