//! `docs/config.md` from the table.

use super::table::{Scope, TABLE};

/// The text of `docs/config.md`.
pub fn config_markdown() -> String {
    let mut text = String::from(
        "# Settings\n\n\
         <!-- Written from server/host/src/settings/table.rs; run `UPDATE=1 cargo test -p pi-host config_md` after a change. -->\n\n\
         `settings.json` is read from the agent directory (`$PI_CODING_AGENT_DIR`, else `~/.pi/agent`) and, for a \
         trusted project, from `.pi/` in the working directory. Objects are merged, the project's value wins. \
         Comments and a final comma are allowed. A value of the wrong kind is reported and its default used; keys that \
         are not listed here are left alone.\n\n\
         A setting changed while `pi` runs is written to the global file, and nothing else in it changes. A file that \
         is not valid is reported and never written.\n\n\
         The files are read at start, and again when an editor that watches files for Pi says that they changed. Trust, \
         the rules of `permissions` and the places of templates and skills stay as they were at start.\n\n\
         | Key | Takes | Default | What it does |\n|---|---|---|---|\n",
    );
    for row in TABLE {
        let default = if row.default.is_empty() { "–".into() } else { format!("`{}`", row.default) };
        let only = if row.scope == Scope::Global { " Global file only." } else { "" };
        text += &format!("| `{}` | {} | {default} | {}{only} |\n", row.key, row.kind.describe(), row.doc);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn config_md_is_up_to_date() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/config.md");
        if std::env::var_os("UPDATE").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, config_markdown()).unwrap();
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        assert!(text == config_markdown(), "docs/config.md is out of date: run this test with UPDATE=1");
    }
}
