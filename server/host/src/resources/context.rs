//! AGENTS.md and CLAUDE.md, SYSTEM.md and APPEND_SYSTEM.md.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// Names of context files; the first that exists in a directory counts.
const NAMES: [&str; 5] = ["AGENTS.override.md", "AGENTS.md", "AGENTS.MD", "CLAUDE.md", "CLAUDE.MD"];

/// How much of one file is read, in bytes.
const MAX_SIZE: usize = 128 * 1024;

/// Instructions found beside the work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextFile {
    /// Absolute.
    pub path: PathBuf,
    /// Its text, with a note at the end when it was cut.
    pub content: String,
}

/// What the user set in place of, or in addition to, our own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PromptFiles {
    /// Instead of our own words.
    pub custom: Option<String>,
    /// After them.
    pub append: Option<String>,
}

/// The context files for work in `cwd`: the agent directory's first, then from the root of the file system down to
/// `cwd`, one per directory. Files that cannot be read are passed over.
pub fn discover_context_files(agent_dir: &Path, cwd: &Path) -> Vec<ContextFile> {
    let mut above: Vec<_> = cwd.ancestors().collect();
    above.reverse();
    let mut files: Vec<ContextFile> = Vec::new();
    for dir in std::iter::once(agent_dir).chain(above) {
        let found = NAMES.iter().find_map(|name| {
            let path = dir.join(name);
            let content = read_capped(&path).ok()?;
            Some(ContextFile { path, content })
        });
        if let Some(file) = found {
            if files.iter().all(|it| it.path != file.path) {
                files.push(file);
            }
        }
    }
    files
}

/// `SYSTEM.md` and `APPEND_SYSTEM.md`, each from `.pi/` in `cwd` if the project is trusted (it would replace the
/// user's own instructions), else from the agent directory. The flags
/// (`--system-prompt`, `--append-system-prompt`; a text or the path of a file) win; several are joined by a blank
/// line.
pub fn load_prompt_files(
    agent_dir: &Path,
    cwd: &Path,
    project_trusted: bool,
    custom_flag: Option<&str>,
    append_flags: &[String],
) -> PromptFiles {
    let project = project_trusted.then(|| cwd.join(".pi"));
    let file = |name: &str| {
        project
            .iter()
            .map(PathBuf::as_path)
            .chain([agent_dir])
            .find_map(|it| read_capped(&it.join(name)).ok())
    };
    let custom = custom_flag.map(|it| text_or_file(it, cwd)).or_else(|| file("SYSTEM.md"));
    let append = if append_flags.is_empty() {
        file("APPEND_SYSTEM.md")
    } else {
        Some(append_flags.iter().map(|it| text_or_file(it, cwd)).collect::<Vec<_>>().join("\n\n"))
    };
    PromptFiles { custom, append }
}

/// The content of the file `value` names, or `value` itself if it names none that can be read.
pub fn text_or_file(value: &str, cwd: &Path) -> String {
    // A prompt of several lines is no path, and too long a name is an error on some systems.
    if value.is_empty() || value.len() > 4096 || value.contains(['\n', '\0']) {
        return value.to_owned();
    }
    read_capped(&crate::paths::absolute(cwd, &crate::paths::expand_home(value)))
        .unwrap_or_else(|_| value.to_owned())
}

/// The text of a file, without a byte order mark, cut with a note when it is long.
pub(super) fn read_capped(path: &Path) -> io::Result<String> {
    // A pipe or device under this name would block or never end.
    let metadata = path.metadata()?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_SIZE as u64 + 1).read_to_end(&mut bytes)?;
    let cut = bytes.len() > MAX_SIZE;
    bytes.truncate(MAX_SIZE);
    let text = String::from_utf8_lossy(&bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(if cut {
        // The cut may have split a character.
        let text = text.trim_end_matches('\u{fffd}');
        format!("{text}\n[cut after {} KB of {} KB]", MAX_SIZE / 1024, metadata.len().div_ceil(1024))
    } else {
        text.to_owned()
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn write(path: PathBuf, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn context_files_come_from_the_outside_in_one_per_directory() {
        let root = tempfile::tempdir().unwrap();
        let (agent, cwd) = (root.path().join("agent"), root.path().join("a/b"));
        fs::create_dir_all(&cwd).unwrap();
        write(agent.join("CLAUDE.md"), "global");
        write(root.path().join("a/AGENTS.md"), "\u{feff}outer");
        write(root.path().join("a/CLAUDE.md"), "not read");
        write(cwd.join("AGENTS.override.md"), "inner");
        fs::create_dir_all(cwd.join("AGENTS.md")).unwrap();
        let texts: Vec<_> = discover_context_files(&agent, &cwd).into_iter().map(|it| it.content).collect();
        assert_eq!(texts, ["global", "outer", "inner"]);
        let inside: Vec<_> =
            discover_context_files(&agent, &agent).into_iter().map(|it| it.content).collect();
        assert_eq!(inside, ["global"]);
    }

    #[test]
    fn a_long_file_is_cut_at_a_character_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path().join("AGENTS.md"), &format!("x{}", "é".repeat(MAX_SIZE)));
        let files = discover_context_files(Path::new("/nowhere"), dir.path());
        let content = &files.last().unwrap().content;
        assert!(content.ends_with("é\n[cut after 128 KB of 257 KB]"), "{}", &content[content.len() - 60..]);
    }

    #[test]
    fn a_flag_beats_the_project_and_the_project_the_user() {
        let root = tempfile::tempdir().unwrap();
        let (agent, cwd) = (root.path().join("agent"), root.path().join("work"));
        write(agent.join("SYSTEM.md"), "user");
        write(agent.join("APPEND_SYSTEM.md"), "user append");
        write(cwd.join(".pi/SYSTEM.md"), "project");
        write(cwd.join("words.txt"), "from a file");
        let files = load_prompt_files(&agent, &cwd, true, None, &[]);
        assert_eq!(files.custom.as_deref(), Some("project"));
        assert_eq!(files.append.as_deref(), Some("user append"));
        let files = load_prompt_files(&agent, &cwd, false, None, &[]);
        assert_eq!(files.custom.as_deref(), Some("user"), "a project that is not trusted replaces nothing");
        let files =
            load_prompt_files(&agent, &cwd, true, Some("flag"), &["words.txt".into(), "and text".into()]);
        assert_eq!(files.custom.as_deref(), Some("flag"));
        assert_eq!(files.append.as_deref(), Some("from a file\n\nand text"));
    }
}
