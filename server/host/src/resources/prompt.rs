//! The system prompt.
//!
//! It depends on nothing but its input, so that two sessions with the same input share a provider's prompt cache;
//! the time of day would break that, so only the date is in it.

use std::path::{Path, PathBuf};

use pi_core::ports::ToolSpec;

use super::{ContextFile, Skill, skills};

/// What the prompt is made of.
#[derive(Debug, Clone, Copy)]
pub struct SystemPromptInput<'a> {
    /// Working directory, absolute.
    pub cwd: &'a Path,
    /// Folders the user has open beside it, absolute.
    pub beside: &'a [PathBuf],
    /// The tools that are on.
    pub tools: &'a [ToolSpec],
    /// Instructions of user and project.
    pub context_files: &'a [ContextFile],
    /// Skills; the model is told of them only if it has a tool that reads files.
    pub skills: &'a [Skill],
    /// In place of our own words.
    pub custom: Option<&'a str>,
    /// After our own words.
    pub append: Option<&'a str>,
    /// Today, `2026-11-21`.
    pub date: &'a str,
}

/// Writes the system prompt.
pub fn build_system_prompt(input: SystemPromptInput<'_>) -> String {
    let mut sections = Vec::new();
    match input.custom {
        Some(text) => sections.push(text.trim_end().to_owned()),
        None => {
            sections.push(IDENTITY.to_owned());
            sections.push(tool_list(input.tools));
            sections.push(guidelines(input.tools));
        }
    }
    sections.extend(input.append.map(|it| it.trim_end().to_owned()));
    if !input.context_files.is_empty() {
        sections.push(project_context(input.context_files));
    }
    if can_read(input.tools) {
        sections.extend(skills::listing(input.skills));
    }
    let beside: String = input
        .beside
        .iter()
        .map(|it| format!("\nAlso open in the editor, to read; writing there is asked for: {}", it.display()))
        .collect();
    sections.push(format!("Today: {}\nWorking directory: {}{beside}", input.date, input.cwd.display()));
    sections.retain(|it| !it.is_empty());
    sections.join("\n\n")
}

/// Whether the model can read the file of a skill.
pub fn can_read(tools: &[ToolSpec]) -> bool {
    tools.iter().any(|it| it.name == "read" || it.name == "bash")
}

const IDENTITY: &str = "You are pi, a coding agent that works inside the user's editor. The user sees what you \
    write and every edit you make, and can interrupt or redirect you at any moment.";

fn tool_list(tools: &[ToolSpec]) -> String {
    if tools.is_empty() {
        return "You have no tools in this session: answer from the conversation alone.".into();
    }
    let lines: Vec<_> = tools.iter().map(|it| format!("- {}: {}", it.name, it.summary)).collect();
    format!("# Tools\n\n{}", lines.join("\n"))
}

fn guidelines(tools: &[ToolSpec]) -> String {
    let has = |name: &str| tools.iter().any(|it| it.name == name);
    let searches = ["grep", "find", "ls"].iter().any(|it| has(it));
    let edits = has("edit") || has("write") || has("hashline_edit");
    let mut rules = Vec::new();
    if has("bash") {
        rules.push(if searches {
            "Look around with grep, find and ls; keep bash for building, testing and running things."
        } else {
            "Look around with shell commands such as rg, find and ls."
        });
    }
    if has("read") {
        rules.push("Read a file with the read tool, and before you change it.");
        rules.push("The file tools see what is in the user's editor, unsaved changes included.");
    }
    if has("bash") {
        rules.push("Shell commands see the disk only: unsaved changes are not there yet.");
    }
    if has("edit") {
        rules.push("Make small edits whose old text occurs exactly once, copied with its whitespace.");
    }
    if has("write") {
        rules.push("Use write for new files and for complete rewrites only.");
    }
    if edits {
        rules.push("Change what the task needs and keep the style of the code around it.");
        rules.push("The user may type while you work: if an edit is refused, read the file again first.");
    } else if !tools.is_empty() && !has("bash") {
        rules.push("You cannot change files here: describe the change instead.");
    }
    rules.push("Name files by their paths, and say briefly what you did and what you could not check.");
    format!("# Guidelines\n\n- {}", rules.join("\n- "))
}

fn project_context(files: &[ContextFile]) -> String {
    let mut text = String::from(
        "# Project context\n\nInstructions of the user and the project; later files are about narrower places.",
    );
    for file in files {
        text += &format!("\n\n## {}\n\n{}", file.path.display(), file.content.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(names: &[&str]) -> Vec<ToolSpec> {
        let spec = |name: &&str| ToolSpec {
            name: (*name).into(),
            description: String::new(),
            parameters: serde_json::json!({}),
            summary: format!("does {name}"),
            read_only: false,
        };
        names.iter().map(spec).collect()
    }

    fn prompt(tools: &[ToolSpec], custom: Option<&str>) -> String {
        let files = [ContextFile { path: "/w/AGENTS.md".into(), content: "use tabs\n".into() }];
        let cwd = Path::new("/w");
        let append = Some("be kind\n");
        build_system_prompt(SystemPromptInput {
            beside: &[],
            cwd,
            tools,
            context_files: &files,
            skills: &[],
            custom,
            append,
            date: "2026-11-21",
        })
    }

    #[test]
    fn a_custom_prompt_replaces_our_words_and_nothing_else() {
        assert_eq!(
            prompt(&tools(&["read"]), Some("only this\n")),
            "only this\n\nbe kind\n\n# Project context\n\nInstructions of the user and the project; later files are \
             about narrower places.\n\n## /w/AGENTS.md\n\nuse tabs\n\nToday: 2026-11-21\nWorking directory: /w"
        );
    }

    #[test]
    fn guidelines_follow_the_tools() {
        let all = prompt(&tools(&["read", "bash", "edit", "write", "grep"]), None);
        assert!(all.contains("- bash: does bash\n"), "{all}");
        assert!(
            all.contains("with grep, find and ls") && all.contains("unsaved changes are not there"),
            "{all}"
        );
        let shell = prompt(&tools(&["bash"]), None);
        assert!(shell.contains("such as rg") && !shell.contains("cannot change files"), "{shell}");
        let none = prompt(&[], None);
        assert!(none.contains("no tools") && !none.contains("cannot change files"), "{none}");
    }
}
