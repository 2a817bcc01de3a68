//! THE table of methods: every request a client can make, over JSONL and over LSP.
//!
//! A row gives the LSP name, the JSONL name (`-` where there is none), parameters, result, what the request is
//! ordered against, and whether its shape is settled. Both transports parse and dispatch from here; the JSON
//! Schema, the TypeScript and the LuaCATS declarations in `generated/` are made from here.

use serde_json::Value;

use crate::{command::*, complete::*, edits::*, queue::*, response::*, sessions::*};

/// What a request is ordered against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In order with all other requests of the session.
    Session,
    /// Replaces the connection's session, or is made from all of it: later requests of the connection wait for it.
    Connection,
    /// In order with other reviews of the connection; a run goes on meanwhile.
    Review,
    /// May overtake: it stops something that others wait for.
    Overtakes,
}

/// Whether the shape may still change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stability {
    /// Kept for good.
    Stable,
    /// May change in any version.
    Experimental,
}

macro_rules! jsonl_name {
    (-) => {
        None
    };
    ($name:literal) => {
        Some($name)
    };
}

macro_rules! methods {
    ($( $(#[doc = $doc:literal])* $variant:ident = $lsp:literal | $jsonl:tt { $params:ty => $result:ty, $scope:ident, $stability:ident } ),* $(,)?) => {
        /// A method by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Method { $( $(#[doc = $doc])* $variant, )* }

        /// A parsed request.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Request { $( $(#[doc = $doc])* $variant($params), )* }

        impl Method {
            /// All methods in table order.
            pub const ALL: &'static [Method] = &[$( Method::$variant, )*];

            /// Name over LSP.
            pub fn lsp_name(self) -> &'static str {
                match self { $( Method::$variant => $lsp, )* }
            }

            /// Name over JSONL, if it exists there.
            pub fn jsonl_name(self) -> Option<&'static str> {
                match self { $( Method::$variant => jsonl_name!($jsonl), )* }
            }

            /// What it is ordered against.
            pub fn scope(self) -> Scope {
                match self { $( Method::$variant => Scope::$scope, )* }
            }

            /// Whether its shape is settled.
            pub fn stability(self) -> Stability {
                match self { $( Method::$variant => Stability::$stability, )* }
            }

            /// What it does, for the generated documentation.
            pub fn doc(self) -> &'static str {
                match self { $( Method::$variant => concat!($($doc),*).trim_ascii_start(), )* }
            }

            /// JSON Schemas of parameters and result.
            pub fn schemas(self, generator: &mut schemars::SchemaGenerator) -> (schemars::Schema, schemars::Schema) {
                match self {
                    $( Method::$variant => (generator.subschema_for::<$params>(), generator.subschema_for::<$result>()), )*
                }
            }
        }

        impl Request {
            /// Parses the parameters of `method`.
            ///
            /// # Errors
            /// Says which field is missing or ill-typed.
            pub fn parse(method: Method, params: Value) -> Result<Self, serde_json::Error> {
                Ok(match method {
                    $( Method::$variant => Request::$variant(serde_json::from_value(params)?), )*
                })
            }

            /// The method of this request.
            pub fn method(&self) -> Method {
                match self { $( Request::$variant(_) => Method::$variant, )* }
            }
        }
    };
}

methods! {
    /// Give the agent a task. Answered when it is accepted; progress arrives as events.
    Prompt = "pi/prompt" | "prompt" { PromptParams => PromptAccepted, Session, Stable },
    /// Add a user message to the run in progress, after the tool in progress.
    Steer = "pi/steer" | "steer" { QueueParams => Queued, Session, Stable },
    /// Queue a user message for when the agent is done.
    FollowUp = "pi/followUp" | "follow_up" { QueueParams => Queued, Session, Stable },
    /// Stop the run. Answered when it has stopped; queued messages stay queued.
    Abort = "pi/abort" | "abort" { NoParams => Empty, Overtakes, Stable },
    /// Remove all queued messages and return their texts.
    ClearQueue = "pi/clearQueue" | "clear_queue" { NoParams => ClearedQueue, Session, Stable },
    /// Messages that wait.
    QueueList = "pi/queue/list" | - { NoParams => QueueItems, Session, Experimental },
    /// Change a message that waits.
    QueueEdit = "pi/queue/edit" | - { EditQueuedParams => QueueItems, Session, Experimental },
    /// Remove a message that waits.
    QueueDelete = "pi/queue/delete" | - { QueueItemParams => QueueItems, Session, Experimental },
    /// Change the order in which messages wait.
    QueueReorder = "pi/queue/reorder" | - { ReorderQueueParams => QueueItems, Session, Experimental },
    /// Deliver a message that waits: as a prompt when nothing runs, else as the next to steer. Also one that is held.
    QueueSend = "pi/queue/send" | - { QueueItemParams => PromptAccepted, Session, Experimental },
    /// State of the session.
    GetState = "pi/getState" | "get_state" { NoParams => SessionState, Session, Stable },
    /// Messages in the model's context.
    GetMessages = "pi/getMessages" | "get_messages" { NoParams => Messages, Session, Stable },
    /// Choose the model.
    SetModel = "pi/setModel" | "set_model" { SetModelParams => crate::model::Model, Session, Stable },
    /// Go to the next model: of those the flags or settings name, else of all available ones; `null` when there is
    /// nothing to choose.
    CycleModel = "pi/cycleModel" | "cycle_model" { NoParams => Option<CycledModel>, Session, Stable },
    /// Models with configured authentication.
    GetAvailableModels = "pi/getAvailableModels" | "get_available_models" { NoParams => AvailableModels, Session, Stable },
    /// Choose how hard the model thinks.
    SetThinkingLevel = "pi/setThinkingLevel" | "set_thinking_level" { SetThinkingLevelParams => Empty, Session, Stable },
    /// Go to the next level the model offers; `null` when it cannot think.
    CycleThinkingLevel = "pi/cycleThinkingLevel" | "cycle_thinking_level" { NoParams => Option<LevelResult>, Session, Stable },
    /// Levels the model offers.
    GetAvailableThinkingLevels = "pi/getAvailableThinkingLevels" | "get_available_thinking_levels" { NoParams => ThinkingLevels, Session, Stable },
    /// How steering messages are delivered.
    SetSteeringMode = "pi/setSteeringMode" | "set_steering_mode" { SetQueueModeParams => Empty, Session, Stable },
    /// How follow-ups are delivered.
    SetFollowUpMode = "pi/setFollowUpMode" | "set_follow_up_mode" { SetQueueModeParams => Empty, Session, Stable },
    /// Whether failed model calls are repeated.
    SetAutoRetry = "pi/setAutoRetry" | "set_auto_retry" { EnabledParams => Empty, Session, Stable },
    /// Stop waiting for the next retry.
    AbortRetry = "pi/abortRetry" | "abort_retry" { NoParams => Empty, Overtakes, Stable },
    /// Repeat a failed model call now: do not wait for it, or do it once more after the last try. Not in Pi.
    RetryNow = "pi/retryNow" | "retry_now" { NoParams => Empty, Overtakes, Experimental },
    /// End one tool call that is in progress. The model reads that the user skipped it, and goes on. Not in Pi.
    SkipTool = "pi/skipTool" | "skip_tool" { SkipToolParams => Empty, Overtakes, Experimental },
    /// Whether the context is compacted by itself.
    SetAutoCompaction = "pi/setAutoCompaction" | "set_auto_compaction" { EnabledParams => Empty, Session, Stable },
    /// Summarise older turns to make room in the context; stops the run first. Answered when it is done.
    Compact = "pi/compact" | "compact" { CompactParams => CompactionResult, Session, Stable },
    /// Run a shell command for the user; its output becomes context for the next prompt.
    Bash = "pi/bash" | "bash" { BashParams => BashResult, Session, Stable },
    /// Stop the user's shell commands.
    AbortBash = "pi/abortBash" | "abort_bash" { NoParams => Empty, Overtakes, Stable },
    /// Start a new session on this connection.
    NewSession = "pi/newSession" | "new_session" { NewSessionParams => Cancelled, Connection, Stable },
    /// Open another session on this connection.
    SwitchSession = "pi/switchSession" | "switch_session" { SwitchSessionParams => Cancelled, Connection, Stable },
    /// Start a new session on this connection with everything before a user message; its text comes back.
    Fork = "pi/fork" | "fork" { ForkParams => ForkResult, Connection, Stable },
    /// Start a new session on this connection with everything up to now.
    Clone = "pi/clone" | "clone" { NoParams => Cancelled, Connection, Stable },
    /// Sessions of a folder, alive and stored.
    SessionList = "pi/session/list" | - { ListSessionsParams => SessionList, Connection, Experimental },
    /// Sessions of a folder in which somebody wrote a text.
    SessionSearch = "pi/session/search" | - { SearchSessionsParams => SessionMatches, Connection, Experimental },
    /// Name a session, alive or stored.
    SessionRename = "pi/session/rename" | - { RenameSessionParams => Empty, Connection, Experimental },
    /// Move a session's file to the trash folder beside it. A session that runs is not deleted.
    SessionDelete = "pi/session/delete" | - { SessionParams => DeletedSession, Connection, Experimental },
    /// Start a session beside the others of this connection, empty or as a copy; requests then name it with `sessionId`.
    SessionAdd = "pi/session/add" | - { AddSessionParams => AddedSession, Connection, Experimental },
    /// Make a session with a scripted model, and a file for it to edit. The client shows the file, comes to the session
    /// and sends the prompt.
    Demo = "pi/demo" | - { DemoParams => Demo, Connection, Experimental },
    /// Get the events of a session, alive or stored, and first what was missed of them.
    SessionAttach = "pi/session/attach" | - { AttachParams => Attached, Connection, Experimental },
    /// Stop a session and let go of it; its file stays.
    SessionClose = "pi/session/close" | - { SessionParams => Empty, Connection, Experimental },
    /// Ask a provider whether it takes the key that is set up for it, by a request that costs nothing.
    CheckKey = "pi/checkKey" | - { CheckKeyParams => CheckedKey, Connection, Experimental },
    /// Gauges of the process and of the connection.
    Diagnostics = "pi/diagnostics" | - { NoParams => Diagnostics, Connection, Experimental },
    /// User messages of all branches, to fork at.
    GetForkMessages = "pi/getForkMessages" | "get_fork_messages" { NoParams => ForkMessages, Session, Stable },
    /// Entries of the session in file order: all branches, or those after one entry.
    GetEntries = "pi/getEntries" | "get_entries" { GetEntriesParams => SessionEntries, Session, Stable },
    /// Entries of the session as a tree. It is as deep as the session is long; `get_entries` is flat.
    GetTree = "pi/getTree" | "get_tree" { NoParams => SessionTreeResult, Session, Stable },
    /// Go on from another entry of the session; from before it, if it is a user's message.
    NavigateTree = "pi/navigateTree" | "navigate_tree" { NavigateTreeParams => Navigated, Session, Experimental },
    /// Counts, tokens and cost.
    GetSessionStats = "pi/getSessionStats" | "get_session_stats" { NoParams => SessionStats, Session, Stable },
    /// Text of the last answer.
    GetLastAssistantText = "pi/getLastAssistantText" | "get_last_assistant_text" { NoParams => LastAssistantText, Session, Stable },
    /// Name the session.
    SetSessionName = "pi/setSessionName" | "set_session_name" { SetSessionNameParams => Empty, Session, Stable },
    /// What a message can begin with: prompt templates and skills.
    GetCommands = "pi/getCommands" | "get_commands" { NoParams => Commands, Session, Stable },
    /// What a message that is being typed can go on with: files and definitions behind `@`, templates and skills behind `/`.
    Complete = "pi/complete" | - { CompleteParams => Completions, Session, Experimental },
    /// Write the session as one HTML page: to `outputPath`, else into the session's folder, named like its file.
    ExportHtml = "pi/exportHtml" | "export_html" { ExportHtmlParams => ExportedHtml, Connection, Stable },
    /// Answer a tool that waits for permission. The first answer counts.
    AnswerPermission = "pi/answerPermission" | "answer_permission" { AnswerPermissionParams => Empty, Session, Experimental },
    /// Choose what the agent may do without asking. Questions that are open stay open.
    SetPermissionMode = "pi/setPermissionMode" | "set_permission_mode" { SetPermissionModeParams => Empty, Session, Experimental },
    /// Choose what becomes of the edits the agent makes. Questions that are open stay open.
    SetReviewMode = "pi/setReviewMode" | "set_review_mode" { SetReviewModeParams => Empty, Session, Experimental },
    /// What Pi changed in files, hunk by hunk. From then on the connection gets `edits_changed`.
    GetEdits = "pi/edits/list" | "get_edits" { GetEditsParams => Edits, Review, Experimental },
    /// Differences by hunk, file, call, turn, prompt or session; of a session, a call, a turn or a prompt as they were made.
    EditsDiff = "pi/edits/diff" | "edits_diff" { EditsParams => EditsDiff, Review, Experimental },
    /// Keep hunks: they no longer wait.
    EditsAccept = "pi/edits/accept" | "edits_accept" { EditsParams => EditsDecided, Review, Experimental },
    /// Take waiting hunks out again; the model is told. What the user has changed since stays and is named.
    EditsReject = "pi/edits/reject" | "edits_reject" { EditsParams => EditsDecided, Review, Experimental },
    /// Take hunks out, kept ones as well, going back change by change; or everything since a prompt.
    EditsRevert = "pi/edits/revert" | "edits_revert" { RevertEditsParams => EditsDecided, Review, Experimental },
    /// Put back what was rejected or reverted, and let what was kept wait again.
    EditsRedo = "pi/edits/redo" | "edits_redo" { EditsParams => EditsDecided, Review, Experimental },
    /// Choose whether updates carry the whole message or only what was added.
    SetOutputMode = "pi/setOutputMode" | "set_output_mode" { SetOutputModeParams => Empty, Connection, Experimental },
}

impl Method {
    /// The method with this LSP name.
    pub fn from_lsp(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.lsp_name() == name)
    }

    /// The method with this JSONL name.
    pub fn from_jsonl(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.jsonl_name() == Some(name))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_found_again() {
        let mut seen = HashSet::new();
        for &method in Method::ALL {
            assert!(seen.insert(method.lsp_name()), "{method:?}");
            assert_eq!(Method::from_lsp(method.lsp_name()), Some(method));
            if let Some(name) = method.jsonl_name() {
                assert!(seen.insert(name), "{method:?}");
                assert_eq!(Method::from_jsonl(name), Some(method));
            }
            assert!(!method.doc().is_empty());
        }
    }

    /// Pi's commands of all versions we serve (rpc.md §3), and ours beside them.
    const JSONL: [&str; 33] = [
        "prompt",
        "steer",
        "follow_up",
        "abort",
        "clear_queue",
        "get_state",
        "get_messages",
        "set_model",
        "cycle_model",
        "get_available_models",
        "set_thinking_level",
        "cycle_thinking_level",
        "get_available_thinking_levels",
        "set_steering_mode",
        "set_follow_up_mode",
        "set_auto_retry",
        "abort_retry",
        "set_auto_compaction",
        "compact",
        "bash",
        "abort_bash",
        "new_session",
        "switch_session",
        "fork",
        "clone",
        "get_fork_messages",
        "get_entries",
        "get_tree",
        "get_session_stats",
        "get_last_assistant_text",
        "set_session_name",
        "get_commands",
        "export_html",
    ];

    #[test]
    fn every_command_has_its_twin() {
        for name in JSONL {
            assert!(Method::from_jsonl(name).is_some(), "{name} is missing");
        }
        for &method in Method::ALL {
            let Some(name) = method.jsonl_name() else { continue };
            // What belongs to one noun: `pi/edits/list` is `get_edits`, `pi/edits/diff` is `edits_diff`.
            if let Some((noun, verb)) =
                method.lsp_name().strip_prefix("pi/").and_then(|it| it.split_once('/'))
            {
                let twin = if verb == "list" { format!("get_{noun}") } else { format!("{noun}_{verb}") };
                assert_eq!(name, twin);
                continue;
            }
            let mut words = name.split('_');
            let mut twin = format!("pi/{}", words.next().unwrap());
            for word in words {
                twin.push_str(&word[..1].to_uppercase());
                twin.push_str(&word[1..]);
            }
            assert_eq!(method.lsp_name(), twin);
        }
    }

    #[test]
    fn a_missing_field_is_named() {
        let error = Request::parse(Method::Prompt, serde_json::json!({})).unwrap_err();
        assert!(error.to_string().contains("`message`"), "{error}");
    }
}
