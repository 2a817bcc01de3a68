// Generated from protocol/src by `UPDATE=1 cargo test -p pi-protocol --test generated`: do not edit.

/** The document with the cursor. */
export type ActiveDocument = {
  /** Its URI. */
  uri: string;
  /** What is selected; empty at the cursor when nothing is. */
  selection: TextRange;
};

/** What a session is doing. */
export type Activity = {
  /** In one word. */
  state: ActivityState;
  /** Unix milliseconds at which it began. */
  since: number;
  /** The tool that runs, if there is exactly one. */
  tool?: string;
  /** What a person wants to know besides: the model waited for, the command, the file, the reason. */
  detail?: string;
  /** The run strip: all of it in one line without the time it lasts; absent when nothing happens by itself. */
  text?: string;
  /** What that line becomes if nothing happens. */
  later?: Later;
};

/** `pi/activity`: a session does something else now. */
export type ActivityParams = {
  /** Which one. */
  sessionId: string;
  /** What it does. */
  activity: Activity;
};

/** The states of a session. What only a client can know (that the server starts, or has ended) is not here. */
export type ActivityState = "idle" | "waiting" | "thinking" | "answering" | "tool" | "asking" | "retrying" | "compacting" | "stopping" | "stopped" | "failed";

/** A session beside the others. */
export type AddSessionParams = {
  /** Absolute path of the folder it works in; absent = the open folder the user was in last. */
  folder?: string;
  /** Id of a stored session: the new one begins with everything that was said in it, and works where it does. Another process may have it open. */
  copyOf?: string;
};

/** A session that is alive now. */
export type AddedSession = {
  /** Its id. */
  sessionId: string;
};

/** Something that happened in a session; the JSON is the record Pi's clients read. `message_update` carries the delta only. A transport in full mode adds `message` and `partial` from its own copy of the growing message (rpc.md §14.1). */
export type AgentEvent = {
  type: "agent_start";
} | {
  type: "agent_end";
  /** Messages of this run, prompts included. */
  messages: AgentMessage[];
  /** Whether a retry follows. */
  willRetry: boolean;
} | {
  type: "agent_settled";
} | {
  type: "turn_start";
} | {
  type: "turn_end";
  /** The assistant message. */
  message: AgentMessage;
  /** The results of its tool calls, in call order. */
  toolResults: ToolResultTagged[];
} | {
  type: "message_start";
  /** For an assistant: as far as it has come. */
  message: AgentMessage;
} | {
  type: "message_update";
  /** Tokens so far. */
  usage: Usage;
  /** What was added. */
  assistantMessageEvent: AssistantMessageEvent;
} | {
  type: "message_end";
  /** The message. */
  message: AgentMessage;
} | {
  type: "tool_execution_start";
  /** Id of the call. */
  toolCallId: string;
  /** Name of the tool. */
  toolName: string;
  /** Arguments as the model gave them. */
  args: Record<string, unknown>;
} | {
  type: "tool_execution_update";
  /** Id of the call. */
  toolCallId: string;
  /** Name of the tool. */
  toolName: string;
  /** Arguments as the model gave them. */
  args: Record<string, unknown>;
  /** The result so far. */
  partialResult: ToolResult;
} | {
  type: "tool_execution_end";
  /** Id of the call. */
  toolCallId: string;
  /** Name of the tool. */
  toolName: string;
  /** The result. */
  result: ToolResult;
  /** Whether it failed. */
  isError: boolean;
} | {
  type: "queue_update";
  /** Texts that will steer. */
  steering: string[];
  /** Texts that follow. */
  followUp: string[];
  /** The same messages with their ids. Not in Pi. */
  items?: QueueItem[];
  /** Ids of those that are delivered now, and whose `message_start` follows. Not in Pi. */
  delivered?: number[];
} | {
  type: "auto_retry_start";
  /** 1-based. */
  attempt: number;
  /** Upper bound. */
  maxAttempts: number;
  /** Pause in milliseconds. */
  delayMs: number;
  /** Why. */
  errorMessage: string;
} | {
  type: "auto_retry_end";
  /** Whether a call succeeded. */
  success: boolean;
  /** The last attempt. */
  attempt: number;
  /** Why it was given up. */
  finalError?: string;
} | {
  type: "compaction_start";
  /** Why. */
  reason: CompactionReason;
} | {
  type: "compaction_end";
  /** Why it was done. */
  reason: CompactionReason;
  /** Absent when it failed. */
  result?: CompactionResult;
  /** Stopped by the user. */
  aborted: boolean;
  /** Whether the run continues. */
  willRetry: boolean;
  /** Why it failed. */
  errorMessage?: string;
} | {
  type: "auto_compaction_start";
  /** Why. */
  reason: CompactionReason;
} | {
  type: "auto_compaction_end";
  /** Absent when it failed. */
  result?: CompactionResult;
  /** Stopped by the user. */
  aborted: boolean;
  /** Whether the run continues. */
  willRetry: boolean;
  /** Why it failed. */
  errorMessage?: string;
} | {
  type: "summarization_retry_scheduled";
  /** 1-based. */
  attempt: number;
  /** Upper bound. */
  maxAttempts: number;
  /** Pause in milliseconds. */
  delayMs: number;
  /** Why. */
  errorMessage: string;
} | {
  type: "summarization_retry_attempt_start";
  /** What is summarised. */
  source: SummarizationSource;
  /** Why, for a compaction. */
  reason?: CompactionReason;
} | {
  type: "summarization_retry_finished";
} | {
  type: "session_info_changed";
  /** The name; absent when cleared. */
  name?: string;
} | {
  type: "thinking_level_changed";
  /** The new level. */
  level: ThinkingLevel;
} | {
  type: "bash_execution_update";
  /** Id of the `bash` request. */
  id?: unknown;
  /** New output. */
  delta: string;
} | ExtensionUiRequest & {
  type: "extension_ui_request";
} | {
  type: "extension_ui_resolved";
  /** Id of the question. */
  id: string;
} | PermissionRequest & {
  type: "permission_request";
} | {
  type: "permission_resolved";
  /** Id of the question. */
  id: string;
  /** The call. */
  toolCallId: string;
  /** How it ended. */
  decision: PermissionDecision;
  /** The answer, if one was given. */
  choice?: PermissionChoice;
  /** The rules it stored. */
  rules?: string[];
  /** What the model is told. */
  message?: string;
} | {
  type: "permission_mode_changed";
  /** The new mode. */
  mode: PermissionMode;
} | {
  type: "review_mode_changed";
  /** The new mode. */
  mode: ReviewMode;
} | {
  type: "extension_error";
  /** File, or `<runtime>`, or `command:<name>`. */
  extensionPath: string;
  /** What it was doing. */
  event: string;
  /** What went wrong. */
  error: string;
} | {
  type: "edits_changed";
  /** Files whose hunks changed; list them again. */
  uris: string[];
} | {
  type: "notice";
  /** How bad. */
  level: NoticeLevel;
  /** What happened and what to do. */
  message: string;
};

/** One message. The tag is `role`; roles this version does not know are kept as raw JSON. */
export type AgentMessage = UserMessage & {
  role: "user";
} | AssistantMessage & {
  role: "assistant";
} | ToolResultMessage & {
  role: "toolResult";
} | BashExecutionMessage & {
  role: "bashExecution";
} | CustomMessage & {
  role: "custom";
} | BranchSummaryMessage & {
  role: "branchSummary";
} | CompactionSummaryMessage & {
  role: "compactionSummary";
};

/** The answer to a tool that waits for permission. */
export type AnswerPermissionParams = {
  /** Id of the question. Not `id`, which over JSONL is that of the request. */
  questionId: string;
  /** One of its choices. */
  choice: PermissionChoice;
  /** For `reject_message`: what the model is told. */
  message?: string;
};

/** An answer of the model, complete or (in `message_update`) so far. */
export type AssistantMessage = {
  /** Text, thinking and tool calls in the order they came. */
  content: Content[];
  /** Wire dialect, for example `anthropic-messages`. */
  api: string;
  /** Provider name. */
  provider: string;
  /** Model id. */
  model: string;
  /** Tokens and cost. */
  usage: Usage;
  /** Why the answer ended. */
  stopReason: StopReason;
  /** Unix time in milliseconds at which the request began. */
  timestamp: number;
  /** The provider's id of the response (0.87). */
  responseId?: string;
  /** The model that answered, when it differs from the one asked (0.87). */
  responseModel?: string;
  /** The provider's own word for the stop reason (0.87). */
  rawStopReason?: string;
  /** What went wrong, with `stopReason` `error` or `aborted`. */
  errorMessage?: string;
  /** Opaque diagnostic items (0.87). */
  diagnostics?: unknown[];
  /** What went wrong in words for the user. Not in Pi and never stored: editors that get events get it. */
  failure?: Failure;
};

/** An increment of an assistant message; `contentIndex` is the index in `message.content`. */
export type AssistantMessageEvent = {
  type: "text_start";
  /** Block. */
  contentIndex: number;
} | {
  type: "text_delta";
  /** Block. */
  contentIndex: number;
  /** New text. */
  delta: string;
} | {
  type: "text_end";
  /** Block. */
  contentIndex: number;
  /** All of it. */
  content: string;
} | {
  type: "thinking_start";
  /** Block. */
  contentIndex: number;
} | {
  type: "thinking_delta";
  /** Block. */
  contentIndex: number;
  /** New text. */
  delta: string;
} | {
  type: "thinking_end";
  /** Block. */
  contentIndex: number;
  /** All of it. */
  content: string;
} | {
  type: "toolcall_start";
  /** Block. */
  contentIndex: number;
  /** Id of the call. */
  id: string;
  /** Name of the tool. */
  toolName: string;
} | {
  type: "toolcall_delta";
  /** Block. */
  contentIndex: number;
  /** Raw JSON fragment. */
  delta: string;
} | {
  type: "toolcall_end";
  /** Block. */
  contentIndex: number;
  /** The call with its final arguments. */
  toolCall: ToolCallTagged;
};

/** Which session to come to, and what of it is known already. */
export type AttachParams = {
  /** Its id. */
  sessionId: string;
  /** `seq` of the last event that is known; 0 = none yet. */
  since?: number;
  /** The `epoch` of that event: a session that was closed and opened again counts anew. */
  epoch?: number;
};

/** Where a client stands that has come to a session. */
export type Attached = {
  /** The session. */
  sessionId: string;
  /** Its working directory. */
  folder: string;
  /** Its life since it was opened, for the next time. */
  epoch: number;
  /** The events after this one follow. */
  seq: number;
  /** The turn in progress. */
  turnId?: number;
  /** What all events up to `seq` led to; absent if the client knows them. */
  snapshot?: SessionSnapshot;
};

/** Models with configured authentication. */
export type AvailableModels = {
  /** In registry order. */
  models: Model[];
};

/** A shell command run by the user through the `bash` command (spec: rpc.md §8). */
export type BashExecutionMessage = {
  /** The command line. */
  command: string;
  /** Output, sanitised and cut. */
  output: string;
  /** Absent when cancelled or killed. */
  exitCode?: number;
  /** Stopped by `abort_bash`. */
  cancelled: boolean;
  /** The output was cut. */
  truncated: boolean;
  /** Where the whole output is, when cut. */
  fullOutputPath?: string;
  /** Not shown to the model. */
  excludeFromContext?: boolean;
  /** Unix time in milliseconds. */
  timestamp: number;
};

/** A shell command of the user. */
export type BashParams = {
  /** The command line. */
  command: string;
  /** Keep it out of the model's context. */
  excludeFromContext?: boolean;
};

/** Outcome of the user's shell command. */
export type BashResult = {
  /** Output, sanitised and cut. */
  output: string;
  /** Absent when cancelled or killed. */
  exitCode?: number;
  /** Stopped by `abort_bash`. */
  cancelled: boolean;
  /** The output was cut. */
  truncated: boolean;
  /** Where the whole output is, when cut. */
  fullOutputPath?: string;
};

/** Summary of a branch the conversation came back from. */
export type BranchSummaryMessage = {
  /** The summary. */
  summary: string;
  /** Entry the branch left from, or `root`. */
  fromId: string | null;
  /** Unix time in milliseconds. */
  timestamp: number;
};

/** Whether an extension stopped the change of session. */
export type Cancelled = {
  /** True when nothing happened. */
  cancelled: boolean;
};

/** Whose key is meant. */
export type CheckKeyParams = {
  /** Name of the provider: `anthropic`. */
  provider: string;
};

/** What became of it. */
export type CheckedKey = {
  /** That the key was refused, in words; absent if it was taken, or if that cannot be told now. */
  refused?: string;
};

/** Queued messages that were removed. */
export type ClearedQueue = {
  /** Texts that would have steered. */
  steering: string[];
  /** Texts that would have followed. */
  followUp: string[];
};

/** Whose a slash command is. */
export type CommandLocation = "user" | "project" | "path";

/** What kind a slash command is. */
export type CommandSource = "prompt" | "skill";

/** What a message can begin with. */
export type Commands = {
  /** Prompt templates, then skills, each kind in order of name. */
  commands: SlashCommand[];
};

/** A summary of older turns. */
export type CompactParams = {
  /** What the summary should pay attention to. */
  customInstructions?: string;
};

/** Why a compaction runs. */
export type CompactionReason = "manual" | "threshold" | "overflow";

/** Outcome of a compaction. */
export type CompactionResult = {
  /** The summary. */
  summary: string;
  /** First entry still in the context. */
  firstKeptEntryId: string;
  /** Tokens before. */
  tokensBefore: number;
  /** Estimate of what is left. */
  estimatedTokensAfter?: number;
  /** What the summary cost. */
  usage?: Usage;
  /** File lists. */
  details?: unknown;
};

/** Summary of what was compacted away. */
export type CompactionSummaryMessage = {
  /** The summary. */
  summary: string;
  /** Tokens of the context before. */
  tokensBefore: number;
  /** Unix time in milliseconds. */
  timestamp: number;
};

/** A message that is being typed. */
export type CompleteParams = {
  /** It, up to the cursor. */
  text: string;
};

/** One of them. */
export type Completion = {
  /** What is written in the place of the word: `@src/retry.rs`, `@src/retry.rs#retry`, `/review`. */
  text: string;
  /** What it is called in a list. */
  label: string;
  /** More about it, in one line. */
  detail?: string;
  /** What it is. */
  kind: CompletionKind;
  /** The lines of a symbol. */
  range?: TextRange;
};

/** What suggestions while typing have cost on this connection. */
export type CompletionGauges = {
  /** Requests to the model. */
  requests: number;
  /** Tokens it read, from its cache as well. */
  inputTokens: number;
  /** Tokens it wrote. */
  outputTokens: number;
  /** US dollars. */
  cost: number;
};

/** What a completion is. */
export type CompletionKind = "command" | "file" | "symbol";

/** What its last word could become. */
export type Completions = {
  /** The word before the cursor, with its `@` or `/`; empty when it is neither a mention nor a command. */
  word: string;
  /** What can take its place, the best first. More typing narrows it. */
  items: Completion[];
};

/** One block of a message's content. */
export type Content = TextContent & {
  type: "text";
} | ThinkingContent & {
  type: "thinking";
} | ImageContent & {
  type: "image";
} | ToolCall & {
  type: "toolCall";
};

/** How full the context is. */
export type ContextUsage = {
  /** Tokens, `null` right after a compaction. */
  tokens: number | null;
  /** The context limit. */
  contextWindow: number;
  /** 0–100. */
  percent: number | null;
};

/** Cost in US dollars, unrounded. */
export type Cost = {
  /** For `Usage::input`. */
  input: number;
  /** For `Usage::output`. */
  output: number;
  /** For `Usage::cache_read`. */
  cacheRead: number;
  /** For `Usage::cache_write`. */
  cacheWrite: number;
  /** Sum of the four. */
  total: number;
};

/** Rates that replace all others above a prompt size. */
export type CostTier = {
  /** Tokens of prompt, cached ones included, above which the tier holds. */
  inputTokensAbove: number;
  /** Prompt. */
  input: number;
  /** Answer. */
  output: number;
  /** Cached prompt. */
  cacheRead: number;
  /** Writing the cache. */
  cacheWrite: number;
};

/** A message of an extension. */
export type CustomMessage = {
  /** The extension's name for it. */
  customType: string;
  /** Text and images for the model. */
  content: MessageContent;
  /** Whether clients show it. */
  display: boolean;
  /** Extension data. */
  details?: unknown;
  /** Unix time in milliseconds. */
  timestamp: number;
};

/** Result of cycling the model. */
export type CycledModel = {
  /** The model now in force. */
  model: Model;
  /** How hard it thinks. */
  thinkingLevel: ThinkingLevel;
  /** It was chosen among the models that flags or settings name. */
  isScoped: boolean;
};

/** A session that was removed. */
export type DeletedSession = {
  /** Where its file is now; absent if it had none. */
  trash?: string;
};

/** What happens with an accepted prompt. */
export type Delivery = "started" | "steering" | "followUp";

/** A demo that can begin: no model, no key, no network. */
export type Demo = {
  /** The session, in which nothing was said yet. */
  sessionId: string;
  /** URI of the file that is edited. */
  uri: string;
  /** What the user says. */
  prompt: string;
};

/** Where a demo is played. */
export type DemoParams = {
  /** Absolute path of the folder; absent = the open folder the user was in last. */
  folder?: string;
};

/** One problem. */
export type DiagnosticContext = {
  /** Where. */
  range: TextRange;
  /** What. */
  message: string;
  /** Who says so. */
  source?: string;
  /** 1 error … 4 hint, as in LSP. */
  severity?: number;
};

/** Gauges of the process and of the connection, for bug reports. */
export type Diagnostics = {
  /** Version of the server. */
  version: string;
  /** Milliseconds since it was started. */
  uptimeMs: number;
  /** Resident memory in bytes; absent where the system does not say. */
  memoryBytes?: number;
  /** Sessions that are alive. */
  sessions: number;
  /** Those of them in which a run is in progress. */
  running: number;
  /** Documents that are open in the editor. */
  openDocuments: number;
  /** Those of them that may differ from their files. */
  dirtyDocuments: number;
  /** Requests of the client that wait for their answer. */
  requests: number;
  /** Requests to the client that wait for their answer. */
  clientRequests: number;
  /** Bytes that wait to be read by the client. */
  outboundBytes: number;
  /** Events that wait for the client, of all its sessions. */
  events: number;
  /** Absent if the model was never asked. */
  completion?: CompletionGauges;
};

/** Problems of one document. */
export type DocumentDiagnostics = {
  /** Its URI. */
  uri: string;
  /** The problems. */
  items: DiagnosticContext[];
};

/** Why a hunk stays as it is. */
export type EditConflict = {
  /** The hunk. */
  hunk: string;
  /** Why, for people. */
  reason: string;
};

/** How many hunks there are of each kind. */
export type EditCounts = {
  /** Waiting for a decision, those the user has edited included. */
  pending: number;
  /** Kept. */
  kept: number;
  /** Rejected. */
  rejected: number;
  /** Reverted. */
  reverted: number;
};

/** A change of neighbouring lines. */
export type EditHunk = {
  /** Never used again for another one. */
  id: string;
  /** The file. */
  uri: string;
  /** Lines it covers now; empty where lines were only taken away. */
  range: TextRange;
  /** Lines it covers in the text without what waits. */
  baseRange: TextRange;
  /** Lines it put there. */
  added: number;
  /** Lines it took away. */
  removed: number;
  /** The lines it put there, if asked for. */
  addedText?: string;
  /** The lines it took away, if asked for. */
  removedText?: string;
  /** The session. */
  sessionId: string;
  /** Entry of the prompt it comes from. */
  promptId?: string;
  /** Turn of the session, from 1. */
  turn: number;
  /** The tool call. */
  toolCallId: string;
  /** The tool. */
  tool: string;
  /** When it was made, milliseconds since 1970. */
  timestamp: number;
  /** What became of it. */
  status: EditStatus;
  /** If it is the file itself that came or went. */
  file?: EditedFileKind;
  /** Of a renamed file: the one it was before. */
  fromUri?: string;
  /** If the file is no text: what happened to it, in words, as `deleted (67 bytes)`. Such a hunk has no lines. */
  binary?: string;
};

/** How to change a waiting message; what is absent stays. */
export type EditQueuedParams = {
  /** Its id. */
  id: number;
  /** What it says. */
  text?: string;
  /** When it is delivered; a message that changes goes to the end. */
  kind?: QueueKind;
  /** Images that go with it. */
  images?: ImageContentInput[];
};

/** What became of a hunk. */
export type EditStatus = "pending" | "kept" | "rejected" | "reverted" | "edited" | "superseded";

/** The hunks of one file in numbers. */
export type EditedFile = {
  /** The file. */
  uri: string;
  /** Its hunks. */
  counts: EditCounts;
};

/** What happened to the file as a whole. */
export type EditedFileKind = "created" | "deleted" | "renamed";

/** Problems as the editor shows them, of all its servers and linters. */
export type EditorDiagnostics = {
  /** By document; those without problems may be left out. */
  documents?: DocumentDiagnostics[];
};

/** Whose problems. */
export type EditorDiagnosticsParams = {
  /** A document; absent = all the editor knows problems of. */
  uri?: string;
};

/** Where something is. */
export type EditorLocation = {
  /** The document. */
  uri: string;
  /** The place in it. */
  range: TextRange;
};

/** Places, in the order of the editor. */
export type EditorLocations = {
  /** All of them. */
  locations?: EditorLocation[];
};

/** A place in a document, which need not be open. */
export type EditorPlace = {
  /** Its URI. */
  uri: string;
  /** Inside the name that is asked about. */
  position: TextPosition;
};

/** What the user looks at. */
export type EditorState = {
  /** The document that has the cursor, or had it last; absent if there is none. */
  active?: ActiveDocument;
  /** All documents that can be seen. */
  visible?: string[];
};

/** A function, type or the like. */
export type EditorSymbol = {
  /** Its name. */
  name: string;
  /** `SymbolKind` of LSP: 5 is a class, 12 a function. */
  kind: number;
  /** What it is in. */
  container?: string;
  /** The document. */
  uri: string;
  /** All of it. */
  range: TextRange;
};

/** Symbols, flat: a method comes after its class and names it as its container. */
export type EditorSymbols = {
  /** All of them. */
  symbols?: EditorSymbol[];
};

/** Which symbols: the outline of a document, or those of the project whose name is like `query`. */
export type EditorSymbolsParams = {
  /** The document. */
  uri?: string;
  /** Part of a name; only used without `uri`. */
  query?: string;
};

/** The hunks that were asked for. */
export type Edits = {
  /** By file, and in the order of their lines. */
  hunks: EditHunk[];
  /** Their files. */
  files: EditedFile[];
  /** All together. */
  counts: EditCounts;
};

/** What a decision came to; in a preview, what it would come to. */
export type EditsDecided = {
  /** Ids of the hunks that changed. */
  hunks: string[];
  /** Their files. */
  uris: string[];
  /** Hunks that stay as they are, and why. */
  conflicts: EditConflict[];
  /** Of a revert: shell commands that changed files, or may have, beside what is on record of them. That stays. */
  notRestored?: string[];
  /** With `fork`: what the prompt said, to send it again. */
  text?: string;
};

/** Differences as text. */
export type EditsDiff = {
  /** Unified diff of all files that were asked for. */
  diff: string;
  /** The same by file. */
  files: FileDiff[];
};

/** What to show or decide about. A decision needs a choice; `scope` alone is one. */
export type EditsParams = {
  /** Those with these ids. */
  hunks?: string[];
  /** Those of this file: absolute path or `file:` URI. */
  uri?: string;
  /** Those of this tool call. */
  toolCallId?: string;
  /** Those of this turn of the session. */
  turn?: number;
  /** Those that came from this prompt; the id is that of its entry. */
  promptId?: string;
  /** Those of this session or of the whole folder. */
  scope?: EditsScope;
  /** Only say what it would come to. */
  preview?: boolean;
};

/** Whose hunks. */
export type EditsScope = "session" | "folder" | "last";

/** Nothing to report; over JSONL the response has no `data`. */
export type Empty = Record<string, unknown>;

/** On or off. */
export type EnabledParams = {
  /** On or off. */
  enabled: boolean;
};

/** An entry: the tree fields and what happened. Written in Pi's key order: `type`, `id`, `parentId`, `timestamp`, then the rest; `custom` and `custom_message` have the tree fields last. */
export type Entry = ({
  type: "message";
  /** The message. */
  message: AgentMessage;
} | {
  type: "thinking_level_change";
  /** The level; a word we may not know. */
  thinkingLevel: string;
} | {
  type: "model_change";
  /** Provider name. */
  provider: string;
  /** Model id. */
  modelId: string;
} | {
  type: "compaction";
  /** The summary. */
  summary: string;
  /** First entry still in the context. */
  firstKeptEntryId: string;
  /** Tokens before. */
  tokensBefore: number;
  /** Extension data or file lists. */
  details?: unknown;
  /** What the summary cost (0.87). */
  usage?: Usage;
  /** Made by an extension. */
  fromHook?: boolean;
} | {
  type: "branch_summary";
  /** Where it was left. */
  fromId: string | null;
  /** The summary. */
  summary: string;
  /** Extension data or file lists. */
  details?: unknown;
  /** Made by an extension. */
  fromHook?: boolean;
} | {
  type: "custom";
  /** The extension's name for it. */
  customType: string;
  /** Extension data. */
  data?: unknown;
} | {
  type: "custom_message";
  /** The extension's name for it. */
  customType: string;
  /** Text and images. */
  content: MessageContent;
  /** Whether clients show it. */
  display: boolean;
  /** Extension data. */
  details?: unknown;
} | {
  type: "label";
  /** The entry. */
  targetId: string;
  /** Its label; absent clears. */
  label?: string;
} | {
  type: "session_info";
  /** The name; absent or empty clears. */
  name?: string;
}) & {
  /** Eight hex digits (or longer, from other writers). */
  id: string;
  /** The entry this one follows; `null` for a root. */
  parentId: string | null;
  /** ISO 8601, UTC, milliseconds; empty when another writer left it out. */
  timestamp: string;
};

/** An event with its place in the session's sequence; the payload of `pi/event`. */
export type Envelope = {
  /** The session. */
  sessionId: string;
  /** Strictly increasing per session, from 1. */
  seq: number;
  /** The turn it belongs to, if one is in progress. */
  turnId?: number;
  /** The event, exactly as in JSONL. */
  event: AgentEvent;
};

/** Where to write a page. */
export type ExportHtmlParams = {
  /** The file, replaced if it is there; relative to the session's folder. */
  outputPath?: string;
};

/** A page that was written. */
export type ExportedHtml = {
  /** The path as it was asked for, or the name of the file in the session's folder. */
  path: string;
};

/** What the user of an editor said to `pi/ui`; `cancelled` wins over the others. */
export type ExtensionUiAnswer = {
  /** For select, input and editor. */
  value?: string;
  /** For confirm. */
  confirmed?: boolean;
  /** The user gave no answer. */
  cancelled?: boolean;
};

/** What an [`ExtensionUiRequest`] is. */
export type ExtensionUiMethod = "select" | "confirm" | "input" | "editor" | "notify" | "setStatus" | "setWidget" | "setTitle" | "set_editor_text";

/** Something for the user: a question, or something to show. Which fields are there depends on `method`. */
export type ExtensionUiRequest = {
  /** Id to answer with. */
  id: string;
  /** What it is. */
  method: ExtensionUiMethod;
  /** `select`, `confirm`, `input`, `editor`: the question; `setTitle`: the title. */
  title?: string;
  /** `select`: what can be chosen; the answer's `value` is one of them. */
  options?: string[];
  /** `confirm`, `notify`: the text. */
  message?: string;
  /** `input`: shown while it is empty. */
  placeholder?: string;
  /** `editor`: the text to start from. */
  prefill?: string;
  /** `notify`: how bad. */
  notifyType?: NoticeLevel;
  /** `setStatus`: which status. */
  statusKey?: string;
  /** `setStatus`: its text; absent clears it. */
  statusText?: string;
  /** `setWidget`: which widget. */
  widgetKey?: string;
  /** `setWidget`: its lines; absent removes it. */
  widgetLines?: string[];
  /** `setWidget`: where. */
  widgetPlacement?: WidgetPlacement;
  /** `set_editor_text`: the text of the prompt. */
  text?: string;
  /** `select`, `confirm`, `input`: milliseconds after which the question is dropped. */
  timeout?: number;
  /** The permission question it belongs to, for clients that show `permission_request` and need no second one. Not in Pi. */
  permission?: string;
};

/** A client's answer to an `extension_ui_request`; `cancelled` wins over the others. */
export type ExtensionUiResponse = {
  /** Id of the request. */
  id: string;
  /** For select, input and editor. */
  value?: unknown;
  /** For confirm. */
  confirmed?: boolean;
  /** The user gave no answer. */
  cancelled?: boolean;
};

/** What went wrong in a run. */
export type Failure = {
  /** What can be done about it. */
  kind: FailureKind;
  /** What went wrong and what is safe, for people: with the peer and the number, without JSON. */
  headline: string;
  /** What the provider said, if that is more. */
  details?: string;
};

/** Kinds of failures, by what helps. */
export type FailureKind = "key" | "credit" | "busy" | "offline" | "cut" | "context" | "other";

/** The difference of one file. */
export type FileDiff = {
  /** The file. */
  uri: string;
  /** Unified diff. */
  diff: string;
};

/** A message to fork at. */
export type ForkMessage = {
  /** Its entry. */
  entryId: string;
  /** What the user said. */
  text: string;
};

/** Messages to fork at. */
export type ForkMessages = {
  /** In file order, of all branches. */
  messages: ForkMessage[];
};

/** Where to fork. */
export type ForkParams = {
  /** A user message; the new session ends before it. */
  entryId: string;
};

/** Result of a fork. */
export type ForkResult = {
  /** Text of the message it was forked at, to edit and send again. */
  text: string;
  /** True when nothing happened. */
  cancelled: boolean;
};

/** What to list. Without a choice everything of the folder. */
export type GetEditsParams = {
  /** Those with these ids. */
  hunks?: string[];
  /** Those of this file: absolute path or `file:` URI. */
  uri?: string;
  /** Those of this tool call. */
  toolCallId?: string;
  /** Those of this turn of the session. */
  turn?: number;
  /** Those that came from this prompt; the id is that of its entry. */
  promptId?: string;
  /** Those of this session or of the whole folder. */
  scope?: EditsScope;
  /** Only hunks with one of these. */
  status?: EditStatus[];
  /** With the lines themselves and not only their number. */
  texts?: boolean;
};

/** Which entries. */
export type GetEntriesParams = {
  /** Only those after this entry. */
  since?: string;
};

/** An image. Emitted as `data`/`mimeType` only; the documented `source` form is accepted as input (rpc.md §14.6). */
export type ImageContent = {
  /** Base64 without a `data:` prefix. */
  data: string;
  /** For example `image/png`. */
  mimeType: string;
};

/** An image. Emitted as `data`/`mimeType` only; the documented `source` form is accepted as input (rpc.md §14.6). */
export type ImageContentInput = {
  data?: string;
  mimeType?: string;
  source?: ImageSource;
};

/** The documented older form of an image. */
export type ImageSource = {
  data: string;
  mediaType: string;
};

/** What a model can read. */
export type InputKind = "text" | "image";

/** Text of the last answer. */
export type LastAssistantText = {
  /** `null` when there is none, which clients of both Pi versions take (rpc.md §14.5). */
  text: string | null;
};

/** A line that stands when an activity has lasted for some time. */
export type Later = {
  /** Milliseconds after `since`. */
  after: number;
  /** The line. */
  text: string;
};

/** Result of cycling the thinking level. */
export type LevelResult = {
  /** The level now in force. */
  level: ThinkingLevel;
};

/** Whose sessions. */
export type ListSessionsParams = {
  /** Absolute path of the folder; absent = the one of the connection. */
  folder?: string;
};

/** Content that is either one string or a list of blocks. */
export type MessageContent = string | Content[];

/** Messages in the context. */
export type Messages = {
  /** Oldest first. */
  messages: AgentMessage[];
};

/** A model a provider offers. Costs are US dollars per million tokens. */
export type Model = {
  /** Id as the provider knows it. */
  id: string;
  /** Name for people. */
  name: string;
  /** Wire dialect, for example `openai-completions`. */
  api: string;
  /** Provider name. */
  provider: string;
  /** Base URL of the provider. */
  baseUrl: string;
  /** Whether it can think. */
  reasoning: boolean;
  /** What it reads. */
  input: InputKind[];
  /** Prices. */
  cost: ModelCost;
  /** Context limit in tokens; 0 = unknown. */
  contextWindow: number;
  /** Output limit in tokens. */
  maxTokens: number;
  /** Extra request headers. */
  headers?: Record<string, string>;
  /** Deviations of the provider from its dialect (providers.md §3). */
  compat?: unknown;
  /** Level → word sent on the wire; `null` = not offered (0.87). */
  thinkingLevelMap?: Record<string, string | null>;
  /** Whether it belongs to a model server on this machine that was found without set-up. Not in Pi. */
  local?: boolean;
};

/** Prices in US dollars per million tokens. */
export type ModelCost = {
  /** Prompt. */
  input: number;
  /** Answer. */
  output: number;
  /** Cached prompt. */
  cacheRead: number;
  /** Writing the cache. */
  cacheWrite: number;
  /** Dearer rates above a prompt size (0.87). */
  tiers?: CostTier[];
};

/** Where to go on. */
export type NavigateTreeParams = {
  /** The entry to go on from. */
  targetId: string;
};

/** Where the session goes on. */
export type Navigated = {
  /** Text of the message that was chosen, to edit and send again. */
  editorText?: string;
  /** The entry the next one follows; `null` when it will be a root. */
  leafId: string | null;
};

/** Start afresh. */
export type NewSessionParams = {
  /** File of the session this one continues, for the header. */
  parentSession?: string;
};

/** Nothing to say. */
export type NoParams = Record<string, unknown>;

/** A document that was not reloaded. */
export type NotReloaded = {
  /** The document. */
  uri: string;
  /** Why. */
  message: string;
};

/** A document that was not saved. */
export type NotSaved = {
  /** The document. */
  uri: string;
  /** Why, for the model and the user. */
  message: string;
};

/** How bad a notice is. */
export type NoticeLevel = "info" | "warning" | "error";

/** How `message_update` looks on a JSONL connection. */
export type OutputMode = "full" | "compact";

/** The user's answer to it. */
export type PermissionAnswer = {
  /** The choice. */
  choice: PermissionChoice;
  /** For the model, with `reject_message`. */
  message?: string;
};

/** An answer. */
export type PermissionChoice = "allow_once" | "allow_session" | "allow_project" | "reject" | "reject_stop" | "reject_message";

/** How a question ended. */
export type PermissionDecision = "allowed" | "rejected" | "cancelled" | "unasked";

/** What the agent may do without asking. */
export type PermissionMode = "ask" | "edit" | "full" | "plan";

/** One possible answer. */
export type PermissionOption = {
  /** What to answer with. */
  id: PermissionChoice;
  /** For a button or a line; different for each choice of a question. */
  label: string;
  /** The rules it stores, as settings have them. */
  rules?: string[];
};

/** One part of a call. */
export type PermissionPart = {
  /** The command, or what is done to which file. */
  text: string;
  /** Whether it would be allowed by itself. */
  allowed: boolean;
  /** Why it is or is not: the rule in the form settings have it, or words. */
  why: string;
};

/** A question: may this call of a tool be run? Nothing but an answer, the end of the run or the end of the session closes it. */
export type PermissionRequest = {
  /** Id of the question; also that of the `extension_ui_request` with the same question. */
  id: string;
  /** The call. */
  toolCallId: string;
  /** Name of the tool. */
  tool: string;
  /** What is asked, in a few words: `Pi wants to run a command`. */
  title: string;
  /** The whole question as plain text. Characters that are invisible or change the direction of text are written as `<U+202E>`. */
  text: string;
  /** The command, complete and as it would be run. */
  command?: string;
  /** The change, as a unified diff. */
  diff?: string;
  /** What the call consists of: every command of a chain, every file it writes. */
  parts: PermissionPart[];
  /** Working directory. */
  cwd: string;
  /** Absolute paths that the call names, links resolved. */
  paths?: string[];
  /** The model's last sentence before the call. */
  reason?: string;
  /** What else to know before it is run, in one line: that a command does not see what is unsaved. */
  note?: string;
  /** How much can go wrong. */
  risk: PermissionRisk;
  /** The possible answers, in the order to show them. */
  choices: PermissionOption[];
};

/** How much can go wrong. */
export type PermissionRisk = "low" | "medium" | "high";

/** Answer to a prompt. Over JSONL nothing of it is sent (Pi sends no data). */
export type PromptAccepted = {
  /** Always true; a refusal is an error. */
  accepted: boolean;
  /** What happens with it. */
  delivery: Delivery;
  /** The session it went to. */
  sessionId: string;
  /** The turn it started or steers: all that happens because of one prompt, until the session has settled. Numbers rise in a live session. */
  turnId?: number;
  /** Its item, if it waits. */
  itemId?: number;
};

/** A piece of context for a prompt. Positions are in the encoding negotiated at `initialize`; in JSONL they are UTF-16. Paths are absolute or `file:` URIs. What is left out is asked of a client that serves `pi/editor/*`. */
export type PromptContext = {
  kind: "file";
  /** Absolute path or `file:` URI; absent = the one the user looks at. */
  uri?: string;
} | {
  kind: "selection";
  /** Absolute path or `file:` URI; absent = the one the user looks at. */
  uri?: string;
  /** The selected range; absent = what the user has selected there. */
  range?: TextRange;
} | {
  kind: "symbol";
  /** Absolute path or `file:` URI; absent = the file of the project that has it. */
  uri?: string;
  /** Its name. */
  name: string;
  /** All of it, as the editor's outline has it; absent = looked up by its name. */
  range?: TextRange;
} | {
  kind: "image";
  /** Absolute path or `file:` URI. */
  uri: string;
} | {
  kind: "text";
  /** What it is, for the heading. */
  title?: string;
  /** The text. */
  text: string;
} | {
  kind: "diagnostics";
  /** Absolute path or `file:` URI; absent = of all files, or with `items` of the one the user looks at. */
  uri?: string;
  /** The problems; absent = those the editor shows now. */
  items?: DiagnosticContext[];
};

/** A message for the agent. */
export type PromptParams = {
  /** What to do. */
  message: string;
  /** Images that go with it. */
  images?: ImageContentInput[];
  /** What to do while a run is in progress; without it that is an error. */
  streamingBehavior?: StreamingBehavior;
  /** What the message is about. Resolved from open documents first. Not in Pi. */
  context?: PromptContext[];
};

/** A message that waits. */
export type QueueItem = {
  /** Its own among the items of the session, also after it has gone. */
  id: number;
  /** When it is delivered. */
  kind: QueueKind;
  /** What the user wrote. */
  text: string;
  /** Images that go with it. */
  images?: ImageContent[];
  /** It is not delivered by itself any more, because the run it was meant for was stopped or failed. */
  held: boolean;
};

/** Which waiting message. */
export type QueueItemParams = {
  /** Its id. */
  id: number;
};

/** The messages that wait. */
export type QueueItems = {
  /** Those that steer, then those that follow, each in the order of their delivery. */
  items: QueueItem[];
};

/** When a waiting message is delivered. */
export type QueueKind = "steer" | "followUp";

/** How a queue is emptied. */
export type QueueMode = "all" | "one-at-a-time";

/** A message for the turn in progress (`steer`) or for after it (`follow_up`). */
export type QueueParams = {
  /** What to say. */
  message: string;
  /** Images that go with it. */
  images?: ImageContentInput[];
  /** Only if this turn is in progress, else the message is not taken. Without it the message waits in any case. Not in Pi. */
  expectedTurnId?: number;
};

/** Answer to a message for the queue. Over JSONL nothing of it is sent (Pi sends no data). */
export type Queued = {
  /** Whether it waits now. If not, the turn it was meant for is over and nothing was done with it. */
  accepted: boolean;
  /** Its item. */
  itemId?: number;
  /** The turn in progress; absent when there is none. */
  turnId?: number;
};

/** Documents whose files others have changed. */
export type ReloadDocumentsParams = {
  /** As the client spells them. */
  uris: string[];
};

/** What came of it. That a document was reloaded is told by its `didChange`, or by `didClose` and `didOpen`. */
export type ReloadedDocuments = {
  /** Those that were not reloaded. */
  failed?: NotReloaded[];
};

/** A name for a session. */
export type RenameSessionParams = {
  /** Its id. */
  sessionId: string;
  /** Trimmed; must not be empty. */
  name: string;
};

/** In what order messages wait. */
export type ReorderQueueParams = {
  /** These first, in this order, among those of their kind. Ids of messages that have gone are ignored. */
  ids: number[];
};

/** A question for the user of a client (`pi/requestPermission`). */
export type RequestPermissionParams = {
  /** The session that asks. */
  sessionId: string;
  /** The question. */
  request: PermissionRequest;
};

/** What to take back. */
export type RevertEditsParams = {
  /** Those with these ids. */
  hunks?: string[];
  /** Those of this file: absolute path or `file:` URI. */
  uri?: string;
  /** Those of this tool call. */
  toolCallId?: string;
  /** Those of this turn of the session. */
  turn?: number;
  /** Those that came from this prompt; the id is that of its entry. */
  promptId?: string;
  /** Those of this session or of the whole folder. */
  scope?: EditsScope;
  /** Everything since this prompt, the prompt's own edits included; the id is that of its entry. */
  to?: string;
  /** With `to`: also go on in a new session that ends before the prompt. Files go back first. */
  fork?: boolean;
  /** Only say what it would come to. */
  preview?: boolean;
};

/** What becomes of the edits the agent makes. What it may do at all is the [`PermissionMode`]. */
export type ReviewMode = "apply" | "ask" | "plan";

/** What commands may write. */
export type SandboxMode = "workspace-write" | "read-only";

/** The sandbox in force. */
export type SandboxState = {
  /** What commands may write. */
  mode: SandboxMode;
  /** Whether they may open TCP connections and ports. */
  network: boolean;
};

/** Documents to save. */
export type SaveDocumentsParams = {
  /** As the client spells them. */
  uris: string[];
};

/** What came of it. That a document was saved is told by its `didSave`. */
export type SavedDocuments = {
  /** Those that were not saved. */
  failed?: NotSaved[];
};

/** What to look for. */
export type SearchSessionsParams = {
  /** Text that user or model wrote, in any case of letters. */
  query: string;
  /** Absolute path of the folder; absent = the one of the connection. */
  folder?: string;
};

/** Entries of the session. */
export type SessionEntries = {
  /** In file order. */
  entries: Entry[];
  /** The entry the next one follows; `null` when it will be a root. */
  leafId: string | null;
};

/** What a session of a list is doing. */
export type SessionLife = "stored" | "idle" | "running";

/** Sessions. */
export type SessionList = {
  /** Last used first. */
  sessions: SessionSummary[];
};

/** A session in which the text was found. */
export type SessionMatch = {
  /** The session. */
  session: SessionSummary;
  /** The first entry with the text. */
  entryId: string;
  /** The line with the text, cut around it. */
  line: string;
  /** Messages with the text. */
  matches: number;
};

/** What was found. */
export type SessionMatches = {
  /** One for each session, last used first. */
  found: SessionMatch[];
  /** There are more. */
  more: boolean;
};

/** Which session. */
export type SessionParams = {
  /** Its id. */
  sessionId: string;
};

/** A session at one moment. */
export type SessionSnapshot = {
  /** Its state. */
  state: SessionState;
  /** Messages in the context, oldest first. */
  messages: AgentMessage[];
  /** Messages that wait. */
  queue: QueueItem[];
};

/** State of a session. */
export type SessionState = {
  /** The model, if there is one. */
  model?: Model;
  /** How hard it thinks. */
  thinkingLevel: ThinkingLevel;
  /** A run is in progress (until settled). */
  isStreaming: boolean;
  /** A compaction is in progress. */
  isCompacting: boolean;
  /** How steering messages are delivered. */
  steeringMode: QueueMode;
  /** How follow-ups are delivered. */
  followUpMode: QueueMode;
  /** The session file; absent in memory. */
  sessionFile?: string;
  /** The session id. */
  sessionId: string;
  /** Its name. */
  sessionName?: string;
  /** Whether it is compacted by itself. */
  autoCompactionEnabled: boolean;
  /** Whether failed model calls are repeated. */
  autoRetryEnabled: boolean;
  /** Messages in the context. */
  messageCount: number;
  /** Messages that wait in the queues. */
  pendingMessageCount: number;
  /** What the agent may do without asking. Not in Pi. */
  permissionMode: PermissionMode;
  /** What becomes of the edits the agent makes. Not in Pi. */
  reviewMode: ReviewMode;
  /** Tools that wait for permission, oldest first. Not in Pi. */
  pendingPermissions?: PermissionRequest[];
  /** Other questions that are open, oldest first. Not in Pi. */
  pendingQuestions?: ExtensionUiRequest[];
  /** What confines the model's shell commands; absent when nothing does. Not in Pi. */
  sandbox?: SandboxState;
};

/** Counts, tokens and cost of a session. */
export type SessionStats = {
  /** The session file; absent in memory. */
  sessionFile?: string;
  /** The session id. */
  sessionId: string;
  /** User messages. */
  userMessages: number;
  /** Assistant messages. */
  assistantMessages: number;
  /** Tool calls. */
  toolCalls: number;
  /** Tool results. */
  toolResults: number;
  /** All messages. */
  totalMessages: number;
  /** Sums. */
  tokens: TokenStats;
  /** US dollars. */
  cost: number;
  /** How full the context is; absent without a model or a known limit. */
  contextUsage?: ContextUsage;
};

/** A session in a list. */
export type SessionSummary = {
  /** Its id. */
  sessionId: string;
  /** What it is doing. */
  life: SessionLife;
  /** Its working directory. */
  folder: string;
  /** Its file; absent for a session in memory. */
  file?: string;
  /** The name the user gave it. */
  name?: string;
  /** Beginning of the user's first message; empty when there is none. */
  firstMessage: string;
  /** When it began, ISO 8601. */
  created: string;
  /** Unix milliseconds of the last message. */
  modified: number;
  /** Messages of all kinds. */
  messageCount: number;
  /** File of the session it came from. */
  parentSession?: string;
};

/** An entry and what follows it. */
export type SessionTreeNode = {
  /** The entry. */
  entry: Entry;
  /** What follows it, oldest first. */
  children: SessionTreeNode[];
  /** Its bookmark. */
  label?: string;
  /** When the bookmark was set, ISO 8601. */
  labelTimestamp?: string;
};

/** The entries of the session as a tree. */
export type SessionTreeResult = {
  /** The roots. Raw, because a tree as deep as a session is long must not be walked by recursion. */
  tree: SessionTreeNode[];
  /** The entry the next one follows; `null` when it will be a root. */
  leafId: string | null;
};

/** Which model. */
export type SetModelParams = {
  /** Provider name. */
  provider: string;
  /** Model id. */
  modelId: string;
};

/** Which events this connection gets. */
export type SetOutputModeParams = {
  /** Full or compact. */
  mode: OutputMode;
};

/** What the agent may do without asking. */
export type SetPermissionModeParams = {
  /** The mode, until the session ends. */
  mode: PermissionMode;
};

/** How a queue is emptied. */
export type SetQueueModeParams = {
  /** All at once or one per turn. */
  mode: QueueMode;
};

/** What becomes of the edits the agent makes. */
export type SetReviewModeParams = {
  /** The mode, until the session ends. */
  mode: ReviewMode;
};

/** The session's name. */
export type SetSessionNameParams = {
  /** Trimmed; must not be empty. */
  name: string;
};

/** How hard to think. */
export type SetThinkingLevelParams = {
  /** Clamped to what the model offers. */
  level: ThinkingLevel;
};

/** Which call. */
export type SkipToolParams = {
  /** Id of the call, as `tool_execution_start` tells it. */
  toolCallId: string;
};

/** A word that expands to a longer text when a message begins with it. Has the fields of all of Pi's versions. */
export type SlashCommand = {
  /** What follows the slash: `review`, `skill:review`. */
  name: string;
  /** What it is for. */
  description?: string;
  /** What kind it is. */
  source: CommandSource;
  /** Its file, absolute. */
  path: string;
  /** Whose it is, in the words of Pi 0.50. */
  location: CommandLocation;
  /** Where it comes from, in the words of Pi 0.62 and later. */
  sourceInfo: SourceInfo;
};

/** Where a resource comes from. */
export type SourceInfo = {
  /** Its file, absolute. */
  path: string;
  /** How it was found: `auto` in a usual directory, `local` by the settings, `cli` by a flag. */
  source: string;
  /** Whom it is for. */
  scope: SourceScope;
  /** Whether it came alone or in a package. */
  origin: SourceOrigin;
  /** Directory its kind belongs to; absent for single files. */
  baseDir?: string;
};

/** Whether a resource came alone or in a package. */
export type SourceOrigin = "top-level" | "package";

/** Whom a resource is for. */
export type SourceScope = "user" | "project" | "temporary";

/** Why an answer ended. */
export type StopReason = "stop" | "length" | "toolUse" | "error" | "aborted" | "pending" | "deferred";

/** What to do with a prompt while a run is in progress. */
export type StreamingBehavior = "steer" | "followUp";

/** What a summary is of. */
export type SummarizationSource = "compaction" | "branchSummary";

/** Open another session. */
export type SwitchSessionParams = {
  /** Its file. */
  sessionPath: string;
};

/** Text; `text_signature` is opaque provider data that must survive replay. */
export type TextContent = {
  /** The text. */
  text: string;
  /** Opaque provider data (item id, thought signature). */
  textSignature?: string;
};

/** A position as LSP has it: 0-based line, code units of the negotiated encoding. */
export type TextPosition = {
  /** 0-based. */
  line: number;
  /** 0-based. */
  character: number;
};

/** A range as LSP has it: 0-based, end exclusive. */
export type TextRange = {
  /** Start. */
  start: TextPosition;
  /** End, exclusive. */
  end: TextPosition;
};

/** Reasoning; `thinking_signature` is opaque provider data that must survive replay. */
export type ThinkingContent = {
  /** The reasoning text. */
  thinking: string;
  /** Opaque provider data; for chat completions the name of the delta field. */
  thinkingSignature?: string;
  /** True when the provider withheld the text; the payload is in the signature. */
  redacted?: boolean;
};

/** How hard a model thinks. */
export type ThinkingLevel = "off" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max";

/** Levels the model offers. */
export type ThinkingLevels = {
  /** Least first; `["off"]` for a model that cannot think. */
  levels: ThinkingLevel[];
};

/** Sums of tokens. */
export type TokenStats = {
  /** Prompt, without cached. */
  input: number;
  /** Answers. */
  output: number;
  /** Read from cache. */
  cacheRead: number;
  /** Written to cache. */
  cacheWrite: number;
  /** Sum of the four. */
  total: number;
};

/** A tool call with its arguments as an object, keys in the model's order. */
export type ToolCall = {
  /** The provider's id of the call. */
  id: string;
  /** Name of the tool. */
  name: string;
  /** Arguments as the model gave them (before coercion). */
  arguments: Record<string, unknown>;
  /** Opaque provider data. */
  thoughtSignature?: string;
};

/** A tool call with its `type`, as inside `message.content`. */
export type ToolCallTagged = ToolCall & {
  type: "toolCall";
};

/** What a tool returns, and its partial results (spec: messages.md §6). */
export type ToolResult = {
  /** Text and images for the model. */
  content: Content[];
  /** Machine-readable extras. */
  details?: unknown;
};

/** The outcome of one tool call as the model sees it. */
export type ToolResultMessage = {
  /** Id of the call this answers. */
  toolCallId: string;
  /** Name of the tool. */
  toolName: string;
  /** Text and images. */
  content: Content[];
  /** Machine-readable extras; never sent to the model. */
  details?: unknown;
  /** Whether the tool failed. */
  isError: boolean;
  /** Unix time in milliseconds. */
  timestamp: number;
};

/** A tool result inside `turn_end`, with its role like any message. */
export type ToolResultTagged = ToolResultMessage & {
  role: "toolResult";
};

/** `pi/ui`: something for the user of an editor. */
export type UiParams = {
  /** The session that asks or tells. */
  sessionId: string;
  /** What. */
  request: ExtensionUiRequest;
};

/** Tokens of one answer. `input` excludes cached tokens. */
export type Usage = {
  /** Prompt tokens that were not cached. */
  input: number;
  /** Generated tokens. */
  output: number;
  /** Prompt tokens read from the cache. */
  cacheRead: number;
  /** Prompt tokens written to the cache. */
  cacheWrite: number;
  /** Sum as the provider counts it. */
  totalTokens: number;
  /** US dollars. */
  cost: Cost;
  /** Subset of `cacheWrite` kept for an hour (0.87). */
  cacheWrite1h?: number;
  /** Subset of `output` spent on reasoning (0.87). */
  reasoning?: number;
};

/** A user message. Pi itself always produces blocks. */
export type UserMessage = {
  /** Text and images. */
  content: MessageContent;
  /** Unix time in milliseconds. */
  timestamp: number;
};

/** Where a widget is. */
export type WidgetPlacement = "aboveEditor" | "belowEditor";

/** Every request: its parameters and its result, by LSP name. */
export interface Methods {
  /** Give the agent a task. Answered when it is accepted; progress arrives as events. */
  "pi/prompt": { jsonl: "prompt"; params: PromptParams; result: PromptAccepted };
  /** Add a user message to the run in progress, after the tool in progress. */
  "pi/steer": { jsonl: "steer"; params: QueueParams; result: Queued };
  /** Queue a user message for when the agent is done. */
  "pi/followUp": { jsonl: "follow_up"; params: QueueParams; result: Queued };
  /** Stop the run. Answered when it has stopped; queued messages stay queued. */
  "pi/abort": { jsonl: "abort"; params: NoParams; result: Empty };
  /** Remove all queued messages and return their texts. */
  "pi/clearQueue": { jsonl: "clear_queue"; params: NoParams; result: ClearedQueue };
  /** Messages that wait. */
  "pi/queue/list": { jsonl: null; params: NoParams; result: QueueItems };
  /** Change a message that waits. */
  "pi/queue/edit": { jsonl: null; params: EditQueuedParams; result: QueueItems };
  /** Remove a message that waits. */
  "pi/queue/delete": { jsonl: null; params: QueueItemParams; result: QueueItems };
  /** Change the order in which messages wait. */
  "pi/queue/reorder": { jsonl: null; params: ReorderQueueParams; result: QueueItems };
  /** Deliver a message that waits: as a prompt when nothing runs, else as the next to steer. Also one that is held. */
  "pi/queue/send": { jsonl: null; params: QueueItemParams; result: PromptAccepted };
  /** State of the session. */
  "pi/getState": { jsonl: "get_state"; params: NoParams; result: SessionState };
  /** Messages in the model's context. */
  "pi/getMessages": { jsonl: "get_messages"; params: NoParams; result: Messages };
  /** Choose the model. */
  "pi/setModel": { jsonl: "set_model"; params: SetModelParams; result: Model };
  /** Go to the next model: of those the flags or settings name, else of all available ones; `null` when there is nothing to choose. */
  "pi/cycleModel": { jsonl: "cycle_model"; params: NoParams; result: CycledModel | null };
  /** Models with configured authentication. */
  "pi/getAvailableModels": { jsonl: "get_available_models"; params: NoParams; result: AvailableModels };
  /** Choose how hard the model thinks. */
  "pi/setThinkingLevel": { jsonl: "set_thinking_level"; params: SetThinkingLevelParams; result: Empty };
  /** Go to the next level the model offers; `null` when it cannot think. */
  "pi/cycleThinkingLevel": { jsonl: "cycle_thinking_level"; params: NoParams; result: LevelResult | null };
  /** Levels the model offers. */
  "pi/getAvailableThinkingLevels": { jsonl: "get_available_thinking_levels"; params: NoParams; result: ThinkingLevels };
  /** How steering messages are delivered. */
  "pi/setSteeringMode": { jsonl: "set_steering_mode"; params: SetQueueModeParams; result: Empty };
  /** How follow-ups are delivered. */
  "pi/setFollowUpMode": { jsonl: "set_follow_up_mode"; params: SetQueueModeParams; result: Empty };
  /** Whether failed model calls are repeated. */
  "pi/setAutoRetry": { jsonl: "set_auto_retry"; params: EnabledParams; result: Empty };
  /** Stop waiting for the next retry. */
  "pi/abortRetry": { jsonl: "abort_retry"; params: NoParams; result: Empty };
  /** Repeat a failed model call now: do not wait for it, or do it once more after the last try. Not in Pi. */
  "pi/retryNow": { jsonl: "retry_now"; params: NoParams; result: Empty };
  /** End one tool call that is in progress. The model reads that the user skipped it, and goes on. Not in Pi. */
  "pi/skipTool": { jsonl: "skip_tool"; params: SkipToolParams; result: Empty };
  /** Whether the context is compacted by itself. */
  "pi/setAutoCompaction": { jsonl: "set_auto_compaction"; params: EnabledParams; result: Empty };
  /** Summarise older turns to make room in the context; stops the run first. Answered when it is done. */
  "pi/compact": { jsonl: "compact"; params: CompactParams; result: CompactionResult };
  /** Run a shell command for the user; its output becomes context for the next prompt. */
  "pi/bash": { jsonl: "bash"; params: BashParams; result: BashResult };
  /** Stop the user's shell commands. */
  "pi/abortBash": { jsonl: "abort_bash"; params: NoParams; result: Empty };
  /** Start a new session on this connection. */
  "pi/newSession": { jsonl: "new_session"; params: NewSessionParams; result: Cancelled };
  /** Open another session on this connection. */
  "pi/switchSession": { jsonl: "switch_session"; params: SwitchSessionParams; result: Cancelled };
  /** Start a new session on this connection with everything before a user message; its text comes back. */
  "pi/fork": { jsonl: "fork"; params: ForkParams; result: ForkResult };
  /** Start a new session on this connection with everything up to now. */
  "pi/clone": { jsonl: "clone"; params: NoParams; result: Cancelled };
  /** Sessions of a folder, alive and stored. */
  "pi/session/list": { jsonl: null; params: ListSessionsParams; result: SessionList };
  /** Sessions of a folder in which somebody wrote a text. */
  "pi/session/search": { jsonl: null; params: SearchSessionsParams; result: SessionMatches };
  /** Name a session, alive or stored. */
  "pi/session/rename": { jsonl: null; params: RenameSessionParams; result: Empty };
  /** Move a session's file to the trash folder beside it. A session that runs is not deleted. */
  "pi/session/delete": { jsonl: null; params: SessionParams; result: DeletedSession };
  /** Start a session beside the others of this connection, empty or as a copy; requests then name it with `sessionId`. */
  "pi/session/add": { jsonl: null; params: AddSessionParams; result: AddedSession };
  /** Make a session with a scripted model, and a file for it to edit. The client shows the file, comes to the session and sends the prompt. */
  "pi/demo": { jsonl: null; params: DemoParams; result: Demo };
  /** Get the events of a session, alive or stored, and first what was missed of them. */
  "pi/session/attach": { jsonl: null; params: AttachParams; result: Attached };
  /** Stop a session and let go of it; its file stays. */
  "pi/session/close": { jsonl: null; params: SessionParams; result: Empty };
  /** Ask a provider whether it takes the key that is set up for it, by a request that costs nothing. */
  "pi/checkKey": { jsonl: null; params: CheckKeyParams; result: CheckedKey };
  /** Gauges of the process and of the connection. */
  "pi/diagnostics": { jsonl: null; params: NoParams; result: Diagnostics };
  /** User messages of all branches, to fork at. */
  "pi/getForkMessages": { jsonl: "get_fork_messages"; params: NoParams; result: ForkMessages };
  /** Entries of the session in file order: all branches, or those after one entry. */
  "pi/getEntries": { jsonl: "get_entries"; params: GetEntriesParams; result: SessionEntries };
  /** Entries of the session as a tree. It is as deep as the session is long; `get_entries` is flat. */
  "pi/getTree": { jsonl: "get_tree"; params: NoParams; result: SessionTreeResult };
  /** Go on from another entry of the session; from before it, if it is a user's message. */
  "pi/navigateTree": { jsonl: "navigate_tree"; params: NavigateTreeParams; result: Navigated };
  /** Counts, tokens and cost. */
  "pi/getSessionStats": { jsonl: "get_session_stats"; params: NoParams; result: SessionStats };
  /** Text of the last answer. */
  "pi/getLastAssistantText": { jsonl: "get_last_assistant_text"; params: NoParams; result: LastAssistantText };
  /** Name the session. */
  "pi/setSessionName": { jsonl: "set_session_name"; params: SetSessionNameParams; result: Empty };
  /** What a message can begin with: prompt templates and skills. */
  "pi/getCommands": { jsonl: "get_commands"; params: NoParams; result: Commands };
  /** What a message that is being typed can go on with: files and definitions behind `@`, templates and skills behind `/`. */
  "pi/complete": { jsonl: null; params: CompleteParams; result: Completions };
  /** Write the session as one HTML page: to `outputPath`, else into the session's folder, named like its file. */
  "pi/exportHtml": { jsonl: "export_html"; params: ExportHtmlParams; result: ExportedHtml };
  /** Answer a tool that waits for permission. The first answer counts. */
  "pi/answerPermission": { jsonl: "answer_permission"; params: AnswerPermissionParams; result: Empty };
  /** Choose what the agent may do without asking. Questions that are open stay open. */
  "pi/setPermissionMode": { jsonl: "set_permission_mode"; params: SetPermissionModeParams; result: Empty };
  /** Choose what becomes of the edits the agent makes. Questions that are open stay open. */
  "pi/setReviewMode": { jsonl: "set_review_mode"; params: SetReviewModeParams; result: Empty };
  /** What Pi changed in files, hunk by hunk. From then on the connection gets `edits_changed`. */
  "pi/edits/list": { jsonl: "get_edits"; params: GetEditsParams; result: Edits };
  /** Differences by hunk, file, call, turn, prompt or session; of a session, a call, a turn or a prompt as they were made. */
  "pi/edits/diff": { jsonl: "edits_diff"; params: EditsParams; result: EditsDiff };
  /** Keep hunks: they no longer wait. */
  "pi/edits/accept": { jsonl: "edits_accept"; params: EditsParams; result: EditsDecided };
  /** Take waiting hunks out again; the model is told. What the user has changed since stays and is named. */
  "pi/edits/reject": { jsonl: "edits_reject"; params: EditsParams; result: EditsDecided };
  /** Take hunks out, kept ones as well, going back change by change; or everything since a prompt. */
  "pi/edits/revert": { jsonl: "edits_revert"; params: RevertEditsParams; result: EditsDecided };
  /** Put back what was rejected or reverted, and let what was kept wait again. */
  "pi/edits/redo": { jsonl: "edits_redo"; params: EditsParams; result: EditsDecided };
  /** Choose whether updates carry the whole message or only what was added. */
  "pi/setOutputMode": { jsonl: "set_output_mode"; params: SetOutputModeParams; result: Empty };
}

/** Every request of the server to its client. */
export interface ClientMethods {
  /** Ask the user whether a tool may run; `null` or an error leaves the question open. */
  "pi/requestPermission": { params: RequestPermissionParams; result: PermissionAnswer | null };
  /** Ask the user something, or show it; `null` or an error is no answer. What asks nothing is answered at once. */
  "pi/ui": { params: UiParams; result: ExtensionUiAnswer | null };
  /** Save documents before a command runs. */
  "pi/saveDocuments": { params: SaveDocumentsParams; result: SavedDocuments };
  /** Show what the files of documents have become, where nothing is unsaved. */
  "pi/reloadDocuments": { params: ReloadDocumentsParams; result: ReloadedDocuments };
  /** What the user looks at. */
  "pi/editor/state": { params: NoParams; result: EditorState };
  /** Problems as the editor shows them, of one document or of all. */
  "pi/editor/diagnostics": { params: EditorDiagnosticsParams; result: EditorDiagnostics };
  /** Where the name at a place is defined. */
  "pi/editor/definition": { params: EditorPlace; result: EditorLocations };
  /** Where the name at a place is used, its definition included. */
  "pi/editor/references": { params: EditorPlace; result: EditorLocations };
  /** The outline of a document, or symbols of the project by name. */
  "pi/editor/symbols": { params: EditorSymbolsParams; result: EditorSymbols };
}

/** A line a JSONL client sends: the parameters beside `type` and an `id` of the client's choice. */
export type JsonlCommand = {
  [M in keyof Methods]: Methods[M]["jsonl"] extends string
    ? { id?: unknown; type: Methods[M]["jsonl"] } & Methods[M]["params"]
    : never;
}[keyof Methods];

/** The answer to a line, over JSONL. */
export type JsonlResponse =
  | { id?: unknown; type: "response"; command: string; success: true; data?: unknown }
  | { id?: unknown; type: "response"; command?: string; success: false; error: string };

/** A line a JSONL client receives. */
export type JsonlRecord = JsonlResponse | AgentEvent;
