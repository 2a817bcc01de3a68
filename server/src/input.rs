//! From command-line messages, `@file` arguments and piped text to prompts.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use pi_host::{paths, tools::image};
use pi_protocol::{ImageContent, PromptParams};

/// Most bytes taken from one file or from stdin. What is longer is cut, and the model is told.
const MAX_TEXT: usize = 1024 * 1024;
/// Largest image file that is read.
const MAX_IMAGE: u64 = 32 * 1024 * 1024;

/// The prompts to send, in order. The first one carries the piped text, then the files, then the first message.
///
/// # Errors
/// A file does not exist or cannot be read.
pub fn prompts(
    messages: &[String],
    piped: Option<String>,
    cwd: &Path,
    limits: image::Limits,
) -> anyhow::Result<Vec<PromptParams>> {
    let mut images = Vec::new();
    let mut first = String::new();
    if let Some(piped) = piped.filter(|it| !it.trim().is_empty()) {
        first.push_str(&piped);
        if !first.ends_with('\n') {
            first.push('\n');
        }
    }
    let mut rest = Vec::new();
    for message in messages {
        match message.strip_prefix('@') {
            Some(file) if !file.is_empty() => {
                first.push_str(&file_block(&resolve(file, cwd), limits, &mut images)?);
            }
            _ => rest.push(message.as_str()),
        }
    }
    let mut rest = rest.into_iter();
    first.push_str(rest.next().unwrap_or_default());
    let first = first.trim_end_matches('\n').to_owned();
    let mut prompts = Vec::new();
    if !first.is_empty() || !images.is_empty() {
        prompts.push(PromptParams { message: first, images, ..PromptParams::default() });
    }
    prompts.extend(rest.map(|it| PromptParams { message: it.to_owned(), ..PromptParams::default() }));
    Ok(prompts)
}

fn resolve(file: &str, cwd: &Path) -> PathBuf {
    paths::absolute(cwd, &paths::expand_home(file))
}

/// One file as the model sees it; a picture goes to `images`.
fn file_block(path: &Path, limits: image::Limits, images: &mut Vec<ImageContent>) -> anyhow::Result<String> {
    let metadata = match path.metadata() {
        Ok(it) => it,
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!("File not found: {}", path.display()),
        Err(error) => bail!("cannot read {}: {error}", path.display()),
    };
    if metadata.is_dir() {
        bail!("{} is a directory; @ takes a file", path.display());
    }
    if metadata.len() == 0 && metadata.is_file() {
        return Ok(String::new());
    }
    let unreadable = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|it| it.take(MAX_IMAGE + 1).read_to_end(&mut bytes))
        .with_context(unreadable)?;
    let name = path.display();
    let kind = image::Kind::sniff(&bytes).filter(|_| bytes.len() as u64 <= MAX_IMAGE);
    if let Some(kind) = kind {
        let prepared = image::prepare(bytes, kind, limits);
        let notes = prepared.notes.join("\n");
        images.extend(prepared.content);
        return Ok(format!("<file name=\"{name}\">{notes}</file>\n"));
    }
    let text = cut(&bytes);
    Ok(format!("<file name=\"{name}\">\n{text}\n</file>\n"))
}

/// Reads what is piped in.
///
/// # Errors
/// The pipe broke.
pub fn piped() -> io::Result<String> {
    let mut bytes = Vec::new();
    io::stdin().lock().take(MAX_TEXT as u64 + 1).read_to_end(&mut bytes)?;
    Ok(cut(&bytes))
}

fn cut(bytes: &[u8]) -> String {
    if bytes.len() <= MAX_TEXT {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let text = String::from_utf8_lossy(&bytes[..MAX_TEXT]);
    // The cut may have split a character.
    format!("{}\n[cut after {} KB]", text.trim_end_matches('\u{fffd}'), MAX_TEXT / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(messages: &[&str], piped: Option<&str>, cwd: &Path) -> Vec<String> {
        let messages: Vec<_> = messages.iter().map(|it| (*it).to_owned()).collect();
        let found = prompts(&messages, piped.map(str::to_owned), cwd, image::Limits::default()).unwrap();
        found.into_iter().map(|it| it.message).collect()
    }

    #[test]
    fn piped_text_then_files_then_the_message_make_the_first_prompt() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.txt"), "alpha\n").unwrap();
        std::fs::write(dir.path().join("empty"), "").unwrap();
        let a = dir.path().join("a.txt");
        assert_eq!(
            texts(&["explain", "@a.txt", "@empty", "again"], Some("piped"), dir.path()),
            [
                format!("piped\n<file name=\"{}\">\nalpha\n\n</file>\nexplain", a.display()),
                "again".to_owned()
            ]
        );
        assert_eq!(texts(&[], Some(" \n"), dir.path()), Vec::<String>::new());
        assert_eq!(texts(&["@"], None, dir.path()), ["@"]);
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = prompts(&["@nope".into()], None, Path::new("/w"), image::Limits::default()).unwrap_err();
        assert_eq!(error.to_string(), "File not found: /w/nope");
    }

    #[test]
    fn a_long_file_is_cut_at_a_character_and_says_so() {
        let text = cut("é".repeat(MAX_TEXT).as_bytes());
        assert!(text.ends_with("é\n[cut after 1024 KB]"), "{}", &text[text.len() - 40..]);
        let text = cut(format!("x{}", "é".repeat(MAX_TEXT)).as_bytes());
        assert!(text.ends_with("é\n[cut after 1024 KB]"));
    }
}
