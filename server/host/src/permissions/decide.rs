//! From a call to a decision: every part of it is looked at by itself, and the strictest part decides.

use std::path::{Path, PathBuf};

use pi_core::{Access, PermissionQuery};
use pi_protocol::{PermissionMode, PermissionRisk, ReviewMode};

use super::{
    answers::{allowed_text, is_risky, rule_for},
    boundary::{Boundary, Place, real},
    danger, effects,
    places::Folders,
    readonly,
    rules::{self, Rule},
    shell::{self, Redirect, Script, Simple},
};

/// What is decided about a part, least strict first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// It may be done.
    Allow,
    /// The user is asked.
    Ask,
    /// It is not done.
    Deny,
}

/// One part of a call, decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The command, or what is done to which file.
    pub text: String,
    /// The decision.
    pub decision: Decision,
    /// The rule, or why in words.
    pub why: String,
    /// The rule that would allow it from now on; nothing if there is none that would be safe.
    pub rule: Option<String>,
}

/// A call, decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decided {
    /// Its parts.
    pub parts: Vec<Part>,
    /// Why the command is not understood.
    pub opaque: Option<String>,
    /// Real paths it names.
    pub paths: Vec<PathBuf>,
    /// How much can go wrong.
    pub risk: PermissionRisk,
}

impl Decided {
    /// What is decided about the whole.
    pub fn decision(&self) -> Decision {
        self.parts.iter().map(|it| it.decision).max().unwrap_or(Decision::Allow)
    }

    /// The part that decided.
    pub fn strictest(&self) -> Option<&Part> {
        self.parts.iter().rev().max_by_key(|it| it.decision)
    }
}

/// Rules by what they say.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// From settings: may be done.
    pub allow: Vec<Rule>,
    /// From settings: is asked.
    pub ask: Vec<Rule>,
    /// From settings: is not done.
    pub deny: Vec<Rule>,
    /// From the user's answers; they win over `ask`.
    pub answered: Vec<Rule>,
}

/// Decides about calls.
#[derive(Debug)]
pub struct Judge<'a> {
    /// The mode in force.
    pub mode: PermissionMode,
    /// What becomes of edits.
    pub review: ReviewMode,
    /// The rules in force.
    pub rules: &'a Rules,
    /// Those among them that the user's answers in this chat have set.
    pub session: &'a [Rule],
    /// The places.
    pub boundary: &'a Boundary,
}

/// Parts of a question about a command that changes many files.
const MAX_PARTS: usize = 50;
/// Why an edit is asked for that is allowed otherwise.
pub const REVIEW_ASKS: &str = "review.mode ask";
/// The part of a call that wants to leave the sandbox.
pub const OUTSIDE_SANDBOX: &str = "run outside the sandbox";

impl Judge<'_> {
    /// Decides about a call.
    pub fn decide(&self, query: &PermissionQuery) -> Decided {
        let Access { reads, writes, command, outside_sandbox, in_copy, note: _ } = &query.access;
        let mut decided = Decided::default();
        for path in reads {
            let path = real(Path::new(path));
            decided.parts.push(self.read(&path));
            decided.paths.push(path);
        }
        for path in writes {
            let path = real(Path::new(path));
            let part = self.write(&path, "edit");
            decided.parts.push(self.reviewed(part, &path));
            self.note_place(&path, &mut decided);
            decided.paths.push(path);
        }
        if let Some(command) = command {
            self.command(command, *in_copy, &mut decided);
            if self.review == ReviewMode::Ask && !in_copy {
                self.changes(command, &mut decided);
            }
        }
        if *outside_sandbox {
            decided.parts.push(self.outside_sandbox());
            decided.risk = PermissionRisk::High;
        }
        if reads.is_empty() && writes.is_empty() && command.is_none() && !query.read_only {
            decided.parts.push(self.tool(&query.tool));
            decided.risk = PermissionRisk::Medium;
        }
        decided
    }

    fn note_place(&self, path: &Path, decided: &mut Decided) {
        if matches!(self.boundary.place(path), Place::Outside | Place::Protected) {
            decided.risk = PermissionRisk::High;
        }
    }

    /// The first rule that covers something, by the order in which rules count.
    fn by_rule(&self, covers: impl Fn(&Rule) -> bool) -> Option<(Decision, String)> {
        let found = |rules: &[Rule], decision| {
            rules.iter().find(|it| covers(it)).map(|it| (decision, it.text().to_owned()))
        };
        found(&self.rules.deny, Decision::Deny)
            .or_else(|| found(&self.rules.answered, Decision::Allow))
            .or_else(|| found(&self.rules.ask, Decision::Ask))
            .or_else(|| found(&self.rules.allow, Decision::Allow))
    }

    /// What the mode says about a change no rule names.
    fn by_mode(&self, why: &str) -> (Decision, String) {
        match self.mode {
            PermissionMode::Full => (Decision::Allow, "mode full".to_owned()),
            PermissionMode::Plan => (Decision::Deny, "mode plan changes nothing and runs nothing".to_owned()),
            PermissionMode::Ask | PermissionMode::Edit => (Decision::Ask, why.to_owned()),
        }
    }

    /// In mode `plan` no rule allows a change.
    fn unless_plan(&self, (decision, why): (Decision, String)) -> (Decision, String) {
        match (self.mode, decision) {
            (PermissionMode::Plan, Decision::Allow | Decision::Ask) => self.by_mode(""),
            _ => (decision, why),
        }
    }

    fn read(&self, path: &Path) -> Part {
        let name = self.boundary.name(path);
        let (decision, why) = if self.boundary.is_secret(path) {
            (Decision::Deny, "it holds keys or passwords".to_owned())
        } else if let Some(found) = self.by_rule(|it| it.covers_read(path)) {
            found
        } else if self.boundary.may_read(path) {
            (Decision::Allow, "reading in the workspace".to_owned())
        } else if self.mode == PermissionMode::Full {
            self.by_mode("")
        } else {
            (Decision::Ask, "outside the workspace".to_owned())
        };
        Part { text: format!("read {name}"), decision, why, rule: Some(rules::exact_path("read", &name)) }
    }

    fn write(&self, path: &Path, verb: &str) -> Part {
        let name = self.boundary.name(path);
        let place = self.boundary.place(path);
        let (decision, why) = if self.boundary.is_secret(path) {
            (Decision::Deny, "it holds keys or passwords".to_owned())
        } else if self.boundary.is_chat(path) {
            (Decision::Deny, "it is the chat, in which only the user writes".to_owned())
        } else if Boundary::is_raw_device(path) {
            (Decision::Deny, "it is a disk".to_owned())
        } else if place == Place::Harmless {
            (Decision::Allow, "it keeps nothing".to_owned())
        } else if let Some(found) = self.by_rule(|it| it.covers_write(path)) {
            self.unless_plan(found)
        } else {
            match (self.mode, place) {
                (PermissionMode::Edit, Place::Inside | Place::Temporary) => {
                    (Decision::Allow, "mode edit".to_owned())
                }
                (_, Place::Inside | Place::Temporary | Place::Harmless) => self.by_mode("no rule allows it"),
                (_, Place::Protected) => self.by_mode("it decides what programs run"),
                (_, Place::Outside) => self.by_mode("outside the workspace"),
            }
        };
        Part { text: format!("{verb} {name}"), decision, why, rule: Some(rules::exact_path("edit", &name)) }
    }

    /// An edit as the review mode has it: asked for whatever else allows it, unless the user has said so in this chat;
    /// or only looked at.
    fn reviewed(&self, part: Part, path: &Path) -> Part {
        let allowed = part.decision == Decision::Allow && self.boundary.place(path) != Place::Harmless;
        match self.review {
            ReviewMode::Ask if allowed && !self.session.iter().any(|it| it.covers_write(path)) => {
                Part { decision: Decision::Ask, why: REVIEW_ASKS.to_owned(), ..part }
            }
            ReviewMode::Plan if part.decision != Decision::Deny => self.read(path),
            _ => part,
        }
    }

    /// The files of the workspace that a command says it changes, where each edit is asked for.
    fn changes(&self, command: &str, decided: &mut Decided) {
        let changed = effects::candidates(command, self.boundary).into_iter().filter(|it| it.sure);
        for path in changed.map(|it| it.path) {
            let asked = decided.paths.contains(&path) || decided.parts.len() >= MAX_PARTS;
            let part = self.write(&path, "change");
            let part = self.reviewed(part, &path);
            if !asked && part.decision != Decision::Allow {
                decided.parts.push(part);
                decided.paths.push(path);
            }
        }
    }

    /// No rule and no mode allows that by itself.
    fn outside_sandbox(&self) -> Part {
        let (decision, why) = match self.mode {
            PermissionMode::Plan => self.by_mode(""),
            _ => (Decision::Ask, "the sandbox would not hold for it".to_owned()),
        };
        Part { text: OUTSIDE_SANDBOX.to_owned(), decision, why, rule: None }
    }

    fn tool(&self, tool: &str) -> Part {
        let ruled = self.by_rule(|it| it.covers_tool(tool)).map(|it| self.unless_plan(it));
        let (decision, why) = ruled.unwrap_or_else(|| self.by_mode("no rule allows it"));
        Part { text: format!("use {tool}"), decision, why, rule: Some(tool.to_owned()) }
    }

    fn command(&self, text: &str, in_copy: bool, decided: &mut Decided) {
        decided.risk = decided.risk.max(PermissionRisk::Medium);
        if shell::is_fork_bomb(text) {
            let why = "it would start processes without end".to_owned();
            decided.parts.push(Part { text: text.to_owned(), decision: Decision::Deny, why, rule: None });
            return;
        }
        match shell::read(text) {
            Ok(script) => self.script(&script, in_copy, decided),
            Err(why) => {
                decided.risk = PermissionRisk::High;
                let (decision, reason) = self.opaque(&why);
                decided.parts.push(Part { text: text.to_owned(), decision, why: reason, rule: None });
                decided.opaque = Some(why);
            }
        }
    }

    /// A command that is not understood is never covered by a rule that allows.
    fn opaque(&self, why: &str) -> (Decision, String) {
        let limits = self.rules.deny.iter().chain(&self.rules.ask).any(Rule::is_for_commands);
        match self.by_mode(why) {
            // A rule that forbids something could be about this.
            (Decision::Allow, _) if limits => (Decision::Ask, why.to_owned()),
            decided => decided,
        }
    }

    fn script(&self, script: &Script, in_copy: bool, decided: &mut Decided) {
        let folders = Folders::of(script, self.boundary.root());
        for command in &script.commands {
            if is_risky(command) {
                decided.risk = PermissionRisk::High;
            }
            decided.parts.push(self.simple(command, script, &folders));
        }
        for redirect in &script.redirects {
            self.redirect(redirect, &folders, in_copy, decided);
        }
    }

    fn simple(&self, command: &Simple, script: &Script, folders: &Folders) -> Part {
        let text = command.text();
        let rule = rule_for(command, &text);
        if let Some(why) = danger::denied(command, folders, self.boundary) {
            return Part { text, decision: Decision::Deny, why, rule: None };
        }
        let spellings = spellings(command);
        // A rule that forbids holds for every spelling of a program, one that allows for exactly one.
        let allowed = allowed_text(command);
        let covers = |rules: &[Rule], texts: &[String]| {
            let found = rules.iter().find(|rule| texts.iter().any(|text| rule.covers_command(text)));
            found.map(|it| it.text().to_owned())
        };
        let one = std::slice::from_ref(&allowed);
        let ruled = covers(&self.rules.deny, &spellings)
            .map(|it| (Decision::Deny, it))
            .or_else(|| covers(&self.rules.answered, one).map(|it| (Decision::Allow, it)))
            .or_else(|| covers(&self.rules.ask, &spellings).map(|it| (Decision::Ask, it)))
            .or_else(|| covers(&self.rules.allow, one).map(|it| (Decision::Allow, it)));
        let reads =
            || readonly::tells_no_secret(script) && readonly::only_reads(command, folders, self.boundary);
        let (decision, why) = match ruled {
            Some((Decision::Allow, _)) if self.mode == PermissionMode::Plan && !reads() => self.by_mode(""),
            Some(ruled @ (Decision::Deny | Decision::Allow, _)) => ruled,
            Some(ask) => self.unless_plan(ask),
            None if self.mode != PermissionMode::Full && reads() => {
                (Decision::Allow, "only reads".to_owned())
            }
            None => self.by_mode("no rule allows it"),
        };
        Part { text, decision, why, rule }
    }

    fn redirect(&self, redirect: &Redirect, folders: &Folders, in_copy: bool, decided: &mut Decided) {
        let arrow = if redirect.writes { ">" } else { "<" };
        let text = format!("{arrow} {}", redirect.file.source);
        if redirect.file.fixed().is_some_and(Boundary::is_stream) {
            let why = "it is open already".to_owned();
            decided.parts.push(Part { text, decision: Decision::Allow, why, rule: None });
            return;
        }
        let paths = redirect.file.fixed().and_then(|it| folders.paths(it));
        let Some(paths) = paths else {
            decided.risk = PermissionRisk::High;
            let (decision, why) = self.by_mode("which file it is, is not known beforehand");
            decided.parts.push(Part { text, decision, why, rule: None });
            return;
        };
        for path in paths {
            let part = match redirect.writes {
                // In a copy it is brought back as an edit, in a plan it is not.
                true if self.review == ReviewMode::Ask && !in_copy => {
                    let part = self.write(&path, "write");
                    self.reviewed(part, &path)
                }
                true => self.write(&path, "write"),
                false => self.read(&path),
            };
            if redirect.writes {
                self.note_place(&path, decided);
            }
            decided.parts.push(part);
            decided.paths.push(path);
        }
    }
}

/// What a rule that forbids is compared with: as it is, and without variables and the program's folder.
fn spellings(command: &Simple) -> Vec<String> {
    let bare = Simple { env: Vec::new(), words: command.words.clone() };
    let mut texts = vec![command.text(), bare.text()];
    if let (Some(name), Some(base)) = (command.name(), command.base_name()) {
        texts.extend(bare.text().strip_prefix(name).map(|rest| format!("{base}{rest}")));
    }
    texts
}
