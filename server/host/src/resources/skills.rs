//! Skills: directories with a `SKILL.md` that says what they are for and how the work is done.
//!
//! The model is told their names, descriptions and files and reads a file when it needs it; `/skill:name` puts the
//! file into a message. Heads are read when a session starts, bodies when they are used.

use std::{
    collections::HashSet,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use ignore::{DirEntry, WalkBuilder};
use pi_protocol::{CommandSource, SlashCommand};

use super::{
    context::read_capped,
    frontmatter::Document,
    places::{Kind, Origin, Place, ResourceOptions, places},
};

/// The file that makes a directory a skill.
const FILE: &str = "SKILL.md";

/// How many skills there may be; more are left out with a warning. All of them are in every system prompt.
const MAX_SKILLS: usize = 200;
/// How many files and directories of one place are looked at, and how deep.
const MAX_ENTRIES: usize = 20_000;
const MAX_DEPTH: usize = 8;

/// Longest name and description of the specification of skills, in characters.
const MAX_NAME: usize = 64;
const MAX_DESCRIPTION: usize = 1024;

/// A skill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skill {
    /// What it is called.
    pub name: String,
    /// What it is for, and when to use it.
    pub description: String,
    /// Its file, absolute.
    pub path: PathBuf,
    /// Only the user may ask for it; the model is not told of it.
    pub hidden: bool,
    pub(super) origin: Origin,
}

/// The skills, in order of name. What is wrong goes to `warnings`.
pub(super) fn discover(options: &ResourceOptions, warnings: &mut Vec<String>) -> Vec<Skill> {
    let mut found: Vec<Skill> = Vec::new();
    let mut seen = HashSet::new();
    'all: for place in places(Kind::Skills, options, warnings) {
        for path in files(&place, warnings) {
            if !seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())) {
                continue;
            }
            let Some(skill) = read(&path, &place.origin, warnings) else { continue };
            if let Some(first) = found.iter().find(|it| it.name == skill.name) {
                warnings.push(format!(
                    "skill {} is not used: /skill:{} is {}",
                    path.display(),
                    skill.name,
                    first.path.display()
                ));
            } else if found.len() == MAX_SKILLS {
                warnings.push(format!("only {MAX_SKILLS} skills are used, {} is not", path.display()));
                break 'all;
            } else {
                found.push(skill);
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// The files of a place that may be skills, in order of path.
fn files(place: &Place, warnings: &mut Vec<String>) -> Vec<PathBuf> {
    let root = &place.path;
    if root.is_file() {
        return vec![root.clone()];
    }
    if !root.is_dir() {
        if place.named {
            warnings.push(format!("skills in {} are not used: no such file or directory", root.display()));
        }
        return Vec::new();
    }
    let walk = WalkBuilder::new(root)
        .follow_links(true)
        .max_depth(Some(MAX_DEPTH))
        .parents(false)
        .require_git(false)
        .git_global(false)
        .git_exclude(false)
        .add_custom_ignore_filename(".fdignore")
        .sort_by_file_name(Ord::cmp)
        .filter_entry(may_hold_skills)
        .build();
    let mut files = Vec::new();
    for (count, entry) in walk.enumerate() {
        if count == MAX_ENTRIES {
            warnings.push(format!(
                "{} has more than {MAX_ENTRIES} entries; the rest is not looked at",
                root.display()
            ));
            break;
        }
        let Ok(entry) = entry else { continue };
        let loose = place.loose_files
            && entry.depth() == 1
            && entry.path().extension().is_some_and(|it| it.eq_ignore_ascii_case("md"));
        if (entry.file_name() == FILE || loose) && entry.path().is_file() {
            files.push(entry.into_path());
        }
    }
    files
}

/// A skill's own directory is not searched for others.
fn may_hold_skills(entry: &DirEntry) -> bool {
    let in_skill = entry.depth() > 0 && entry.path().parent().is_some_and(|it| it.join(FILE).is_file());
    entry.file_name() == FILE || (!in_skill && entry.file_name() != "node_modules")
}

fn read(path: &Path, origin: &Origin, warnings: &mut Vec<String>) -> Option<Skill> {
    let mut warn = |what: &str, why: &str| warnings.push(format!("skill {}{what}: {why}", path.display()));
    let document = match read_capped(path).map_err(|it| it.to_string()).and_then(|it| Document::parse(&it)) {
        Ok(it) => it,
        Err(why) => {
            warn(" is not used", &why);
            return None;
        }
    };
    let is_directory = path.file_name().is_some_and(|it| it == FILE);
    let Some(description) = document.text("description") else {
        // A loose file without a head is a note beside the skills.
        if is_directory || document.has_fields() {
            warn(" is not used", "its head has no description");
        }
        return None;
    };
    let called = if is_directory { path.parent().and_then(Path::file_name) } else { path.file_stem() };
    let called = called.map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    let name = document.text("name").unwrap_or(&called);
    for why in name_faults(name) {
        warn("", &format!("its name \"{name}\" {why}"));
    }
    if description.chars().count() > MAX_DESCRIPTION {
        warn(
            "",
            &format!(
                "its description is longer than {MAX_DESCRIPTION} characters, the model sees only so many"
            ),
        );
    }
    Some(Skill {
        name: name.to_owned(),
        description: description.to_owned(),
        path: path.to_owned(),
        hidden: document.is_true("disable-model-invocation"),
        origin: origin.clone(),
    })
}

/// What a name should not be. Such a skill is used all the same.
fn name_faults(name: &str) -> Vec<&'static str> {
    let is_allowed = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-';
    let faults = [
        (name.chars().count() > MAX_NAME, "is longer than 64 characters"),
        (!name.chars().all(is_allowed), "has other characters than a-z, 0-9 and -"),
        (name.starts_with('-') || name.ends_with('-'), "begins or ends with -"),
        (name.contains("--"), "has two - in a row"),
    ];
    faults.into_iter().filter(|(is_there, _)| *is_there).map(|(_, fault)| fault).collect()
}

impl Skill {
    /// As clients see it.
    pub(super) fn command(&self) -> SlashCommand {
        let name = format!("skill:{}", self.name);
        self.origin.command(name, Some(&self.description), CommandSource::Skill, &self.path)
    }

    /// The message that `/skill:name` stands for.
    ///
    /// # Errors
    /// The file cannot be read or its head is broken.
    pub(super) fn expand(&self, arguments: &str) -> Result<String, String> {
        let text = read_capped(&self.path).map_err(|it| it.to_string())?;
        let body = Document::parse(&text)?.body;
        let directory = self.path.parent().unwrap_or(&self.path);
        let mut block = format!(
            "<skill name=\"{}\" location=\"{}\">\nReferences are relative to {}.\n\n{}\n</skill>",
            self.name,
            self.path.display(),
            directory.display(),
            body.trim()
        );
        let arguments = arguments.trim();
        if !arguments.is_empty() {
            block += "\n\n";
            block += arguments;
        }
        Ok(block)
    }
}

/// The part of the system prompt that names the skills; `None` if the model has none.
pub(super) fn listing(skills: &[Skill]) -> Option<String> {
    let mut shown = skills.iter().filter(|it| !it.hidden).peekable();
    shown.peek()?;
    let mut text = String::from(
        "# Skills\n\nEach skill is a file with instructions for one kind of task. When a task fits a description, read \
         the file first and follow it; paths in it are relative to its directory.\n\n<available_skills>\n",
    );
    for skill in shown {
        let description: String = skill.description.chars().take(MAX_DESCRIPTION).collect();
        // Writing to a string cannot fail.
        let _ok = writeln!(
            text,
            "  <skill>\n    <name>{}</name>\n    <description>{}</description>\n    <location>{}</location>\n  </skill>",
            escape(&skill.name),
            escape(&description),
            escape(&skill.path.to_string_lossy())
        );
    }
    text += "</available_skills>";
    Some(text)
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            char => out.push(char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{super::testing::Project, *};

    fn skill(name: &str) -> String {
        format!("---\nname: {name}\ndescription: Does {name}\n---\n\n# {name}\n")
    }

    fn names(options: &ResourceOptions) -> (Vec<String>, Vec<String>) {
        let mut warnings = Vec::new();
        let found = discover(options, &mut warnings);
        (found.into_iter().map(|it| it.name).collect(), warnings)
    }

    #[test]
    fn skills_come_from_the_usual_directories_up_to_the_root_of_the_repository() {
        let project = Project::new();
        project.write("agent/skills/user-dir/SKILL.md", &skill("a-user"));
        project.write("agent/skills/loose.md", &skill("b-loose"));
        project.write("agent/skills/README.md", "no skill");
        project.write("home/.agents/skills/x/SKILL.md", &skill("c-agents"));
        project.write("home/.agents/skills/loose.md", &skill("not-there"));
        project.write("repo/.git/HEAD", "");
        project.write(".agents/skills/above/SKILL.md", &skill("above"));
        project.write("repo/.agents/skills/y/SKILL.md", &skill("d-root"));
        project.write("repo/in/.agents/skills/z/SKILL.md", &skill("e-here"));
        project.write("repo/in/.pi/skills/group/deep/SKILL.md", "---\ndescription: d\n---\n");
        let mut options = project.options();
        options.cwd = project.path("repo/in");
        let all = ["a-user", "b-loose", "c-agents", "d-root", "deep", "e-here"].map(str::to_owned);
        assert_eq!(names(&options), (all.to_vec(), vec![]));
        options.project_trusted = false;
        assert_eq!(names(&options).0, ["a-user", "b-loose", "c-agents"]);
        options.skills.only_flags = true;
        options.skills.flags = vec![".pi/skills/group/deep".into(), "gone".into()];
        let (found, warnings) = names(&options);
        assert_eq!(found, ["deep"]);
        assert!(warnings.len() == 1 && warnings[0].contains("gone are not used"), "{warnings:?}");
    }

    #[test]
    fn what_is_hidden_ignored_or_inside_a_skill_is_none() {
        let project = Project::new();
        for directory in ["good", ".hidden", "node_modules/x", "good/inner", "ignored", "also"] {
            let name = directory.rsplit('/').next().unwrap();
            project.write(&format!("agent/skills/{directory}/SKILL.md"), &skill(name));
        }
        project.write("agent/skills/.gitignore", "ignored\n");
        project.write("agent/skills/.fdignore", "also\n");
        assert_eq!(names(&project.options()), (vec!["good".to_owned()], vec![]));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_a_skill_that_is_reached_twice_counts_once() {
        let project = Project::new();
        project.write("elsewhere/real/SKILL.md", &skill("real"));
        project.write("agent/skills/other/SKILL.md", &skill("other"));
        let link =
            |to: &str, at: &str| std::os::unix::fs::symlink(project.path(to), project.path(at)).unwrap();
        link("elsewhere/real", "agent/skills/one");
        link("elsewhere/real", "agent/skills/two");
        link("agent/skills", "agent/skills/around");
        assert_eq!(names(&project.options()), (vec!["other".to_owned(), "real".to_owned()], vec![]));
    }

    #[test]
    fn odd_skills_are_used_and_broken_ones_are_not_and_both_are_mentioned() {
        let project = Project::new();
        for (directory, head, expected) in [
            ("a", "name: Big Name", "\"Big Name\" has other characters"),
            ("b", "name: -x--y-", "begins or ends with -"),
            ("c", &format!("name: {}", "n".repeat(65)), "longer than 64"),
            (
                "d",
                &format!("name: d\nmetadata: {{x: 1}}\ndescription: {}", "w".repeat(1025)),
                "longer than 1024",
            ),
        ] {
            let description = if head.contains("description") { "" } else { "\ndescription: d" };
            project.write("agent/skills/one/SKILL.md", &format!("---\n{head}{description}\n---\n"));
            let (found, warnings) = names(&project.options());
            assert_eq!(found.len(), 1, "{directory}");
            assert!(warnings[0].contains(expected), "{warnings:?}");
        }
        for (text, why) in
            [("# No head", "no description"), ("---\ndescription: a: b\n---\n", "not YAML (line 2")]
        {
            project.write("agent/skills/one/SKILL.md", text);
            let (found, warnings) = names(&project.options());
            assert!(found.is_empty() && warnings[0].contains(why), "{warnings:?}");
        }
    }

    #[test]
    fn the_project_wins_over_the_user_and_a_flag_over_both() {
        let project = Project::new();
        project.write("agent/skills/x/SKILL.md", &skill("x"));
        project.write("work/.pi/skills/x/SKILL.md", &skill("x"));
        project.write("work/flag/SKILL.md", &skill("x"));
        let mut options = project.options();
        let path = |options: &_| discover(options, &mut Vec::new())[0].path.clone();
        assert_eq!(path(&options), project.path("work/.pi/skills/x/SKILL.md"));
        options.skills.flags = vec!["flag".into()];
        assert_eq!(path(&options), project.path("work/flag/SKILL.md"));
        assert_eq!(names(&options).1.len(), 2);
    }

    #[test]
    fn a_skill_becomes_a_block_with_its_arguments_behind() {
        let project = Project::new();
        project.write("agent/skills/brave/SKILL.md", &skill("brave"));
        let found = discover(&project.options(), &mut Vec::new());
        let directory = project.path("agent/skills/brave");
        let directory = directory.display();
        let block = format!(
            "<skill name=\"brave\" location=\"{directory}/SKILL.md\">\nReferences are relative to {directory}.\n\n\
             # brave\n</skill>"
        );
        assert_eq!(found[0].expand(" \n").unwrap(), block);
        assert_eq!(found[0].expand(" find it ").unwrap(), format!("{block}\n\nfind it"));
        std::fs::remove_file(&found[0].path).unwrap();
        assert!(found[0].expand("").is_err());
    }

    #[test]
    fn the_model_is_told_of_skills_that_are_not_hidden() {
        let project = Project::new();
        project.write("agent/skills/a/SKILL.md", "---\ndescription: \"<a> & 'b' \\\"c\\\"\"\n---\n");
        project
            .write("agent/skills/b/SKILL.md", "---\ndescription: d\ndisable-model-invocation: true\n---\n");
        let found = discover(&project.options(), &mut Vec::new());
        let text = listing(&found).unwrap();
        let path = project.path("agent/skills/a/SKILL.md");
        assert!(
            text.ends_with(&format!(
                "<available_skills>\n  <skill>\n    <name>a</name>\n    <description>&lt;a&gt; &amp; &apos;b&apos; \
                 &quot;c&quot;</description>\n    <location>{}</location>\n  </skill>\n</available_skills>",
                path.display()
            )),
            "{text}"
        );
        assert_eq!(listing(&found[1..]), None);
    }
}
