//! The table of settings.
//!
//! Keys, defaults and meanings are Pi's unless the words say otherwise. Pi's settings of its terminal interface are
//! not here: they are left alone in the file.

use serde_json::Value;

/// What values a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number, at least 0.
    Count,
    /// Text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of texts.
    TextList,
    /// A list of texts or objects.
    List,
    /// An object; its keys are free.
    Object,
}

impl Kind {
    /// Whether `value` is of this kind.
    pub fn accepts(self, value: &Value) -> bool {
        match self {
            Kind::Bool => value.is_boolean(),
            Kind::Count => value.is_u64(),
            Kind::Text => value.is_string(),
            Kind::Choice(words) => value.as_str().is_some_and(|it| words.contains(&it)),
            Kind::TextList => value.as_array().is_some_and(|it| it.iter().all(Value::is_string)),
            Kind::List => value.is_array(),
            Kind::Object => value.is_object(),
        }
    }

    /// In words, for messages and documentation.
    pub fn describe(self) -> String {
        match self {
            Kind::Bool => "true or false".into(),
            Kind::Count => "a whole number".into(),
            Kind::Text => "text".into(),
            Kind::Choice(words) => words.iter().map(|it| format!("\"{it}\"")).collect::<Vec<_>>().join(", "),
            Kind::TextList => "a list of texts".into(),
            Kind::List => "a list".into(),
            Kind::Object => "an object".into(),
        }
    }
}

/// Which file a setting may be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Either; the project's wins.
    Both,
    /// The global file only: a project must not decide this.
    Global,
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Keys from the root, joined by dots.
    pub key: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// Default as JSON; empty = none.
    pub default: &'static str,
    /// Where it may be.
    pub scope: Scope,
    /// What it does.
    pub doc: &'static str,
}

const fn both(key: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Setting {
    Setting { key, kind, default, scope: Scope::Both, doc }
}

const fn global(key: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Setting {
    Setting { key, kind, default, scope: Scope::Global, doc }
}

const LEVELS: Kind = Kind::Choice(&["off", "minimal", "low", "medium", "high", "xhigh", "max"]);
const QUEUE: Kind = Kind::Choice(&["all", "one-at-a-time"]);

/// Caches, and nothing on `PATH`: a command must not leave a program there for later.
const WRITABLE: &str = r#"["$TMPDIR","/tmp","/var/tmp","/dev/shm","$XDG_CACHE_HOME","~/.cache","~/Library/Caches","$CARGO_HOME/registry","$CARGO_HOME/git","~/.cargo/registry","~/.cargo/git","~/.cargo/.package-cache","$npm_config_cache","~/.npm","~/.local/share/pnpm/store","~/.yarn/berry/cache","~/.bun/install/cache","$GOCACHE","$GOMODCACHE","$GOPATH/pkg","~/go/pkg","$GRADLE_USER_HOME/caches","$GRADLE_USER_HOME/daemon","~/.gradle/caches","~/.gradle/daemon","~/.gradle/native","~/.gradle/wrapper","~/.m2/repository","~/.ivy2","~/.nuget/packages","~/.pub-cache"]"#;

/// All settings, in the order of the documentation.
#[rustfmt::skip]
pub const TABLE: &[Setting] = &[
    both("defaultProvider", Kind::Text, "", "Provider of new sessions."),
    both("defaultModel", Kind::Text, "", "Model id of new sessions."),
    both("defaultThinkingLevel", LEVELS, r#""medium""#, "How hard the model thinks in new sessions."),
    both("thinkingBudgets.minimal", Kind::Count, "1024", "Thinking tokens at level `minimal`, for models with token budgets."),
    both("thinkingBudgets.low", Kind::Count, "2048", "Thinking tokens at level `low`."),
    both("thinkingBudgets.medium", Kind::Count, "8192", "Thinking tokens at level `medium`."),
    both("thinkingBudgets.high", Kind::Count, "16384", "Thinking tokens at level `high` and above."),
    both("enabledModels", Kind::TextList, "", "Patterns of the models to cycle through; absent = all."),
    both("steeringMode", QUEUE, r#""one-at-a-time""#, "How many waiting steering messages are delivered at once."),
    both("followUpMode", QUEUE, r#""one-at-a-time""#, "How many waiting follow-ups are delivered at once."),
    both("steering.interrupt", Kind::Choice(&["skip", "finish"]), r#""skip""#, "Whether a steering message skips the remaining tool calls of the turn or lets them finish. Ours."),
    both("compaction.enabled", Kind::Bool, "true", "Summarise the conversation when it outgrows the model's context."),
    both("compaction.reserveTokens", Kind::Count, "16384", "Tokens kept free for the answer."),
    both("compaction.keepRecentTokens", Kind::Count, "20000", "Tokens of recent messages that stay as they are."),
    both("compaction.modelOverrides", Kind::Object, "{}", "`reserveTokens` and `keepRecentTokens` per model: `provider/id` to object."),
    both("retry.enabled", Kind::Bool, "true", "Repeat model calls that failed for a passing reason."),
    both("retry.maxRetries", Kind::Count, "3", "How often at most."),
    both("retry.baseDelayMs", Kind::Count, "2000", "First pause in milliseconds; doubles each time."),
    both("retry.maxAgentDelayMs", Kind::Count, "60000", "Longest pause in milliseconds."),
    both("images.autoResize", Kind::Bool, "true", "Make images small enough for every provider."),
    both("images.blockImages", Kind::Bool, "false", "Never send images to the model."),
    both("shellPath", Kind::Text, "", "Shell that runs commands; absent = the system's."),
    both("shellCommandPrefix", Kind::Text, "", "Line put before every shell command."),
    both("shell.unsaved", Kind::Choice(&["save", "warn", "block", "overlay"]), "", "What happens before a command of the model when documents are unsaved: the editor saves them, the result names them, the command is not run, or it runs in a private copy of the workspace that has their text; see [shell.md](shell.md). Absent = `save` if the editor can be asked to, else `warn`. Ours."),
    both("shell.keepVariables", Kind::TextList, "[]", "Variables with keys of providers, such as `OPENAI_API_KEY`, that commands of the model get in every permission mode; otherwise only in `full`. See [permissions](permissions.md#keys). Ours."),
    both("defaultTools", Kind::TextList, r#"["read","bash","edit","write"]"#, "Tools that are on without a flag; an empty list turns the built-in ones off."),
    both("editorTools", Kind::Bool, "true", "Whether the model may ask the language servers of an editor whose plugin serves that: `editor_diagnostics`, `editor_definition`, `editor_references`, `editor_symbols`. Ours."),
    both("skills", Kind::TextList, "[]", "Paths of skills, relative to the directory of this file."),
    both("prompts", Kind::TextList, "[]", "Paths of prompt templates, relative to the directory of this file."),
    both("enableSkillCommands", Kind::Bool, "true", "List each skill as a `/skill:` command."),
    both("sessionDir", Kind::Text, "", "Directory of the session files, without sub-directories; absent = per project in the agent directory."),
    both("hunks.diagnostics", Kind::Choice(&["on", "off"]), r#""on""#, "Whether changes that wait for review are shown as hints in editors without a review of their own. Ours."),
    global("review.mode", Kind::Choice(&["apply", "ask", "plan"]), r#""apply""#, "What becomes of the edits of the agent: `apply` makes them, and they wait for review; `ask` shows each one first; `plan` makes none and only shows what would change. What the agent may do at all is `permissions.mode`. See [review.md](review.md#modes). Ours."),
    global("review.keepDays", Kind::Count, "30", "Days for which edits can be reviewed and reverted; what still waits for a decision is kept twice as long. 0 = for ever. Ours."),
    global("review.maxMegabytes", Kind::Count, "512", "Largest size of the record of edits, in MiB; the oldest are forgotten first. 0 = any. Ours."),
    both("chat.sendOn", Kind::Choice(&["save", "marker"]), r#""save""#, "What sends the prompt of a chat document: saving it by hand, or saving it with a last line `---`. Ours."),
    both("transcript.write", Kind::Choice(&["off", "settled"]), r#""off""#, "Whether an editor's chats are written to `.pi/transcripts` when a run has ended. Ours."),
    both("chat.symbols", Kind::Choice(&["unicode", "ascii"]), r#""unicode""#, "Status signs in chat documents. Ours."),
    global("completion.enabled", Kind::Bool, "false", "Suggest what to type next, in editors that have inline completion (LSP 3.18); each pause in typing asks a model. Ours."),
    global("completion.model", Kind::Text, "", "Model for that, as `provider/id` or a pattern; a small and fast one is best. Absent = the model of new sessions. Ours."),
    global("completion.debounceMs", Kind::Count, "200", "Pause in typing after which it is asked, in milliseconds. Ours."),
    global("completion.maxTokens", Kind::Count, "128", "Longest suggestion in tokens. Ours."),
    global("completion.contextBytes", Kind::Count, "8192", "How much of the document around the cursor it is given, in bytes; a quarter of that from behind the cursor. Ours."),
    both("httpIdleTimeoutMs", Kind::Count, "300000", "Longest silence of a provider in milliseconds; 0 = no limit."),
    global("permissions.mode", Kind::Choice(&["ask", "edit", "full", "plan"]), "", "What the agent may do unasked: `plan` only reads, `ask` asks for everything but reading in the workspace, `edit` also edits there, `full` asks for nothing that no rule names. Absent = `ask` in editors, `full` elsewhere. Ours."),
    both("permissions.allow", Kind::TextList, "[]", "Rules for what needs no question, such as `bash(cargo test *)` or `edit(docs/**)`; see [permissions](permissions.md). Those of a project are added. Ours."),
    both("permissions.ask", Kind::TextList, "[]", "Rules for what is asked in every mode but `plan`. Those of a project are added. Ours."),
    both("permissions.deny", Kind::TextList, "[]", "Rules for what is never done. Those of a project are added. Ours."),
    global("sandbox.mode", Kind::Choice(&["off", "workspace-write", "read-only"]), "", "What the model's shell commands may write: everything, the workspace and `sandbox.writable`, or nothing. Absent = `workspace-write` when permissions are asked for (`ask`, `edit`), `read-only` in `plan`, otherwise `off`. Linux only; see [shell.md](shell.md). Ours."),
    global("sandbox.network", Kind::Choice(&["allow", "deny"]), r#""allow""#, "Whether commands in the sandbox may open TCP connections and ports. Ours."),
    global("sandbox.writable", Kind::TextList, WRITABLE, "Where else commands in the sandbox may write: temporary directories and caches of common tools. Replaces this list; `~` and a leading `$NAME` are replaced, what does not exist is left out. Ours."),
    global("defaultProjectTrust", Kind::Choice(&["ask", "always", "never"]), r#""ask""#, "Whether a project's own `.pi/settings.json`, `SYSTEM.md`, prompt templates and skills are used: `always`, or only with `--approve`."),
];

/// The row of `key`.
pub fn find(key: &str) -> Option<&'static Setting> {
    TABLE.iter().find(|it| it.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_of_its_kind() {
        for row in TABLE.iter().filter(|it| !it.default.is_empty()) {
            let value = serde_json::from_str(row.default).unwrap();
            assert!(row.kind.accepts(&value), "{}", row.key);
        }
    }

    #[test]
    fn no_key_is_there_twice_or_inside_another() {
        for (index, row) in TABLE.iter().enumerate() {
            for other in &TABLE[index + 1..] {
                let inside =
                    |a: &str, b: &str| a == b || b.strip_prefix(a).is_some_and(|it| it.starts_with('.'));
                assert!(
                    !inside(row.key, other.key) && !inside(other.key, row.key),
                    "{} {}",
                    row.key,
                    other.key
                );
            }
        }
    }
}
