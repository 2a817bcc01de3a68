//! Where prompt templates and skills are looked for, and in which order: the first of a name is the one that is
//! used.

use std::path::{Path, PathBuf};

use pi_protocol::{
    CommandLocation, CommandSource, SlashCommand,
    response::{SourceInfo, SourceOrigin, SourceScope},
};

use crate::paths;

/// Which resources a session has.
#[derive(Debug, Clone, Default)]
pub struct ResourceOptions {
    /// The user's directory.
    pub agent_dir: PathBuf,
    /// The project's directory.
    pub cwd: PathBuf,
    /// The user's home, for `~/.agents`.
    pub home: Option<PathBuf>,
    /// Whether the project's own templates and skills are used.
    pub project_trusted: bool,
    /// Whether to mention that they are there but not used: nobody decided that they should not be.
    pub mention_untrusted: bool,
    /// Prompt templates beyond the usual directories.
    pub prompts: Sources,
    /// Skills beyond the usual directories.
    pub skills: Sources,
    /// Whether skills are among the commands that are offered.
    pub skill_commands: bool,
}

/// Paths of files and directories, as they were written.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// From the command line, relative to the project's directory.
    pub flags: Vec<String>,
    /// Use nothing else.
    pub only_flags: bool,
    /// From the project's settings, relative to its `.pi`.
    pub project: Vec<String>,
    /// From the global settings, relative to the user's directory.
    pub user: Vec<String>,
}

/// A kind of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Prompt templates.
    Prompts,
    /// Skills.
    Skills,
}

impl Kind {
    /// The name of its directories.
    fn directory(self) -> &'static str {
        match self {
            Kind::Prompts => "prompts",
            Kind::Skills => "skills",
        }
    }
}

/// Whose a resource is and how it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    location: CommandLocation,
    source: &'static str,
    base_dir: Option<PathBuf>,
}

impl Origin {
    /// A resource as clients see it.
    pub fn command(
        &self,
        name: String,
        description: Option<&str>,
        source: CommandSource,
        path: &Path,
    ) -> SlashCommand {
        let path = path.to_string_lossy().into_owned();
        SlashCommand {
            name,
            description: description.map(str::to_owned),
            source,
            path: path.clone(),
            location: self.location,
            source_info: SourceInfo {
                path,
                source: self.source.into(),
                scope: match self.location {
                    CommandLocation::User => SourceScope::User,
                    CommandLocation::Project => SourceScope::Project,
                    CommandLocation::Path => SourceScope::Temporary,
                },
                origin: SourceOrigin::TopLevel,
                base_dir: self.base_dir.as_ref().map(|it| it.to_string_lossy().into_owned()),
            },
        }
    }
}

/// A file or directory to look into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Absolute.
    pub path: PathBuf,
    /// Whose it is.
    pub origin: Origin,
    /// Somebody named it, so that it ought to be there.
    pub named: bool,
    /// Whether each Markdown file at its top is a skill; else only directories with a `SKILL.md` are.
    pub loose_files: bool,
}

/// The places of a kind, first those that win.
pub(super) fn places(kind: Kind, options: &ResourceOptions, warnings: &mut Vec<String>) -> Vec<Place> {
    let sources = match kind {
        Kind::Prompts => &options.prompts,
        Kind::Skills => &options.skills,
    };
    let mut places = Vec::new();
    let mut named = |base: &Path, paths: &[String], location, source, places: &mut Vec<Place>| {
        for path in paths {
            if path.starts_with(['!', '+', '-']) || path.contains('*') {
                warnings.push(format!(
                    "\"{path}\" in the {} is ignored: patterns are not supported, name files and directories",
                    kind.directory()
                ));
                continue;
            }
            places.push(Place {
                path: paths::absolute(base, &paths::expand_home(path)),
                origin: Origin { location, source, base_dir: None },
                named: true,
                loose_files: true,
            });
        }
    };
    let cwd = &options.cwd;
    named(cwd, &sources.flags, CommandLocation::Path, "cli", &mut places);
    if sources.only_flags {
        return places;
    }
    if options.project_trusted {
        named(&cwd.join(".pi"), &sources.project, CommandLocation::Project, "local", &mut places);
        places.extend(project_places(kind, cwd));
    }
    named(&options.agent_dir, &sources.user, CommandLocation::User, "local", &mut places);
    let agents = options.home.as_ref().map(|it| it.join(".agents")).filter(|_| kind == Kind::Skills);
    places.push(usual(kind, CommandLocation::User, options.agent_dir.clone(), true));
    places.extend(agents.map(|it| usual(kind, CommandLocation::User, it, false)));
    places
}

/// The usual directories of the project itself.
pub(super) fn project_places(kind: Kind, cwd: &Path) -> Vec<Place> {
    let mut places = vec![usual(kind, CommandLocation::Project, cwd.join(".pi"), true)];
    if kind == Kind::Skills {
        let root = cwd.ancestors().find(|it| it.join(".git").exists()).unwrap_or(cwd);
        let inside = cwd.ancestors().take_while(|it| it.starts_with(root));
        places.extend(inside.map(|it| usual(kind, CommandLocation::Project, it.join(".agents"), false)));
    }
    places
}

fn usual(kind: Kind, location: CommandLocation, base: PathBuf, loose_files: bool) -> Place {
    Place {
        path: base.join(kind.directory()),
        origin: Origin { location, source: "auto", base_dir: Some(base) },
        named: false,
        loose_files,
    }
}
