//! The command line: what can be asked of `pi`, and nothing of how it is done.
//!
//! Flags are Pi's where Pi has them, so that scripts written for it keep working. Help, the manual page, shell
//! completions and `docs/cli.md` are all made from the types below. Pi's short flags of several letters (`-nt`)
//! are rewritten before clap sees them.

use std::{ffi::OsString, path::PathBuf};

use clap::{
    Args, CommandFactory, Parser, Subcommand, ValueEnum,
    builder::{FalseyValueParser, PossibleValue, PossibleValuesParser, TypedValueParser},
};
use pi_protocol::{OutputMode, PermissionMode, ReviewMode, ThinkingLevel};

/// Version of the protocol that clients check; raised when something they rely on changes.
pub const PROTOCOL_VERSION: u32 = 1;

/// Pi's short flags of more than one letter, and what they stand for.
const LONG_SHORTS: [(&str, &str); 8] = [
    ("-nt", "--no-tools"),
    ("-nbt", "--no-builtin-tools"),
    ("-xt", "--exclude-tools"),
    ("-nc", "--no-context-files"),
    ("-ne", "--no-extensions"),
    ("-ns", "--no-skills"),
    ("-np", "--no-prompt-templates"),
    ("-na", "--no-approve"),
];

const EXAMPLES: &str = "\
Examples:
  pi demo                              see it work; no key needed
  pi doctor                            what was found, what is missing
  pi -p \"why does the build fail?\"     one answer, printed
  git diff | pi -p \"review this\"       with piped text
  pi -p @src/main.rs \"explain\"         with a file
  pi lsp                               for an editor
  pi --mode rpc                        for a program, one JSON object per line";

/// A coding agent for any editor.
///
/// Editors start `pi lsp`; programs start `pi --mode rpc`; people can ask with `pi -p`.
#[derive(Debug, Parser)]
#[command(
    name = "pi",
    bin_name = "pi",
    disable_version_flag = true,
    args_conflicts_with_subcommands = true,
    // As in Pi the last one wins: wrappers add flags to a command line that has them already.
    args_override_self = true,
    disable_help_subcommand = true,
    after_help = EXAMPLES,
    max_term_width = 100
)]
pub struct Cli {
    /// Which service; without one, flags and messages say what to do.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Flags of a run without a subcommand.
    #[command(flatten)]
    pub run: RunArgs,

    /// Flags that say what session to work in.
    #[command(flatten)]
    pub session: SessionArgs,
}

/// Services and helpers.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve an editor over the Language Server Protocol on stdin and stdout
    Lsp(Box<LspArgs>),
    /// Show a scripted run in a scratch folder: prompt, tools, an edit in a buffer, the diff
    Demo,
    /// Say what was found, what is missing and what to do
    Doctor(DoctorArgs),
    /// Look at what Pi changed in files of this folder, and take it back
    #[command(subcommand)]
    Edits(EditsCommand),
    /// Show the permission rules of this folder, or what they say about a command
    Permissions(PermissionsArgs),
    /// Play a recording of --trace again, without key and network, and say what is different
    Replay(ReplayArgs),
    /// Print a completion script for a shell
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// What to do without a subcommand.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Prompts, sent one after another; @file adds a text file or an image to the first
    #[arg(value_name = "MESSAGE | @FILE")]
    pub messages: Vec<String>,

    /// How to talk: text and json answer and end, rpc serves a program
    #[arg(long, value_enum)]
    pub mode: Option<Mode>,

    /// Answer the messages, print the last answer and end
    #[arg(short, long)]
    pub print: bool,

    /// List usable models and end; with a word, those that match it
    #[arg(long, value_name = "SEARCH", num_args = 0..=1, default_missing_value = "")]
    pub list_models: Option<String>,

    /// List the sessions of this folder and end
    #[arg(short, long)]
    pub resume: bool,

    /// Write a session file as one HTML page and end; the message is the page's file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["mode", "print", "list_models", "resume"])]
    pub export: Option<PathBuf>,

    /// Add every record of --mode rpc, both ways, to this file; secrets are masked
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,

    /// Print which pi this is and end
    #[arg(short, long)]
    pub version: bool,
}

/// How a run without a subcommand talks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// The last answer as text.
    Text,
    /// Every event as one line of JSON.
    Json,
    /// Commands in, events out, one JSON object per line.
    Rpc,
}

/// Flags of `pi lsp`.
#[derive(Debug, Args)]
pub struct LspArgs {
    /// Accepted for editors that always pass it; stdin and stdout are used anyway
    #[arg(long)]
    pub stdio: bool,

    /// Process to watch; the server ends when it is gone
    #[arg(long, alias = "clientProcessId", value_name = "PID")]
    pub client_process_id: Option<u32>,

    /// Add every message, both ways, to this file; secrets are masked
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,

    /// Flags that say what sessions to work in.
    #[command(flatten)]
    pub session: SessionArgs,
}

/// Flags of `pi doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,

    /// Do not look for model servers on this machine
    #[arg(long, env = "PI_OFFLINE", value_parser = FalseyValueParser::new())]
    pub offline: bool,
}

/// Arguments of `pi replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The recording
    pub file: PathBuf,

    /// Which run of the server in it, counted from 1; otherwise the last
    #[arg(long, value_name = "NUMBER")]
    pub start: Option<usize>,

    /// Keep the time between messages; otherwise each comes when what came before it has come again
    #[arg(long)]
    pub timing: bool,

    /// Play in a copy of this folder, with its files; otherwise in an empty one, with what tools found then
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,

    /// Run shell commands, in that copy; otherwise their recorded results are used
    #[arg(long, requires = "folder")]
    pub run_commands: bool,
}

/// What to do with the record of edits.
#[derive(Debug, Subcommand)]
pub enum EditsCommand {
    /// List the changes that wait for review
    List {
        /// Only those of this file
        file: Option<PathBuf>,
        /// Also those that were kept, rejected or reverted
        #[arg(long)]
        all: bool,
    },
    /// Show the changes that wait for review as a unified diff, or what a turn, a prompt or a session changed
    ///
    /// Of a turn, a prompt or a session it shows what was changed at the time, whatever was decided since, also under an
    /// earlier name of the file.
    Diff {
        /// Only those of this file
        file: Option<PathBuf>,
        #[command(flatten)]
        made: MadeArgs,
    },
    /// Take changes out of their files again, kept ones as well
    Revert(RevertArgs),
    /// Put changes back that were rejected or reverted, and let kept ones wait again
    Redo {
        /// Changes by id; otherwise what the last decision was about
        #[arg(value_name = "HUNK")]
        hunks: Vec<String>,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Forget old edits and give their space back to the disk
    Gc {
        /// Forget what is older than this; otherwise setting review.keepDays
        #[arg(long)]
        days: Option<u64>,
        /// Forget the oldest until the rest is smaller, in MiB; otherwise setting review.maxMegabytes
        #[arg(long, value_name = "MIB")]
        megabytes: Option<u64>,
    },
}

/// What to revert: the changes that all of it is true of.
#[derive(Debug, Args)]
pub struct RevertArgs {
    /// Changes by id, as `pi edits list` shows them
    #[arg(value_name = "HUNK", required_unless_present_any = ["file", "all", "turn", "prompt", "session"])]
    pub hunks: Vec<String>,

    /// All changes of a file
    #[arg(long)]
    pub file: Option<PathBuf>,

    /// All changes of this folder
    #[arg(long, conflicts_with_all = ["hunks", "file", "turn", "prompt", "session"])]
    pub all: bool,

    /// Where they came from.
    #[command(flatten)]
    pub made: MadeArgs,

    /// Whether to do it.
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// Where changes came from.
#[derive(Debug, Default, Args)]
pub struct MadeArgs {
    /// Those of this turn, as `pi edits list` shows it, of the session or of the one that changed something last
    #[arg(long)]
    pub turn: Option<u64>,

    /// Those that came from the prompt with this entry id
    #[arg(long, value_name = "ID")]
    pub prompt: Option<String>,

    /// Those of a session, by the start of its id
    #[arg(long, value_name = "ID")]
    pub session: Option<String>,
}

/// Whether anything is done.
#[derive(Debug, Args)]
pub struct DryRun {
    /// Only say what would be done
    #[arg(long = "dry-run")]
    pub is_set: bool,
}

/// Arguments of `pi permissions`.
#[derive(Debug, Args)]
pub struct PermissionsArgs {
    /// What to show.
    #[command(subcommand)]
    pub action: PermissionsAction,

    /// The mode to assume
    #[arg(long, value_name = "MODE", value_parser = permission_modes(), global = true)]
    pub permission_mode: Option<PermissionMode>,

    /// Use this folder's own rules
    #[arg(short, long, global = true)]
    pub approve: bool,
}

/// What `pi permissions` shows.
#[derive(Debug, Subcommand)]
pub enum PermissionsAction {
    /// List the rules in force
    List,
    /// Say whether something would be allowed, asked for or denied, part by part, and why
    Explain(ExplainArgs),
}

/// What to explain.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A shell command
    #[arg(conflicts_with_all = ["tool", "path"])]
    pub command: Option<String>,

    /// A tool; with --path and without this, edit
    #[arg(long)]
    pub tool: Option<String>,

    /// The file the tool would use
    #[arg(long)]
    pub path: Option<String>,
}

/// Which model, session, tools and prompt; the same on every transport.
#[derive(Debug, Clone, Default, Args)]
pub struct SessionArgs {
    /// Provider of the model
    #[arg(long, help_heading = "Model")]
    pub provider: Option<String>,

    /// Model id or pattern, also as provider/id or with a level: id:high
    #[arg(long, help_heading = "Model")]
    pub model: Option<String>,

    /// Models to choose from, the first usable one is taken: ids, patterns or globs, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "PATTERN", help_heading = "Model")]
    pub models: Vec<String>,

    /// How hard the model thinks
    #[arg(long, value_name = "LEVEL", value_parser = thinking_levels(), help_heading = "Model")]
    pub thinking: Option<ThinkingLevel>,

    /// Key for the provider of the chosen model, for this process only
    #[arg(long, value_name = "KEY", hide_env_values = true, help_heading = "Model")]
    pub api_key: Option<String>,

    /// Continue the newest session of this folder
    #[arg(short, long, conflicts_with_all = ["no_session", "session", "fork"], help_heading = "Session")]
    pub r#continue: bool,

    /// Open a session by file or by the start of its id
    #[arg(long, value_name = "FILE | ID", conflicts_with_all = ["no_session", "fork"], help_heading = "Session")]
    pub session: Option<String>,

    /// Start a new session with a copy of another one's entries
    #[arg(long, value_name = "FILE | ID", conflicts_with = "no_session", help_heading = "Session")]
    pub fork: Option<String>,

    /// Continue the session with exactly this id, or start it
    #[arg(long, value_name = "ID", conflicts_with_all = ["continue", "session"], help_heading = "Session")]
    pub session_id: Option<String>,

    /// Where session files are kept
    #[arg(long, value_name = "DIR", help_heading = "Session")]
    pub session_dir: Option<PathBuf>,

    /// Keep the session in memory only
    #[arg(long, help_heading = "Session")]
    pub no_session: bool,

    /// Name of the session
    #[arg(short, long, help_heading = "Session")]
    pub name: Option<String>,

    /// Tools the model may call, separated by commas
    #[arg(short, long, value_delimiter = ',', value_name = "NAME", help_heading = "Tools")]
    pub tools: Option<Vec<String>>,

    /// Tools the model may not call, separated by commas (-xt)
    #[arg(long, value_delimiter = ',', value_name = "NAME", help_heading = "Tools")]
    pub exclude_tools: Vec<String>,

    /// No tools at all (-nt)
    #[arg(long, help_heading = "Tools")]
    pub no_tools: bool,

    /// No built-in tools (-nbt)
    #[arg(long, help_heading = "Tools")]
    pub no_builtin_tools: bool,

    /// What the agent may do without asking
    #[arg(long, value_name = "MODE", value_parser = permission_modes(), help_heading = "Tools")]
    pub permission_mode: Option<PermissionMode>,

    /// What becomes of the agent's edits
    #[arg(long, value_name = "MODE", value_parser = review_modes(), help_heading = "Tools")]
    pub review_mode: Option<ReviewMode>,

    /// Replace the system prompt by this text or file
    #[arg(long, value_name = "TEXT | FILE", help_heading = "Prompt")]
    pub system_prompt: Option<String>,

    /// Add this text or file to the system prompt; may be repeated
    #[arg(long, value_name = "TEXT | FILE", help_heading = "Prompt")]
    pub append_system_prompt: Vec<String>,

    /// Leave AGENTS.md and CLAUDE.md out (-nc)
    #[arg(long, help_heading = "Prompt")]
    pub no_context_files: bool,

    /// Use this skill, or the skills in this directory; may be repeated
    #[arg(long, value_name = "PATH", help_heading = "Prompt")]
    pub skill: Vec<String>,

    /// Leave out all skills but those of --skill (-ns)
    #[arg(long, help_heading = "Prompt")]
    pub no_skills: bool,

    /// Use this prompt template, or the templates in this directory; may be repeated
    #[arg(long, value_name = "PATH", help_heading = "Prompt")]
    pub prompt_template: Vec<String>,

    /// Leave out all prompt templates but those of --prompt-template (-np)
    #[arg(long, help_heading = "Prompt")]
    pub no_prompt_templates: bool,

    /// Use this folder's own settings, skills and prompt templates
    #[arg(short, long, conflicts_with = "no_approve", help_heading = "Other")]
    pub approve: bool,

    /// Ignore this folder's own settings, skills and prompt templates (-na)
    #[arg(long, help_heading = "Other")]
    pub no_approve: bool,

    /// Open no connection but to the chosen model; model servers on this machine are not looked for
    #[arg(long, env = "PI_OFFLINE", value_parser = FalseyValueParser::new(), help_heading = "Other")]
    pub offline: bool,

    /// Say more on stderr
    #[arg(long, help_heading = "Other")]
    pub verbose: bool,

    /// How message_update looks in --mode rpc: with the whole message so far, or deltas only
    #[arg(long, value_name = "MODE", value_parser = output_modes(), help_heading = "Other")]
    pub output_mode: Option<OutputMode>,

    /// Accepted for scripts written for Pi; there are no extensions to leave out (-ne)
    #[arg(long, hide = true)]
    pub no_extensions: bool,

    /// Accepted for scripts written for Pi; there are no themes
    #[arg(long, hide = true)]
    pub no_themes: bool,
}

fn permission_modes() -> impl TypedValueParser<Value = PermissionMode> {
    let word = |mode: PermissionMode, help: &'static str| PossibleValue::new(mode.as_str()).help(help);
    PossibleValuesParser::new([
        word(PermissionMode::Plan, "Read only"),
        word(
            PermissionMode::Ask,
            "Everything but reading in the workspace is asked for; the default in editors",
        ),
        word(PermissionMode::Edit, "As ask, but edits inside the workspace need no question"),
        word(PermissionMode::Full, "Only what a rule names is asked for; the default elsewhere"),
    ])
    .map(|word| PermissionMode::from_name(&word).unwrap_or_default())
}

fn review_modes() -> impl TypedValueParser<Value = ReviewMode> {
    let word = |mode: ReviewMode, help: &'static str| PossibleValue::new(mode.as_str()).help(help);
    PossibleValuesParser::new([
        word(ReviewMode::Apply, "They are made and can be rejected; the default"),
        word(ReviewMode::Ask, "Each is shown first"),
        word(ReviewMode::Plan, "None is made; what would change is shown"),
    ])
    .map(|word| ReviewMode::from_name(&word).unwrap_or_default())
}

fn thinking_levels() -> impl TypedValueParser<Value = ThinkingLevel> {
    PossibleValuesParser::new(ThinkingLevel::ALL.map(ThinkingLevel::as_str))
        .try_map(|word| word.parse::<ThinkingLevel>())
}

fn output_modes() -> impl TypedValueParser<Value = OutputMode> {
    PossibleValuesParser::new(["full", "compact"])
        .map(|word| if word == "compact" { OutputMode::Compact } else { OutputMode::Full })
}

/// The line that tells a program which pi this is.
pub fn version_line() -> String {
    format!("pi-server {} (protocol {PROTOCOL_VERSION})", env!("CARGO_PKG_VERSION"))
}

/// Parses the arguments of the process. Help and usage errors are returned as clap's error, which knows its exit
/// status and where it is printed.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let cli = Cli::try_parse_from(expand_long_shorts(args))?;
    cli.check()?;
    Ok(cli)
}

/// Rewrites `-nt` and the like up to a `--`.
fn expand_long_shorts(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut verbatim = false;
    args.into_iter()
        .map(|arg| {
            verbatim |= arg == "--";
            let known = (!verbatim).then(|| LONG_SHORTS.iter().find(|(short, _)| arg == *short)).flatten();
            known.map_or(arg, |(_, long)| OsString::from(*long))
        })
        .collect()
}

impl Cli {
    /// What clap's declarations cannot say.
    fn check(&self) -> Result<(), clap::Error> {
        let fail = |text: String| Err(Cli::command().error(clap::error::ErrorKind::ValueValidation, text));
        let session = self.session_args();
        if session.api_key.is_some() && session.model.is_none() && session.models.is_empty() {
            return fail("--api-key needs to know the provider: add --model (and --provider)".into());
        }
        if self.run.export.is_some() && self.run.messages.len() > 1 {
            return fail("--export writes one page: pi --export <session.jsonl> [out.html]".into());
        }
        if self.command.is_some() || self.run.print || self.run.mode.is_some() || self.run.export.is_some() {
            return Ok(());
        }
        // One word that looks like a subcommand is a slip, not a prompt.
        if let [word] = self.run.messages.as_slice() {
            let names: Vec<String> =
                Cli::command().get_subcommands().map(|it| it.get_name().to_owned()).collect();
            if names.contains(word) {
                return fail(format!("'{word}' must come first: pi {word} [flags]"));
            }
            if let Some(name) = names.iter().find(|name| is_slip_of(word, name)) {
                return fail(format!(
                    "unknown command '{word}'; did you mean 'pi {name}'? To send it as a prompt: pi -p {word}"
                ));
            }
        }
        Ok(())
    }

    /// The session flags, wherever they were given.
    pub fn session_args(&self) -> &SessionArgs {
        match &self.command {
            Some(Command::Lsp(lsp)) => &lsp.session,
            _ => &self.session,
        }
    }
}

/// Whether `word` is `name` with at most two letters wrong, missing, added or swapped.
fn is_slip_of(word: &str, name: &str) -> bool {
    if word.contains(char::is_whitespace) || word.len().abs_diff(name.len()) > 2 || word.len() < 3 {
        return false;
    }
    let (a, b): (Vec<char>, Vec<char>) = (word.chars().collect(), name.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let changed = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + changed);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(rows[i - 2][j - 2] + 1);
            }
        }
        rows.push(row);
    }
    rows[a.len()][b.len()] <= if name.len() > 4 { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cli(line: &str) -> Result<Cli, String> {
        parse(std::iter::once("pi").chain(line.split_whitespace()).map(OsString::from))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_declarations_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn short_flags_of_several_letters_are_known() {
        let parsed = cli("-nt -nc -xt bash,edit -ne -ns -np -p hi").unwrap();
        assert!(parsed.session.no_tools && parsed.session.no_context_files && parsed.run.print);
        assert_eq!(parsed.session.exclude_tools, ["bash", "edit"]);
        assert_eq!(cli("-p -- -nt").unwrap().run.messages, ["-nt"]);
    }

    #[test]
    fn a_wrong_flag_or_value_names_the_nearest() {
        for (line, hint) in [
            ("--modle x", "'--model'"),
            ("--mode jsn", "'json'"),
            ("--thinking hihg", "'high'"),
            ("dcotor", "'pi doctor'"),
            ("--no-tool -p x", "'--no-tools'"),
            ("lsp --sesion-dir x", "'--session-dir'"),
        ] {
            let error = cli(line).unwrap_err();
            assert!(error.contains(hint), "{line}: {error}");
        }
    }

    #[test]
    fn of_a_repeated_flag_the_last_one_counts() {
        let parsed = cli("--mode json --model x --mode rpc --model y --tools read").unwrap();
        assert_eq!(parsed.run.mode, Some(Mode::Rpc));
        assert_eq!(parsed.session.model.as_deref(), Some("y"));
    }

    #[test]
    fn a_prompt_may_be_a_command_word() {
        assert_eq!(cli("-p doctor").unwrap().run.messages, ["doctor"]);
        assert!(cli("--model x lsp").unwrap_err().contains("must come first"));
    }

    #[test]
    fn editors_may_say_stdio_and_session_flags_after_lsp() {
        let parsed = cli("lsp --stdio --clientProcessId=7 --model a/b --thinking high").unwrap();
        assert_eq!(parsed.session_args().model.as_deref(), Some("a/b"));
        assert_eq!(parsed.session_args().thinking, Some(ThinkingLevel::High));
        let Some(Command::Lsp(lsp)) = parsed.command else { panic!("not lsp") };
        assert!(lsp.stdio);
        assert_eq!(lsp.client_process_id, Some(7));
    }

    #[test]
    fn docs_cli_md_is_up_to_date() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, crate::completions::markdown()).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            text == crate::completions::markdown(),
            "docs/cli.md is out of date: run this test with UPDATE=1"
        );
    }

    #[test]
    fn listing_takes_an_optional_word() {
        assert_eq!(cli("--list-models").unwrap().run.list_models.as_deref(), Some(""));
        assert_eq!(cli("--list-models opus").unwrap().run.list_models.as_deref(), Some("opus"));
    }
}
