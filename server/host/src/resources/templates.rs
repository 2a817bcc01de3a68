//! Prompt templates: Markdown files that `/name` at the beginning of a message stands for.
//!
//! They are looked up when one is used, so that a new or changed file counts at once and the start costs nothing.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use pi_protocol::{CommandSource, SlashCommand};

use super::{
    arguments,
    context::read_capped,
    frontmatter::Document,
    places::{Kind, Origin, Place, ResourceOptions, places},
};

/// How many templates there may be; more are left out with a warning.
const MAX_TEMPLATES: usize = 500;

/// Longest description made from the text, in characters.
const DESCRIPTION_LENGTH: usize = 60;

/// The key of the head that makes a template an action on code.
const ACTION: &str = "code-action";

/// A template that editors offer as an action on code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateAction {
    /// What follows the slash.
    pub name: String,
    /// What the user reads.
    pub title: String,
}

/// A template that was found, but not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    /// The stem of its file.
    pub name: String,
    /// Its file, absolute.
    pub path: PathBuf,
    origin: Origin,
}

/// The templates, in order of name. What is wrong goes to `warnings`.
pub(super) fn discover(options: &ResourceOptions, warnings: &mut Vec<String>) -> Vec<Template> {
    let mut found: Vec<Template> = Vec::new();
    let mut seen = HashSet::new();
    for place in places(Kind::Prompts, options, warnings) {
        for path in files(&place, warnings) {
            let Some(name) = path.file_stem().map(|it| it.to_string_lossy().into_owned()) else { continue };
            if !seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())) {
                continue;
            }
            if let Some(first) = found.iter().find(|it| it.name == name) {
                warnings.push(format!(
                    "prompt template {} is not used: /{name} is {}",
                    path.display(),
                    first.path.display()
                ));
            } else if found.len() == MAX_TEMPLATES {
                warnings.push(format!(
                    "only {MAX_TEMPLATES} prompt templates are used, {} is not",
                    path.display()
                ));
                break;
            } else {
                found.push(Template { name, path, origin: place.origin.clone() });
            }
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// The Markdown files of a place, in order of name.
fn files(place: &Place, warnings: &mut Vec<String>) -> Vec<PathBuf> {
    let path = &place.path;
    let refused =
        |why: &dyn std::fmt::Display| format!("prompt templates in {} are not used: {why}", path.display());
    let is_markdown = |path: &Path| path.extension().is_some_and(|it| it.eq_ignore_ascii_case("md"));
    match fs::read_dir(path) {
        Ok(entries) => {
            let mut files: Vec<PathBuf> = entries
                .filter_map(|it| Some(it.ok()?.path()))
                .filter(|it| is_markdown(it) && it.is_file())
                .filter(|it| !it.file_name().is_some_and(|it| it.to_string_lossy().starts_with('.')))
                .collect();
            files.sort();
            files
        }
        Err(_) if path.is_file() && is_markdown(path) => vec![path.clone()],
        Err(_) if path.is_file() => {
            warnings.push(refused(&"not a Markdown file"));
            Vec::new()
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && !place.named => Vec::new(),
        Err(error) => {
            warnings.push(refused(&error));
            Vec::new()
        }
    }
}

impl Template {
    fn read(&self) -> Result<Document, String> {
        let text = read_capped(&self.path).map_err(|it| it.to_string())?;
        Document::parse(&text)
    }

    /// As clients see it; a file that cannot be used is left out with a warning.
    pub fn command(&self, warnings: &mut Vec<String>) -> Option<SlashCommand> {
        let document = match self.read() {
            Ok(it) => it,
            Err(why) => {
                warnings.push(format!("prompt template {} is not used: {why}", self.path.display()));
                return None;
            }
        };
        let description =
            document.text("description").map(str::to_owned).or_else(|| first_line(&document.body));
        Some(self.origin.command(
            self.name.clone(),
            description.as_deref(),
            CommandSource::Prompt,
            &self.path,
        ))
    }

    /// As an action on code, if its head asks for that: `code-action` is the title, or `true` for its name.
    pub fn action(&self) -> Option<TemplateAction> {
        let document = self.read().ok()?;
        let title = match document.is_true(ACTION) {
            true => self.name.clone(),
            false => document.text(ACTION).filter(|it| *it != "false")?.to_owned(),
        };
        Some(TemplateAction { name: self.name.clone(), title })
    }

    /// Its text with these arguments.
    ///
    /// # Errors
    /// The file cannot be read, its head is broken, or the text becomes too long.
    pub fn expand(&self, rest: &str) -> Result<String, String> {
        let document = self.read()?;
        arguments::substitute(&document.body, &arguments::split(rest))
            .ok_or_else(|| "with these arguments it becomes longer than 4 MiB".into())
    }
}

/// The first line with something in it, cut.
fn first_line(body: &str) -> Option<String> {
    let line = body.lines().map(str::trim).find(|it| !it.is_empty())?;
    Some(match line.char_indices().nth(DESCRIPTION_LENGTH) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::{places::Sources, testing::Project},
        *,
    };

    fn names(options: &ResourceOptions) -> (Vec<String>, Vec<String>) {
        let mut warnings = Vec::new();
        let found = discover(options, &mut warnings);
        (found.into_iter().map(|it| it.name).collect(), warnings)
    }

    #[test]
    fn templates_come_from_the_usual_directories_settings_and_flags() {
        let project = Project::new();
        project.write("agent/prompts/a.md", "");
        project.write("agent/prompts/sub/not.md", "");
        project.write("agent/prompts/.not.md", "");
        project.write("agent/prompts/not.txt", "");
        project.write("agent/more/b.md", "");
        project.write("work/.pi/prompts/c.md", "");
        project.write("work/.pi/extra.md", "");
        project.write("work/flag/d.md", "");
        let mut options = project.options();
        options.prompts = Sources {
            flags: vec!["flag".into()],
            only_flags: false,
            project: vec!["extra.md".into()],
            user: vec!["more".into()],
        };
        assert_eq!(names(&options), (["a", "b", "c", "d", "extra"].map(str::to_owned).to_vec(), vec![]));
        options.project_trusted = false;
        assert_eq!(names(&options).0, ["a", "b", "d"]);
        options.prompts.only_flags = true;
        assert_eq!(names(&options).0, ["d"]);
    }

    #[test]
    fn the_first_of_a_name_is_used_and_the_others_are_mentioned() {
        let project = Project::new();
        project.write("agent/prompts/x.md", "user");
        project.write("work/.pi/prompts/x.md", "project");
        let mut warnings = Vec::new();
        let found = discover(&project.options(), &mut warnings);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].expand("").unwrap(), "project");
        let (user, own) = (project.path("agent/prompts/x.md"), project.path("work/.pi/prompts/x.md"));
        let expected = format!("prompt template {} is not used: /x is {}", user.display(), own.display());
        assert_eq!(warnings, [expected]);
    }

    #[test]
    fn paths_that_lead_nowhere_are_mentioned_and_a_file_that_is_named_twice_is_not() {
        let project = Project::new();
        project.write("work/x.md", "");
        project.write("work/x.txt", "");
        let mut options = project.options();
        options.prompts.flags = ["x.md", "./x.md", "x.txt", "gone.md", "!x.md"].map(str::to_owned).to_vec();
        let (found, warnings) = names(&options);
        assert_eq!(found, ["x"]);
        assert_eq!(warnings.len(), 3, "{warnings:?}");
        for (warning, why) in warnings.iter().zip(["patterns", "not a Markdown file", "gone.md"]) {
            assert!(warning.contains(why), "{warning}");
        }
    }

    #[test]
    fn a_template_becomes_an_action_if_its_head_says_so() {
        let project = Project::new();
        for (name, head) in [
            ("a", "code-action: Review with care"),
            ("b", "code-action: true"),
            ("c", "code-action: false"),
            ("d", "description: no action"),
            ("e", "code-action:"),
            ("f", "["),
        ] {
            project.write(&format!("agent/prompts/{name}.md"), &format!("---\n{head}\n---\nText\n"));
        }
        let found = discover(&project.options(), &mut Vec::new());
        let titles: Vec<_> = found.iter().filter_map(|it| it.action()).map(|it| it.title).collect();
        assert_eq!(titles, ["Review with care", "b"]);
    }

    #[test]
    fn a_description_is_from_the_head_or_the_first_line() {
        let project = Project::new();
        project.write("agent/prompts/a.md", "---\ndescription: Does a\nargument-hint: <x>\n---\n\nText $1\n");
        project.write("agent/prompts/b.md", &format!("\n  {}  \nmore", "é".repeat(61)));
        project.write("agent/prompts/c.md", "");
        project.write("agent/prompts/d.md", "---\n[\n---\n");
        let mut warnings = Vec::new();
        let found = discover(&project.options(), &mut warnings);
        let commands: Vec<_> = found.iter().filter_map(|it| it.command(&mut warnings)).collect();
        let described: Vec<_> = commands.iter().map(|it| it.description.as_deref()).collect();
        assert_eq!(described, [Some("Does a"), Some(&*format!("{}...", "é".repeat(60))), None]);
        assert!(warnings.len() == 1 && warnings[0].contains("d.md is not used: its head"), "{warnings:?}");
        assert_eq!(found[0].expand("'one two' three").unwrap(), "Text one two");
    }
}
