//! `--list-models` and `--resume`: tables for people.

use std::process::ExitCode;

use pi_core::Models;
use pi_protocol::{InputKind, Model};

use crate::{completions::print_text, compose::Compose};

/// Prints the models that can be asked, those whose provider, id or name holds every word of `search`.
///
/// # Errors
/// stdout cannot be written.
pub async fn models(compose: &Compose, search: &str) -> anyhow::Result<ExitCode> {
    let registry = compose.registry();
    let mut models = registry.available();
    if models.is_empty() && !compose.args().offline {
        models = registry.adopt_local(&registry.probe_local().await);
    }
    if models.is_empty() {
        crate::complain("no models: set a key in the environment or start a model server; see `pi doctor`");
        return Ok(ExitCode::FAILURE);
    }
    let words: Vec<String> = search.split_whitespace().map(str::to_lowercase).collect();
    models.retain(|it| {
        let text = format!("{}/{} {}", it.provider, it.id, it.name).to_lowercase();
        words.iter().all(|word| text.contains(word))
    });
    if models.is_empty() {
        crate::complain(&format!("No models matching \"{search}\""));
        return Ok(ExitCode::FAILURE);
    }
    models.sort_by_key(|it| it.provider.clone());
    let mut rows = vec![["provider", "model", "context", "max-out", "thinking", "images"].map(str::to_owned)];
    rows.extend(models.iter().map(|it| row(it)));
    print_text(&table(&rows))
}

fn row(model: &Model) -> [String; 6] {
    let yes = |it: bool| if it { "yes".to_owned() } else { "no".to_owned() };
    [
        model.provider.clone(),
        model.id.clone(),
        tokens(model.context_window),
        tokens(model.max_tokens),
        yes(model.reasoning),
        yes(model.input.contains(&InputKind::Image)),
    ]
}

/// A count in a few characters; 0 is unknown.
fn tokens(count: u64) -> String {
    match count {
        0 => "-".into(),
        1_000_000.. => short(count as f64 / 1e6, "M"),
        1000.. => short(count as f64 / 1e3, "K"),
        _ => count.to_string(),
    }
}

/// One decimal, unless it would be a zero.
fn short(value: f64, unit: &str) -> String {
    let text = format!("{value:.1}");
    format!("{}{unit}", text.strip_suffix(".0").unwrap_or(&text))
}

/// Prints the sessions of the current folder, last used first.
///
/// # Errors
/// stdout cannot be written.
pub fn sessions(compose: &Compose) -> anyhow::Result<ExitCode> {
    let sessions = compose.session_files(compose.cwd()).list(compose.cwd());
    if sessions.is_empty() {
        crate::complain("no sessions in this folder yet");
        return Ok(ExitCode::FAILURE);
    }
    let mut rows = vec![["session", "begun", "messages", "about"].map(str::to_owned)];
    rows.extend(sessions.into_iter().map(|it| {
        let about = it.name.unwrap_or(it.first_message);
        let begun = it.created.get(..16).unwrap_or(&it.created).replace('T', " ");
        [it.id, begun, it.message_count.to_string(), one_line(&about)]
    }));
    print_text(&format!("{}\nContinue one with: pi -p --session <session> \"message\"\n", table(&rows)))
}

/// The beginning of a text, without line breaks or control characters.
fn one_line(text: &str) -> String {
    const WIDTH: usize = 60;
    let clean: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    let words = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}\u{2026}", &words[..end]),
        None => words,
    }
}

/// Columns padded to their widest cell.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let widths: [usize; N] =
        std::array::from_fn(|column| rows.iter().map(|it| it[column].chars().count()).max().unwrap_or(0));
    let mut text = String::new();
    for row in rows {
        let line: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text += line.join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_short() {
        for (count, text) in [
            (0, "-"),
            (512, "512"),
            (8192, "8.2K"),
            (32_768, "32.8K"),
            (200_000, "200K"),
            (1_000_000, "1M"),
            (1_048_576, "1M"),
        ] {
            assert_eq!(tokens(count), text);
        }
    }

    #[test]
    fn columns_line_up_and_lines_end_clean() {
        let rows = [["a", "bb", "c"], ["aaa", "b", ""]].map(|it| it.map(str::to_owned));
        assert_eq!(table(&rows), "a    bb  c\naaa  b\n");
    }

    #[test]
    fn a_long_or_broken_text_becomes_one_line() {
        assert_eq!(one_line("a\n\tb\x1b[31m"), "a b [31m");
        assert_eq!(one_line(&"é".repeat(70)), format!("{}\u{2026}", "é".repeat(60)));
    }
}
