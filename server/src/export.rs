//! `--export`: a session file becomes an HTML page, without starting a session.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use pi_host::{export, fs, sessions};

use crate::completions::print_text;

/// Writes the page of `session` to `output`, else to the current folder, and prints where it is.
///
/// # Errors
/// The file is no session or has nothing in it, or the page cannot be written.
pub fn run(session: &Path, output: Option<&Path>) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(session.exists(), "File not found: {}", session.display());
    let loaded = sessions::load(session)?;
    let header = loaded.header.context(export::NOTHING_YET)?;
    if loaded.skipped_lines > 0 {
        crate::complain(&format!("{} lines cannot be read and are left out", loaded.skipped_lines));
    }
    let leaf = loaded.entries.last().map(|it| it.base.id.as_str());
    let page = export::page(&header, &loaded.entries, leaf);
    let path = output.map_or_else(|| PathBuf::from(export::default_name(session)), Path::to_owned);
    fs::write_atomic(&path, page.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    print_text(&format!("Exported to: {}\n", path.display()))
}
