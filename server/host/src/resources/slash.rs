//! What messages can begin with: finds templates and skills when they are asked for.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use pi_core::ports::{ExpandError, Expander};
use pi_protocol::SlashCommand;

use super::{
    places::{Kind, ResourceOptions, project_places},
    skills::{self, Skill},
    templates::{self, TemplateAction},
};

/// The prompt templates and skills of a project.
#[derive(Debug)]
pub struct Resources {
    options: ResourceOptions,
    /// The skills that were found last.
    known: Mutex<Vec<Skill>>,
    /// Warnings that were given.
    said: Mutex<HashSet<String>>,
}

impl Resources {
    /// Looks for nothing yet.
    pub fn new(options: ResourceOptions) -> Self {
        Self { options, known: Mutex::default(), said: Mutex::default() }
    }

    /// Looks for skills. What is wrong with them is logged, once.
    pub fn skills(&self) -> Vec<Skill> {
        let mut warnings = Vec::new();
        let skills = skills::discover(&self.options, &mut warnings);
        if self.options.mention_untrusted && !self.options.project_trusted {
            let own = [Kind::Skills, Kind::Prompts].map(|it| project_places(it, &self.options.cwd));
            if let Some(place) = own.iter().flatten().find(|it| it.path.is_dir()) {
                warnings.push(format!(
                    "{} and other skills and prompt templates of this project are not used; --approve allows them",
                    place.path.display()
                ));
            }
        }
        self.report(warnings);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&skills);
        skills
    }

    /// The templates that want to be actions on code.
    pub fn actions(&self) -> Vec<TemplateAction> {
        let mut warnings = Vec::new();
        let templates = templates::discover(&self.options, &mut warnings);
        self.report(warnings);
        templates.iter().filter_map(templates::Template::action).collect()
    }

    fn report(&self, warnings: Vec<String>) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        for warning in warnings {
            if !said.contains(&warning) {
                tracing::warn!("{warning}");
                said.insert(warning);
            }
        }
    }

    /// A skill by name. Those that were not there when the session began are found, too.
    fn skill(&self, name: &str) -> Option<Skill> {
        let find = |skills: &[Skill]| skills.iter().find(|it| it.name == name).cloned();
        let known = find(&self.known.lock().unwrap_or_else(PoisonError::into_inner));
        known.or_else(|| find(&self.skills()))
    }
}

impl Expander for Resources {
    fn expand(&self, message: &str) -> Result<Option<String>, ExpandError> {
        let Some(command) = message.strip_prefix('/') else { return Ok(None) };
        let end = command.find(char::is_whitespace).unwrap_or(command.len());
        let (name, rest) = command.split_at(end);
        if let Some(name) = name.strip_prefix("skill:") {
            let Some(skill) = self.skill(name) else { return Ok(None) };
            return skill.expand(rest).map(Some).map_err(|error| ExpandError {
                path: skill.path.to_string_lossy().into_owned(),
                event: "skill_expansion",
                error,
            });
        }
        // Most messages that begin with a slash begin with a path.
        if name.is_empty() || name.contains('/') {
            return Ok(None);
        }
        let mut warnings = Vec::new();
        let template =
            templates::discover(&self.options, &mut warnings).into_iter().find(|it| it.name == name);
        self.report(warnings);
        let Some(template) = template else { return Ok(None) };
        template.expand(rest).map(Some).map_err(|error| ExpandError {
            path: template.path.to_string_lossy().into_owned(),
            event: "prompt_expansion",
            error,
        })
    }

    fn commands(&self) -> Vec<SlashCommand> {
        let mut warnings = Vec::new();
        let templates = templates::discover(&self.options, &mut warnings);
        let mut commands: Vec<_> = templates.iter().filter_map(|it| it.command(&mut warnings)).collect();
        self.report(warnings);
        if self.options.skill_commands {
            commands.extend(self.skills().iter().map(Skill::command));
        }
        commands
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::Project, *};

    const SKILL: &str = "---\ndescription: Does x\n---\nbody\n";

    #[test]
    fn messages_are_expanded_and_everything_else_stays() {
        let project = Project::new();
        project.write("agent/prompts/review.md", "---\ndescription: d\n---\nReview $1. All: $@\n");
        project.write("agent/prompts/plain.md", "Plain $ARGUMENTS\n");
        let resources = Resources::new(project.options());
        for (message, text) in [
            ("/review a 'b c'", Some("Review a. All: a b c")),
            ("/review", Some("Review . All: ")),
            ("/review\n\nfirst line\nsecond", Some("Review first. All: first line second")),
            ("/plain x y", Some("Plain x y\n")),
            ("/plain $1 $@", Some("Plain $1 $@\n")),
            ("/unknown x", None),
            ("/", None),
            ("/ review", None),
            (" /review", None),
            ("/Review", None),
            ("/usr/bin/review x", None),
            ("/../review", None),
            ("/skill:review", None),
            ("review", None),
            ("", None),
        ] {
            assert_eq!(resources.expand(message).unwrap().as_deref(), text, "{message:?}");
        }
    }

    #[test]
    fn a_skill_that_appears_during_the_session_is_found_and_one_that_vanishes_is_an_error() {
        let project = Project::new();
        let resources = Resources::new(project.options());
        assert_eq!(resources.skills(), []);
        project.write("agent/skills/late/SKILL.md", SKILL);
        assert!(
            resources.expand("/skill:late\tdo it").unwrap().unwrap().ends_with("body\n</skill>\n\ndo it")
        );
        let file = project.path("agent/skills/late/SKILL.md");
        std::fs::remove_file(&file).unwrap();
        let failed = resources.expand("/skill:late").unwrap_err();
        assert_eq!((failed.event, failed.path.as_str()), ("skill_expansion", file.to_str().unwrap()));
    }

    #[test]
    fn commands_have_the_fields_of_all_versions() {
        let project = Project::new();
        project.write("agent/prompts/review.md", "Review $1");
        project.write("work/.pi/skills/x/SKILL.md", SKILL);
        project.write("work/once.md", "");
        let mut options = project.options();
        options.prompts.flags = vec!["once.md".into()];
        let path = |relative: &str| project.path(relative).to_str().unwrap().to_owned();
        let (once, review, skill) =
            (path("work/once.md"), path("agent/prompts/review.md"), path("work/.pi/skills/x/SKILL.md"));
        let commands = Resources::new(options.clone()).commands();
        assert_eq!(
            serde_json::to_value(&commands).unwrap(),
            json!([
                {"name": "once", "source": "prompt", "path": once, "location": "path", "sourceInfo":
                    {"path": once, "source": "cli", "scope": "temporary", "origin": "top-level"}},
                {"name": "review", "description": "Review $1", "source": "prompt", "path": review, "location": "user",
                    "sourceInfo": {"path": review, "source": "auto", "scope": "user", "origin": "top-level",
                        "baseDir": path("agent")}},
                {"name": "skill:x", "description": "Does x", "source": "skill", "path": skill, "location": "project",
                    "sourceInfo": {"path": skill, "source": "auto", "scope": "project", "origin": "top-level",
                        "baseDir": path("work/.pi")}},
            ])
        );
        options.skill_commands = false;
        let resources = Resources::new(options);
        assert_eq!(resources.commands().len(), 2);
        assert!(resources.expand("/skill:x").unwrap().is_some(), "not offered, but there for who types it");
    }
}
