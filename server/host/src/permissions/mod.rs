//! Which calls of tools are run: by mode, by rules, and by what the user answers.
//!
//! A call says what it would read, write or run ([`Access`](pi_core::Access)); each part of that is decided by itself
//! ([`decide`]) and the strictest part decides. Commands are parsed ([`shell`]), paths are real paths
//! ([`boundary`]). What nobody wants is refused in every mode ([`danger`]). What a user allows for good is kept in
//! the user's own directory ([`store`]). `docs/permissions.md` is this for users.

mod answers;
mod boundary;
mod danger;
mod decide;
mod effects;
mod explain;
mod git;
mod options;
mod patches;
mod places;
mod readonly;
mod request;
mod rules;
mod secrets;
mod shell;
mod store;
#[cfg(test)]
mod tests;
mod unwrap;
mod words;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use async_trait::async_trait;
use pi_core::{Access, PermissionQuery, Permissions, RuleScope, Verdict};
use pi_protocol::{PermissionMode, PermissionRequest, ReviewMode};

use self::{
    boundary::Boundary,
    decide::{Decided, Decision, Judge, Rules},
    rules::Rule,
    store::ProjectRules,
};
pub use self::{
    decide::OUTSIDE_SANDBOX, effects::Candidate, explain::explain, store::FILE as PROJECT_RULES_FILE,
};
use crate::settings::HostSettings;

/// What all sessions of a folder share: places, and rules that outlive a session.
#[derive(Debug)]
pub struct FolderPermissions {
    boundary: Boundary,
    rules: RwLock<Rules>,
    store: ProjectRules,
    /// What is wrong with the rules and was not told yet.
    warnings: Mutex<Vec<String>>,
}

impl FolderPermissions {
    /// Of the folder `root`. `readable` are further folders that may be read unasked. What is wrong with the rules
    /// is in [`Self::take_warnings`], and such a rule is left out; one that forbids cannot be, so it forbids everything
    /// of its kind.
    pub fn load(settings: &HostSettings, agent_dir: &Path, root: &Path, readable: &[PathBuf]) -> Arc<Self> {
        let boundary = Boundary::new(root, agent_dir, readable);
        let store = ProjectRules::new(agent_dir, boundary.root());
        let mut warnings = Vec::new();
        let stored = store.read().unwrap_or_else(|why| {
            warnings.push(format!("{why}; answers that were stored do not hold"));
            Vec::new()
        });
        let answered = read_rules(&stored, &boundary, false, &mut warnings);
        let rules = rules_of(settings, &boundary, answered, &mut warnings);
        Arc::new(Self { boundary, rules: RwLock::new(rules), store, warnings: Mutex::new(warnings) })
    }

    /// What is wrong with the rules and what holds instead, for the user; each is told once.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes in that the settings have changed.
    pub fn reload(&self, settings: &HostSettings) {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        let answered = std::mem::take(&mut rules.answered);
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        *rules = rules_of(settings, &self.boundary, answered, &mut warnings);
    }

    /// From now on these folders, which the editor has open beside this one, may be read unasked as well.
    pub fn set_beside(&self, folders: &[PathBuf]) {
        self.boundary.set_beside(folders);
    }

    /// Whether a file may hold keys or passwords, by its place and its name.
    pub fn holds_secrets(&self, path: &Path) -> bool {
        let real = boundary::real(path);
        self.boundary.is_secret(&real) || [path, &real].into_iter().any(secrets::is_named_like_one)
    }

    /// Whether the file may be read without a question by the rules of the user and the project, in any mode.
    pub fn may_read(&self, path: &Path) -> bool {
        let access = Access { reads: vec![path.to_string_lossy().into_owned()], ..Access::default() };
        let query = PermissionQuery {
            call_id: String::new(),
            tool: "read".into(),
            read_only: true,
            args: serde_json::Map::new(),
            access,
            mode: PermissionMode::Ask,
            review: ReviewMode::Apply,
            reason: None,
        };
        self.decide(&[], &query).decision() == Decision::Allow
    }

    /// Where the answers "Always in this project" are kept.
    pub fn stored_in(&self) -> &Path {
        self.store.path()
    }

    /// All rules in force, by what they say, as `allow`, `ask`, `deny` and `always`.
    pub fn listed(&self) -> Vec<(&'static str, String)> {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
        let lists = [
            ("deny", &rules.deny),
            ("always", &rules.answered),
            ("ask", &rules.ask),
            ("allow", &rules.allow),
        ];
        let named = lists.into_iter().flat_map(|(name, list)| list.iter().map(move |it| (name, it)));
        named.map(|(name, rule)| (name, rule.text().to_owned())).collect()
    }

    /// Whether a command line only reads, whatever it does.
    pub async fn only_reads(self: &Arc<Self>, command: &str) -> bool {
        let (folder, command) = (self.clone(), command.to_owned());
        on_large_stack(move || readonly::script_only_reads(&command, &folder.boundary))
            .await
            .unwrap_or_default()
    }

    /// The files of the workspace that a command line may change, as far as it says so.
    pub async fn would_change(self: &Arc<Self>, command: &str) -> Vec<Candidate> {
        let (folder, command) = (self.clone(), command.to_owned());
        on_large_stack(move || effects::candidates(&command, &folder.boundary)).await.unwrap_or_default()
    }

    fn decide(&self, session: &[Rule], query: &PermissionQuery) -> Decided {
        let mut rules = self.rules.read().unwrap_or_else(PoisonError::into_inner).clone();
        rules.answered.extend_from_slice(session);
        let (mode, review) = (query.mode, query.review);
        Judge { mode, review, rules: &rules, session, boundary: &self.boundary }.decide(query)
    }
}

/// The rules of the settings, of the two files and of the editor, and those that were answered.
fn rules_of(
    settings: &HostSettings,
    boundary: &Boundary,
    answered: Vec<Rule>,
    warnings: &mut Vec<String>,
) -> Rules {
    let of = |key: &str| {
        let mut texts = settings.paths(key).concat();
        texts.extend(settings.values().texts(key).unwrap_or_default());
        let mut seen = std::collections::HashSet::new();
        texts.retain(|it| seen.insert(it.clone()));
        texts
    };
    let mut read = |key: &str, strict| read_rules(&of(key), boundary, strict, warnings);
    Rules {
        allow: read("permissions.allow", false),
        ask: read("permissions.ask", true),
        deny: read("permissions.deny", true),
        answered,
    }
}

/// Rules from their texts. A `strict` one that cannot be read holds for everything of its kind: leaving it out would
/// allow what somebody wanted to be careful with.
fn read_rules(texts: &[String], boundary: &Boundary, strict: bool, warnings: &mut Vec<String>) -> Vec<Rule> {
    let parse = |text: &str| Rule::parse(text, boundary.root(), boundary.home());
    texts
        .iter()
        .filter_map(|text| match parse(text) {
            Ok(rule) => Some(rule),
            Err(why) => {
                let kind = text.split('(').next().unwrap_or_default();
                let whole = parse(kind).ok().filter(|it| strict && it.is_of_known_tool());
                let holds = match &whole {
                    Some(_) => format!("it holds for all of {kind}"),
                    None => "it has no effect".to_owned(),
                };
                warnings.push(format!("permission rule \"{text}\": {why}; {holds}"));
                whole
            }
        })
        .collect()
}

/// Decides for one session.
#[derive(Debug)]
pub struct HostPermissions {
    folder: Arc<FolderPermissions>,
    session: Arc<Mutex<Session>>,
}

#[derive(Debug)]
struct Session {
    mode: PermissionMode,
    review: ReviewMode,
    /// Rules that hold until the session ends.
    rules: Vec<Rule>,
}

impl HostPermissions {
    /// For a session in this folder that begins in these modes.
    pub fn new(folder: Arc<FolderPermissions>, mode: PermissionMode, review: ReviewMode) -> Self {
        Self { folder, session: Arc::new(Mutex::new(Session { mode, review, rules: Vec::new() })) }
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        lock(&self.session)
    }
}

fn lock(session: &Mutex<Session>) -> MutexGuard<'_, Session> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The verdict about a call.
fn verdict(folder: &FolderPermissions, session: &Mutex<Session>, query: PermissionQuery) -> Verdict {
    let rules = lock(session).rules.clone();
    let decided = folder.decide(&rules, &query);
    match decided.decision() {
        Decision::Allow => Verdict::Allow,
        Decision::Deny => Verdict::Deny(request::refusal(&decided)),
        Decision::Ask => Verdict::Ask(Box::new(request::of(&query, decided, &folder.boundary))),
    }
}

/// Stack of the thread that parses commands: the parser recurses.
const STACK: usize = 16 << 20;

/// Does what parses a command; nothing if it panicked.
async fn on_large_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (tx, rx) = tokio::sync::oneshot::channel();
    let work = move || {
        // The run may be over.
        let _gone = tx.send(work());
    };
    let started = std::thread::Builder::new().name("permission".into()).stack_size(STACK).spawn(work);
    match started {
        // A panic ends its thread, and the sender with it.
        Ok(_) => rx.await.ok(),
        Err(error) => {
            tracing::error!(%error, "no thread to read a command");
            None
        }
    }
}

#[async_trait]
impl Permissions for HostPermissions {
    fn mode(&self) -> PermissionMode {
        self.session().mode
    }

    fn set_mode(&self, mode: PermissionMode) {
        self.session().mode = mode;
    }

    fn review(&self) -> ReviewMode {
        self.session().review
    }

    fn set_review(&self, mode: ReviewMode) {
        self.session().review = mode;
    }

    async fn check(&self, query: PermissionQuery) -> Verdict {
        let (folder, session) = (self.folder.clone(), self.session.clone());
        let tool = query.tool.clone();
        on_large_stack(move || verdict(&folder, &session, query)).await.unwrap_or_else(|| {
            Verdict::Deny(format!("The permission for {tool} could not be decided; see the log."))
        })
    }

    fn remember(&self, rules: &[String], scope: RuleScope) -> Result<(), String> {
        let mut warnings = Vec::new();
        let parsed = read_rules(rules, &self.folder.boundary, false, &mut warnings);
        warnings.iter().for_each(|it| tracing::warn!("{it}"));
        match scope {
            RuleScope::Session => {
                self.session().rules.extend(parsed);
                Ok(())
            }
            RuleScope::Project => {
                self.folder.rules.write().unwrap_or_else(PoisonError::into_inner).answered.extend(parsed);
                self.folder.store.add(rules)
            }
        }
    }

    fn nobody_to_ask(&self, request: &PermissionRequest) -> String {
        request::unasked(request, self.mode(), self.review())
    }
}
