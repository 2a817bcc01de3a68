---@meta
-- Generated from protocol/src by `UPDATE=1 cargo test -p pi-protocol --test generated`: do not edit.

---The document with the cursor.
---@class pi.ActiveDocument
---@field uri string Its URI.
---@field selection pi.TextRange What is selected; empty at the cursor when nothing is.

---What a session is doing.
---@class pi.Activity
---@field state pi.ActivityState In one word.
---@field since integer Unix milliseconds at which it began.
---@field tool? string The tool that runs, if there is exactly one.
---@field detail? string What a person wants to know besides: the model waited for, the command, the file, the reason.
---@field text? string The run strip: all of it in one line without the time it lasts; absent when nothing happens by itself.
---@field later? pi.Later What that line becomes if nothing happens.

---`pi/activity`: a session does something else now.
---@class pi.ActivityParams
---@field sessionId string Which one.
---@field activity pi.Activity What it does.

---The states of a session. What only a client can know (that the server starts, or has ended) is not here.
---@alias pi.ActivityState
---| "idle" # Nothing happens by itself.
---| "waiting" # The request is with the model.
---| "thinking" # The model reasons.
---| "answering" # The model writes its answer.
---| "tool" # Tools run.
---| "asking" # A question waits for the user.
---| "retrying" # A failed model call will be repeated.
---| "compacting" # Older turns are being summarised.
---| "stopping" # A stop was asked for and is not through yet.
---| "stopped" # The last run was stopped by the user.
---| "failed" # The last run failed.

---A session beside the others.
---@class pi.AddSessionParams
---@field folder? string Absolute path of the folder it works in; absent = the open folder the user was in last.
---@field copyOf? string Id of a stored session: the new one begins with everything that was said in it, and works where it does. Another process may have it open.

---A session that is alive now.
---@class pi.AddedSession
---@field sessionId string Its id.

---A low-level run began (also each retry and continuation).
---@class pi.AgentEvent.agent_start
---@field type "agent_start"

---A low-level run ended; more may follow by itself if `willRetry`.
---@class pi.AgentEvent.agent_end
---@field type "agent_end"
---@field messages pi.AgentMessage[] Messages of this run, prompts included.
---@field willRetry boolean Whether a retry follows.

---Nothing further happens by itself; exactly one per accepted prompt that ran.
---@class pi.AgentEvent.agent_settled
---@field type "agent_settled"

---One assistant response and its tool results begin.
---@class pi.AgentEvent.turn_start
---@field type "turn_start"

---One assistant response and its tool results are over.
---@class pi.AgentEvent.turn_end
---@field type "turn_end"
---@field message pi.AgentMessage The assistant message.
---@field toolResults pi.ToolResultTagged[] The results of its tool calls, in call order.

---A message began.
---@class pi.AgentEvent.message_start
---@field type "message_start"
---@field message pi.AgentMessage For an assistant: as far as it has come.

---The assistant's message grew.
---@class pi.AgentEvent.message_update
---@field type "message_update"
---@field usage pi.Usage Tokens so far.
---@field assistantMessageEvent pi.AssistantMessageEvent What was added.

---A message is complete.
---@class pi.AgentEvent.message_end
---@field type "message_end"
---@field message pi.AgentMessage The message.

---A tool starts.
---@class pi.AgentEvent.tool_execution_start
---@field type "tool_execution_start"
---@field toolCallId string Id of the call.
---@field toolName string Name of the tool.
---@field args table Arguments as the model gave them.

---A tool has something to show; replaces what was shown before.
---@class pi.AgentEvent.tool_execution_update
---@field type "tool_execution_update"
---@field toolCallId string Id of the call.
---@field toolName string Name of the tool.
---@field args table Arguments as the model gave them.
---@field partialResult pi.ToolResult The result so far.

---A tool is over.
---@class pi.AgentEvent.tool_execution_end
---@field type "tool_execution_end"
---@field toolCallId string Id of the call.
---@field toolName string Name of the tool.
---@field result pi.ToolResult The result.
---@field isError boolean Whether it failed.

---Queued messages changed; complete lists (0.73).
---@class pi.AgentEvent.queue_update
---@field type "queue_update"
---@field steering string[] Texts that will steer.
---@field followUp string[] Texts that follow.
---@field items? pi.QueueItem[] The same messages with their ids. Not in Pi.
---@field delivered? integer[] Ids of those that are delivered now, and whose `message_start` follows. Not in Pi.

---A failed model call will be repeated.
---@class pi.AgentEvent.auto_retry_start
---@field type "auto_retry_start"
---@field attempt integer 1-based.
---@field maxAttempts integer Upper bound.
---@field delayMs integer Pause in milliseconds.
---@field errorMessage string Why.

---Retrying is over.
---@class pi.AgentEvent.auto_retry_end
---@field type "auto_retry_end"
---@field success boolean Whether a call succeeded.
---@field attempt integer The last attempt.
---@field finalError? string Why it was given up.

---A compaction begins (0.73 name; older clients get `auto_compaction_start` as well).
---@class pi.AgentEvent.compaction_start
---@field type "compaction_start"
---@field reason pi.CompactionReason Why.

---A compaction is over.
---@class pi.AgentEvent.compaction_end
---@field type "compaction_end"
---@field reason pi.CompactionReason Why it was done.
---@field result? pi.CompactionResult Absent when it failed.
---@field aborted boolean Stopped by the user.
---@field willRetry boolean Whether the run continues.
---@field errorMessage? string Why it failed.

---An automatic compaction begins (0.50 name).
---@class pi.AgentEvent.auto_compaction_start
---@field type "auto_compaction_start"
---@field reason pi.CompactionReason Why.

---An automatic compaction is over (0.50 name).
---@class pi.AgentEvent.auto_compaction_end
---@field type "auto_compaction_end"
---@field result? pi.CompactionResult Absent when it failed.
---@field aborted boolean Stopped by the user.
---@field willRetry boolean Whether the run continues.
---@field errorMessage? string Why it failed.

---A failed call for a summary will be repeated (0.81).
---@class pi.AgentEvent.summarization_retry_scheduled
---@field type "summarization_retry_scheduled"
---@field attempt integer 1-based.
---@field maxAttempts integer Upper bound.
---@field delayMs integer Pause in milliseconds.
---@field errorMessage string Why.

---It is being repeated (0.81).
---@class pi.AgentEvent.summarization_retry_attempt_start
---@field type "summarization_retry_attempt_start"
---@field source pi.SummarizationSource What is summarised.
---@field reason? pi.CompactionReason Why, for a compaction.

---Repeating it is over, whatever came of it (0.81).
---@class pi.AgentEvent.summarization_retry_finished
---@field type "summarization_retry_finished"

---The session was named (0.73).
---@class pi.AgentEvent.session_info_changed
---@field type "session_info_changed"
---@field name? string The name; absent when cleared.

---The thinking level changed (0.73).
---@class pi.AgentEvent.thinking_level_changed
---@field type "thinking_level_changed"
---@field level pi.ThinkingLevel The new level.

---The user's shell command has output (0.82).
---@class pi.AgentEvent.bash_execution_update
---@field type "bash_execution_update"
---@field id? any Id of the `bash` request.
---@field delta string New output.

---A question for the user, or something to show. Questions are answered with `extension_ui_response`.
---@class pi.AgentEvent.extension_ui_request: pi.ExtensionUiRequest
---@field type "extension_ui_request"

---A question of an extension is closed: answered by one of the clients, timed out or given up. Not in Pi.
---@class pi.AgentEvent.extension_ui_resolved
---@field type "extension_ui_resolved"
---@field id string Id of the question.

---A tool waits for permission. Clients that do not know this event get the same question, with the same id, as `extension_ui_request`. Not in Pi.
---@class pi.AgentEvent.permission_request: pi.PermissionRequest
---@field type "permission_request"

---A tool waits no longer. Not in Pi.
---@class pi.AgentEvent.permission_resolved
---@field type "permission_resolved"
---@field id string Id of the question.
---@field toolCallId string The call.
---@field decision pi.PermissionDecision How it ended.
---@field choice? pi.PermissionChoice The answer, if one was given.
---@field rules? string[] The rules it stored.
---@field message? string What the model is told.

---The permission mode was changed. Not in Pi.
---@class pi.AgentEvent.permission_mode_changed
---@field type "permission_mode_changed"
---@field mode pi.PermissionMode The new mode.

---The review mode was changed. Not in Pi.
---@class pi.AgentEvent.review_mode_changed
---@field type "review_mode_changed"
---@field mode pi.ReviewMode The new mode.

---An extension failed.
---@class pi.AgentEvent.extension_error
---@field type "extension_error"
---@field extensionPath string File, or `<runtime>`, or `command:<name>`.
---@field event string What it was doing.
---@field error string What went wrong.

---Hunks are new or were decided about. Sent from the first `get_edits` of a connection on. Not in Pi.
---@class pi.AgentEvent.edits_changed
---@field type "edits_changed"
---@field uris string[] Files whose hunks changed; list them again.

---Something a person should know that belongs to no message: a session file that cannot be written, a settings file that cannot be read. Not in Pi; its clients pass unknown events through.
---@class pi.AgentEvent.notice
---@field type "notice"
---@field level pi.NoticeLevel How bad.
---@field message string What happened and what to do.

---Something that happened in a session; the JSON is the record Pi's clients read. `message_update` carries the delta only. A transport in full mode adds `message` and `partial` from its own copy of the growing message (rpc.md §14.1).
---@alias pi.AgentEvent
---| pi.AgentEvent.agent_start # A low-level run began (also each retry and continuation).
---| pi.AgentEvent.agent_end # A low-level run ended; more may follow by itself if `willRetry`.
---| pi.AgentEvent.agent_settled # Nothing further happens by itself; exactly one per accepted prompt that ran.
---| pi.AgentEvent.turn_start # One assistant response and its tool results begin.
---| pi.AgentEvent.turn_end # One assistant response and its tool results are over.
---| pi.AgentEvent.message_start # A message began.
---| pi.AgentEvent.message_update # The assistant's message grew.
---| pi.AgentEvent.message_end # A message is complete.
---| pi.AgentEvent.tool_execution_start # A tool starts.
---| pi.AgentEvent.tool_execution_update # A tool has something to show; replaces what was shown before.
---| pi.AgentEvent.tool_execution_end # A tool is over.
---| pi.AgentEvent.queue_update # Queued messages changed; complete lists (0.73).
---| pi.AgentEvent.auto_retry_start # A failed model call will be repeated.
---| pi.AgentEvent.auto_retry_end # Retrying is over.
---| pi.AgentEvent.compaction_start # A compaction begins (0.73 name; older clients get `auto_compaction_start` as well).
---| pi.AgentEvent.compaction_end # A compaction is over.
---| pi.AgentEvent.auto_compaction_start # An automatic compaction begins (0.50 name).
---| pi.AgentEvent.auto_compaction_end # An automatic compaction is over (0.50 name).
---| pi.AgentEvent.summarization_retry_scheduled # A failed call for a summary will be repeated (0.81).
---| pi.AgentEvent.summarization_retry_attempt_start # It is being repeated (0.81).
---| pi.AgentEvent.summarization_retry_finished # Repeating it is over, whatever came of it (0.81).
---| pi.AgentEvent.session_info_changed # The session was named (0.73).
---| pi.AgentEvent.thinking_level_changed # The thinking level changed (0.73).
---| pi.AgentEvent.bash_execution_update # The user's shell command has output (0.82).
---| pi.AgentEvent.extension_ui_request # A question for the user, or something to show. Questions are answered with `extension_ui_response`.
---| pi.AgentEvent.extension_ui_resolved # A question of an extension is closed: answered by one of the clients, timed out or given up. Not in Pi.
---| pi.AgentEvent.permission_request # A tool waits for permission. Clients that do not know this event get the same question, with the same id, as `extension_ui_request`. Not in Pi.
---| pi.AgentEvent.permission_resolved # A tool waits no longer. Not in Pi.
---| pi.AgentEvent.permission_mode_changed # The permission mode was changed. Not in Pi.
---| pi.AgentEvent.review_mode_changed # The review mode was changed. Not in Pi.
---| pi.AgentEvent.extension_error # An extension failed.
---| pi.AgentEvent.edits_changed # Hunks are new or were decided about. Sent from the first `get_edits` of a connection on. Not in Pi.
---| pi.AgentEvent.notice # Something a person should know that belongs to no message: a session file that cannot be written, a settings file that cannot be read. Not in Pi; its clients pass unknown events through.

---What the user said.
---@class pi.AgentMessage.user: pi.UserMessage
---@field role "user"

---What the model answered.
---@class pi.AgentMessage.assistant: pi.AssistantMessage
---@field role "assistant"

---The outcome of one tool call.
---@class pi.AgentMessage.toolResult: pi.ToolResultMessage
---@field role "toolResult"

---A shell command the user ran.
---@class pi.AgentMessage.bashExecution: pi.BashExecutionMessage
---@field role "bashExecution"

---A message of an extension.
---@class pi.AgentMessage.custom: pi.CustomMessage
---@field role "custom"

---Summary of a branch that was left.
---@class pi.AgentMessage.branchSummary: pi.BranchSummaryMessage
---@field role "branchSummary"

---Summary of what was compacted away.
---@class pi.AgentMessage.compactionSummary: pi.CompactionSummaryMessage
---@field role "compactionSummary"

---One message. The tag is `role`; roles this version does not know are kept as raw JSON.
---@alias pi.AgentMessage
---| pi.AgentMessage.user # What the user said.
---| pi.AgentMessage.assistant # What the model answered.
---| pi.AgentMessage.toolResult # The outcome of one tool call.
---| pi.AgentMessage.bashExecution # A shell command the user ran.
---| pi.AgentMessage.custom # A message of an extension.
---| pi.AgentMessage.branchSummary # Summary of a branch that was left.
---| pi.AgentMessage.compactionSummary # Summary of what was compacted away.

---The answer to a tool that waits for permission.
---@class pi.AnswerPermissionParams
---@field questionId string Id of the question. Not `id`, which over JSONL is that of the request.
---@field choice pi.PermissionChoice One of its choices.
---@field message? string For `reject_message`: what the model is told.

---An answer of the model, complete or (in `message_update`) so far.
---@class pi.AssistantMessage
---@field content pi.Content[] Text, thinking and tool calls in the order they came.
---@field api string Wire dialect, for example `anthropic-messages`.
---@field provider string Provider name.
---@field model string Model id.
---@field usage pi.Usage Tokens and cost.
---@field stopReason pi.StopReason Why the answer ended.
---@field timestamp integer Unix time in milliseconds at which the request began.
---@field responseId? string The provider's id of the response (0.87).
---@field responseModel? string The model that answered, when it differs from the one asked (0.87).
---@field rawStopReason? string The provider's own word for the stop reason (0.87).
---@field errorMessage? string What went wrong, with `stopReason` `error` or `aborted`.
---@field diagnostics? any[] Opaque diagnostic items (0.87).
---@field failure? pi.Failure What went wrong in words for the user. Not in Pi and never stored: editors that get events get it.

---A text block began.
---@class pi.AssistantMessageEvent.text_start
---@field type "text_start"
---@field contentIndex integer Block.

---Text arrived.
---@class pi.AssistantMessageEvent.text_delta
---@field type "text_delta"
---@field contentIndex integer Block.
---@field delta string New text.

---A text block is complete.
---@class pi.AssistantMessageEvent.text_end
---@field type "text_end"
---@field contentIndex integer Block.
---@field content string All of it.

---A thinking block began.
---@class pi.AssistantMessageEvent.thinking_start
---@field type "thinking_start"
---@field contentIndex integer Block.

---Reasoning arrived.
---@class pi.AssistantMessageEvent.thinking_delta
---@field type "thinking_delta"
---@field contentIndex integer Block.
---@field delta string New text.

---A thinking block is complete.
---@class pi.AssistantMessageEvent.thinking_end
---@field type "thinking_end"
---@field contentIndex integer Block.
---@field content string All of it.

---A tool call began; id and name are known from the start (0.84.3).
---@class pi.AssistantMessageEvent.toolcall_start
---@field type "toolcall_start"
---@field contentIndex integer Block.
---@field id string Id of the call.
---@field toolName string Name of the tool.

---A piece of the arguments' JSON text arrived.
---@class pi.AssistantMessageEvent.toolcall_delta
---@field type "toolcall_delta"
---@field contentIndex integer Block.
---@field delta string Raw JSON fragment.

---A tool call is complete.
---@class pi.AssistantMessageEvent.toolcall_end
---@field type "toolcall_end"
---@field contentIndex integer Block.
---@field toolCall pi.ToolCallTagged The call with its final arguments.

---An increment of an assistant message; `contentIndex` is the index in `message.content`.
---@alias pi.AssistantMessageEvent
---| pi.AssistantMessageEvent.text_start # A text block began.
---| pi.AssistantMessageEvent.text_delta # Text arrived.
---| pi.AssistantMessageEvent.text_end # A text block is complete.
---| pi.AssistantMessageEvent.thinking_start # A thinking block began.
---| pi.AssistantMessageEvent.thinking_delta # Reasoning arrived.
---| pi.AssistantMessageEvent.thinking_end # A thinking block is complete.
---| pi.AssistantMessageEvent.toolcall_start # A tool call began; id and name are known from the start (0.84.3).
---| pi.AssistantMessageEvent.toolcall_delta # A piece of the arguments' JSON text arrived.
---| pi.AssistantMessageEvent.toolcall_end # A tool call is complete.

---Which session to come to, and what of it is known already.
---@class pi.AttachParams
---@field sessionId string Its id.
---@field since? integer `seq` of the last event that is known; 0 = none yet.
---@field epoch? integer The `epoch` of that event: a session that was closed and opened again counts anew.

---Where a client stands that has come to a session.
---@class pi.Attached
---@field sessionId string The session.
---@field folder string Its working directory.
---@field epoch integer Its life since it was opened, for the next time.
---@field seq integer The events after this one follow.
---@field turnId? integer The turn in progress.
---@field snapshot? pi.SessionSnapshot What all events up to `seq` led to; absent if the client knows them.

---Models with configured authentication.
---@class pi.AvailableModels
---@field models pi.Model[] In registry order.

---A shell command run by the user through the `bash` command (spec: rpc.md §8).
---@class pi.BashExecutionMessage
---@field command string The command line.
---@field output string Output, sanitised and cut.
---@field exitCode? integer Absent when cancelled or killed.
---@field cancelled boolean Stopped by `abort_bash`.
---@field truncated boolean The output was cut.
---@field fullOutputPath? string Where the whole output is, when cut.
---@field excludeFromContext? boolean Not shown to the model.
---@field timestamp integer Unix time in milliseconds.

---A shell command of the user.
---@class pi.BashParams
---@field command string The command line.
---@field excludeFromContext? boolean Keep it out of the model's context.

---Outcome of the user's shell command.
---@class pi.BashResult
---@field output string Output, sanitised and cut.
---@field exitCode? integer Absent when cancelled or killed.
---@field cancelled boolean Stopped by `abort_bash`.
---@field truncated boolean The output was cut.
---@field fullOutputPath? string Where the whole output is, when cut.

---Summary of a branch the conversation came back from.
---@class pi.BranchSummaryMessage
---@field summary string The summary.
---@field fromId string|vim.NIL Entry the branch left from, or `root`.
---@field timestamp integer Unix time in milliseconds.

---Whether an extension stopped the change of session.
---@class pi.Cancelled
---@field cancelled boolean True when nothing happened.

---Whose key is meant.
---@class pi.CheckKeyParams
---@field provider string Name of the provider: `anthropic`.

---What became of it.
---@class pi.CheckedKey
---@field refused? string That the key was refused, in words; absent if it was taken, or if that cannot be told now.

---Queued messages that were removed.
---@class pi.ClearedQueue
---@field steering string[] Texts that would have steered.
---@field followUp string[] Texts that would have followed.

---Whose a slash command is.
---@alias pi.CommandLocation
---| "user" # The user's, for all projects.
---| "project" # The project's.
---| "path" # Named on the command line.

---What kind a slash command is.
---@alias pi.CommandSource
---| "prompt" # A prompt template.
---| "skill" # A skill.

---What a message can begin with.
---@class pi.Commands
---@field commands pi.SlashCommand[] Prompt templates, then skills, each kind in order of name.

---A summary of older turns.
---@class pi.CompactParams
---@field customInstructions? string What the summary should pay attention to.

---Why a compaction runs.
---@alias pi.CompactionReason
---| "manual" # Asked for.
---| "threshold" # The context came near the limit.
---| "overflow" # The provider refused the context.

---Outcome of a compaction.
---@class pi.CompactionResult
---@field summary string The summary.
---@field firstKeptEntryId string First entry still in the context.
---@field tokensBefore integer Tokens before.
---@field estimatedTokensAfter? integer Estimate of what is left.
---@field usage? pi.Usage What the summary cost.
---@field details? any File lists.

---Summary of what was compacted away.
---@class pi.CompactionSummaryMessage
---@field summary string The summary.
---@field tokensBefore integer Tokens of the context before.
---@field timestamp integer Unix time in milliseconds.

---A message that is being typed.
---@class pi.CompleteParams
---@field text string It, up to the cursor.

---One of them.
---@class pi.Completion
---@field text string What is written in the place of the word: `@src/retry.rs`, `@src/retry.rs#retry`, `/review`.
---@field label string What it is called in a list.
---@field detail? string More about it, in one line.
---@field kind pi.CompletionKind What it is.
---@field range? pi.TextRange The lines of a symbol.

---What suggestions while typing have cost on this connection.
---@class pi.CompletionGauges
---@field requests integer Requests to the model.
---@field inputTokens integer Tokens it read, from its cache as well.
---@field outputTokens integer Tokens it wrote.
---@field cost number US dollars.

---What a completion is.
---@alias pi.CompletionKind
---| "command" # A template, a skill or a command of an extension.
---| "file" # A file of the project.
---| "symbol" # A definition in an open document.

---What its last word could become.
---@class pi.Completions
---@field word string The word before the cursor, with its `@` or `/`; empty when it is neither a mention nor a command.
---@field items pi.Completion[] What can take its place, the best first. More typing narrows it.

---Plain text.
---@class pi.Content.text: pi.TextContent
---@field type "text"

---The model's reasoning.
---@class pi.Content.thinking: pi.ThinkingContent
---@field type "thinking"

---An image, base64 encoded.
---@class pi.Content.image: pi.ImageContent
---@field type "image"

---A request of the model to run a tool.
---@class pi.Content.toolCall: pi.ToolCall
---@field type "toolCall"

---One block of a message's content.
---@alias pi.Content
---| pi.Content.text # Plain text.
---| pi.Content.thinking # The model's reasoning.
---| pi.Content.image # An image, base64 encoded.
---| pi.Content.toolCall # A request of the model to run a tool.

---How full the context is.
---@class pi.ContextUsage
---@field tokens integer|vim.NIL Tokens, `null` right after a compaction.
---@field contextWindow integer The context limit.
---@field percent number|vim.NIL 0–100.

---Cost in US dollars, unrounded.
---@class pi.Cost
---@field input number For `Usage::input`.
---@field output number For `Usage::output`.
---@field cacheRead number For `Usage::cache_read`.
---@field cacheWrite number For `Usage::cache_write`.
---@field total number Sum of the four.

---Rates that replace all others above a prompt size.
---@class pi.CostTier
---@field inputTokensAbove integer Tokens of prompt, cached ones included, above which the tier holds.
---@field input number Prompt.
---@field output number Answer.
---@field cacheRead number Cached prompt.
---@field cacheWrite number Writing the cache.

---A message of an extension.
---@class pi.CustomMessage
---@field customType string The extension's name for it.
---@field content pi.MessageContent Text and images for the model.
---@field display boolean Whether clients show it.
---@field details? any Extension data.
---@field timestamp integer Unix time in milliseconds.

---Result of cycling the model.
---@class pi.CycledModel
---@field model pi.Model The model now in force.
---@field thinkingLevel pi.ThinkingLevel How hard it thinks.
---@field isScoped boolean It was chosen among the models that flags or settings name.

---A session that was removed.
---@class pi.DeletedSession
---@field trash? string Where its file is now; absent if it had none.

---What happens with an accepted prompt.
---@alias pi.Delivery
---| "started" # A run starts.
---| "steering" # It is delivered after the tool in progress.
---| "followUp" # It is delivered when the agent is done.

---A demo that can begin: no model, no key, no network.
---@class pi.Demo
---@field sessionId string The session, in which nothing was said yet.
---@field uri string URI of the file that is edited.
---@field prompt string What the user says.

---Where a demo is played.
---@class pi.DemoParams
---@field folder? string Absolute path of the folder; absent = the open folder the user was in last.

---One problem.
---@class pi.DiagnosticContext
---@field range pi.TextRange Where.
---@field message string What.
---@field source? string Who says so.
---@field severity? integer 1 error … 4 hint, as in LSP.

---Gauges of the process and of the connection, for bug reports.
---@class pi.Diagnostics
---@field version string Version of the server.
---@field uptimeMs integer Milliseconds since it was started.
---@field memoryBytes? integer Resident memory in bytes; absent where the system does not say.
---@field sessions integer Sessions that are alive.
---@field running integer Those of them in which a run is in progress.
---@field openDocuments integer Documents that are open in the editor.
---@field dirtyDocuments integer Those of them that may differ from their files.
---@field requests integer Requests of the client that wait for their answer.
---@field clientRequests integer Requests to the client that wait for their answer.
---@field outboundBytes integer Bytes that wait to be read by the client.
---@field events integer Events that wait for the client, of all its sessions.
---@field completion? pi.CompletionGauges Absent if the model was never asked.

---Problems of one document.
---@class pi.DocumentDiagnostics
---@field uri string Its URI.
---@field items pi.DiagnosticContext[] The problems.

---Why a hunk stays as it is.
---@class pi.EditConflict
---@field hunk string The hunk.
---@field reason string Why, for people.

---How many hunks there are of each kind.
---@class pi.EditCounts
---@field pending integer Waiting for a decision, those the user has edited included.
---@field kept integer Kept.
---@field rejected integer Rejected.
---@field reverted integer Reverted.

---A change of neighbouring lines.
---@class pi.EditHunk
---@field id string Never used again for another one.
---@field uri string The file.
---@field range pi.TextRange Lines it covers now; empty where lines were only taken away.
---@field baseRange pi.TextRange Lines it covers in the text without what waits.
---@field added integer Lines it put there.
---@field removed integer Lines it took away.
---@field addedText? string The lines it put there, if asked for.
---@field removedText? string The lines it took away, if asked for.
---@field sessionId string The session.
---@field promptId? string Entry of the prompt it comes from.
---@field turn integer Turn of the session, from 1.
---@field toolCallId string The tool call.
---@field tool string The tool.
---@field timestamp integer When it was made, milliseconds since 1970.
---@field status pi.EditStatus What became of it.
---@field file? pi.EditedFileKind If it is the file itself that came or went.
---@field fromUri? string Of a renamed file: the one it was before.
---@field binary? string If the file is no text: what happened to it, in words, as `deleted (67 bytes)`. Such a hunk has no lines.

---How to change a waiting message; what is absent stays.
---@class pi.EditQueuedParams
---@field id integer Its id.
---@field text? string What it says.
---@field kind? pi.QueueKind When it is delivered; a message that changes goes to the end.
---@field images? pi.ImageContentInput[] Images that go with it.

---What became of a hunk.
---@alias pi.EditStatus
---| "pending" # In the file, waits for a decision.
---| "kept" # In the file, for good.
---| "rejected" # Taken out: the lines from before Pi's changes are there again, whatever brought them back.
---| "reverted" # Taken out by going back one change.
---| "edited" # It waits, but the user has changed its lines since: it can be kept, not rejected.
---| "superseded" # Part of a later hunk.

---The hunks of one file in numbers.
---@class pi.EditedFile
---@field uri string The file.
---@field counts pi.EditCounts Its hunks.

---What happened to the file as a whole.
---@alias pi.EditedFileKind
---| "created" # It was not there before.
---| "deleted" # It is not there any more.
---| "renamed" # It was at another path.

---Problems as the editor shows them, of all its servers and linters.
---@class pi.EditorDiagnostics
---@field documents? pi.DocumentDiagnostics[] By document; those without problems may be left out.

---Whose problems.
---@class pi.EditorDiagnosticsParams
---@field uri? string A document; absent = all the editor knows problems of.

---Where something is.
---@class pi.EditorLocation
---@field uri string The document.
---@field range pi.TextRange The place in it.

---Places, in the order of the editor.
---@class pi.EditorLocations
---@field locations? pi.EditorLocation[] All of them.

---A place in a document, which need not be open.
---@class pi.EditorPlace
---@field uri string Its URI.
---@field position pi.TextPosition Inside the name that is asked about.

---What the user looks at.
---@class pi.EditorState
---@field active? pi.ActiveDocument The document that has the cursor, or had it last; absent if there is none.
---@field visible? string[] All documents that can be seen.

---A function, type or the like.
---@class pi.EditorSymbol
---@field name string Its name.
---@field kind integer `SymbolKind` of LSP: 5 is a class, 12 a function.
---@field container? string What it is in.
---@field uri string The document.
---@field range pi.TextRange All of it.

---Symbols, flat: a method comes after its class and names it as its container.
---@class pi.EditorSymbols
---@field symbols? pi.EditorSymbol[] All of them.

---Which symbols: the outline of a document, or those of the project whose name is like `query`.
---@class pi.EditorSymbolsParams
---@field uri? string The document.
---@field query? string Part of a name; only used without `uri`.

---The hunks that were asked for.
---@class pi.Edits
---@field hunks pi.EditHunk[] By file, and in the order of their lines.
---@field files pi.EditedFile[] Their files.
---@field counts pi.EditCounts All together.

---What a decision came to; in a preview, what it would come to.
---@class pi.EditsDecided
---@field hunks string[] Ids of the hunks that changed.
---@field uris string[] Their files.
---@field conflicts pi.EditConflict[] Hunks that stay as they are, and why.
---@field notRestored? string[] Of a revert: shell commands that changed files, or may have, beside what is on record of them. That stays.
---@field text? string With `fork`: what the prompt said, to send it again.

---Differences as text.
---@class pi.EditsDiff
---@field diff string Unified diff of all files that were asked for.
---@field files pi.FileDiff[] The same by file.

---What to show or decide about. A decision needs a choice; `scope` alone is one.
---@class pi.EditsParams
---@field hunks? string[] Those with these ids.
---@field uri? string Those of this file: absolute path or `file:` URI.
---@field toolCallId? string Those of this tool call.
---@field turn? integer Those of this turn of the session.
---@field promptId? string Those that came from this prompt; the id is that of its entry.
---@field scope? pi.EditsScope Those of this session or of the whole folder.
---@field preview? boolean Only say what it would come to.

---Whose hunks.
---@alias pi.EditsScope
---| "session" # The session's.
---| "folder" # All of the folder's, also those of earlier sessions.
---| "last" # Those that the last decision took out or kept.

---Nothing to report; over JSONL the response has no `data`.
---@class pi.Empty

---On or off.
---@class pi.EnabledParams
---@field enabled boolean On or off.

---A message of the conversation.
---@class pi.Entry.message
---@field type "message"
---@field message pi.AgentMessage The message.

---The thinking level was set.
---@class pi.Entry.thinking_level_change
---@field type "thinking_level_change"
---@field thinkingLevel string The level; a word we may not know.

---The model was set.
---@class pi.Entry.model_change
---@field type "model_change"
---@field provider string Provider name.
---@field modelId string Model id.

---Everything before `firstKeptEntryId` was summarised.
---@class pi.Entry.compaction
---@field type "compaction"
---@field summary string The summary.
---@field firstKeptEntryId string First entry still in the context.
---@field tokensBefore integer Tokens before.
---@field details? any Extension data or file lists.
---@field usage? pi.Usage What the summary cost (0.87).
---@field fromHook? boolean Made by an extension.

---A branch was left and summarised.
---@class pi.Entry.branch_summary
---@field type "branch_summary"
---@field fromId string|vim.NIL Where it was left.
---@field summary string The summary.
---@field details? any Extension data or file lists.
---@field fromHook? boolean Made by an extension.

---Extension state that is not in the context.
---@class pi.Entry.custom
---@field type "custom"
---@field customType string The extension's name for it.
---@field data? any Extension data.

---An extension's message in the context.
---@class pi.Entry.custom_message
---@field type "custom_message"
---@field customType string The extension's name for it.
---@field content pi.MessageContent Text and images.
---@field display boolean Whether clients show it.
---@field details? any Extension data.

---A bookmark on another entry.
---@class pi.Entry.label
---@field type "label"
---@field targetId string The entry.
---@field label? string Its label; absent clears.

---The session's name.
---@class pi.Entry.session_info
---@field type "session_info"
---@field name? string The name; absent or empty clears.

---An entry: the tree fields and what happened. Written in Pi's key order: `type`, `id`, `parentId`, `timestamp`, then the rest; `custom` and `custom_message` have the tree fields last.
---@class pi.Entry.base
---@field id string Eight hex digits (or longer, from other writers).
---@field parentId string|vim.NIL The entry this one follows; `null` for a root.
---@field timestamp string ISO 8601, UTC, milliseconds; empty when another writer left it out.
---@alias pi.Entry
---| pi.Entry.message # A message of the conversation.
---| pi.Entry.thinking_level_change # The thinking level was set.
---| pi.Entry.model_change # The model was set.
---| pi.Entry.compaction # Everything before `firstKeptEntryId` was summarised.
---| pi.Entry.branch_summary # A branch was left and summarised.
---| pi.Entry.custom # Extension state that is not in the context.
---| pi.Entry.custom_message # An extension's message in the context.
---| pi.Entry.label # A bookmark on another entry.
---| pi.Entry.session_info # The session's name.

---An event with its place in the session's sequence; the payload of `pi/event`.
---@class pi.Envelope
---@field sessionId string The session.
---@field seq integer Strictly increasing per session, from 1.
---@field turnId? integer The turn it belongs to, if one is in progress.
---@field event pi.AgentEvent The event, exactly as in JSONL.

---Where to write a page.
---@class pi.ExportHtmlParams
---@field outputPath? string The file, replaced if it is there; relative to the session's folder.

---A page that was written.
---@class pi.ExportedHtml
---@field path string The path as it was asked for, or the name of the file in the session's folder.

---What the user of an editor said to `pi/ui`; `cancelled` wins over the others.
---@class pi.ExtensionUiAnswer
---@field value? string For select, input and editor.
---@field confirmed? boolean For confirm.
---@field cancelled? boolean The user gave no answer.

---What an [`ExtensionUiRequest`] is.
---@alias pi.ExtensionUiMethod
---| "select" # Choose one of `options`.
---| "confirm" # Yes or no.
---| "input" # One line of text.
---| "editor" # A text of several lines.
---| "notify" # A notice.
---| "setStatus" # A text in the status line.
---| "setWidget" # Lines beside the prompt.
---| "setTitle" # The title of the window.
---| "set_editor_text" # The text of the prompt.

---Something for the user: a question, or something to show. Which fields are there depends on `method`.
---@class pi.ExtensionUiRequest
---@field id string Id to answer with.
---@field method pi.ExtensionUiMethod What it is.
---@field title? string `select`, `confirm`, `input`, `editor`: the question; `setTitle`: the title.
---@field options? string[] `select`: what can be chosen; the answer's `value` is one of them.
---@field message? string `confirm`, `notify`: the text.
---@field placeholder? string `input`: shown while it is empty.
---@field prefill? string `editor`: the text to start from.
---@field notifyType? pi.NoticeLevel `notify`: how bad.
---@field statusKey? string `setStatus`: which status.
---@field statusText? string `setStatus`: its text; absent clears it.
---@field widgetKey? string `setWidget`: which widget.
---@field widgetLines? string[] `setWidget`: its lines; absent removes it.
---@field widgetPlacement? pi.WidgetPlacement `setWidget`: where.
---@field text? string `set_editor_text`: the text of the prompt.
---@field timeout? integer `select`, `confirm`, `input`: milliseconds after which the question is dropped.
---@field permission? string The permission question it belongs to, for clients that show `permission_request` and need no second one. Not in Pi.

---A client's answer to an `extension_ui_request`; `cancelled` wins over the others.
---@class pi.ExtensionUiResponse
---@field id string Id of the request.
---@field value? any For select, input and editor.
---@field confirmed? boolean For confirm.
---@field cancelled? boolean The user gave no answer.

---What went wrong in a run.
---@class pi.Failure
---@field kind pi.FailureKind What can be done about it.
---@field headline string What went wrong and what is safe, for people: with the peer and the number, without JSON.
---@field details? string What the provider said, if that is more.

---Kinds of failures, by what helps.
---@alias pi.FailureKind
---| "key" # The key was refused: change it, or the model.
---| "credit" # The account has nothing left: take another model.
---| "busy" # The provider is busy: try again later.
---| "offline" # The provider cannot be reached: try again, or take a model of this machine.
---| "cut" # The answer was cut off: continue, or try again.
---| "context" # The chat is longer than the model reads: make room.
---| "other" # Anything else.

---The difference of one file.
---@class pi.FileDiff
---@field uri string The file.
---@field diff string Unified diff.

---A message to fork at.
---@class pi.ForkMessage
---@field entryId string Its entry.
---@field text string What the user said.

---Messages to fork at.
---@class pi.ForkMessages
---@field messages pi.ForkMessage[] In file order, of all branches.

---Where to fork.
---@class pi.ForkParams
---@field entryId string A user message; the new session ends before it.

---Result of a fork.
---@class pi.ForkResult
---@field text string Text of the message it was forked at, to edit and send again.
---@field cancelled boolean True when nothing happened.

---What to list. Without a choice everything of the folder.
---@class pi.GetEditsParams
---@field hunks? string[] Those with these ids.
---@field uri? string Those of this file: absolute path or `file:` URI.
---@field toolCallId? string Those of this tool call.
---@field turn? integer Those of this turn of the session.
---@field promptId? string Those that came from this prompt; the id is that of its entry.
---@field scope? pi.EditsScope Those of this session or of the whole folder.
---@field status? pi.EditStatus[] Only hunks with one of these.
---@field texts? boolean With the lines themselves and not only their number.

---Which entries.
---@class pi.GetEntriesParams
---@field since? string Only those after this entry.

---An image. Emitted as `data`/`mimeType` only; the documented `source` form is accepted as input (rpc.md §14.6).
---@class pi.ImageContent
---@field data string Base64 without a `data:` prefix.
---@field mimeType string For example `image/png`.

---An image. Emitted as `data`/`mimeType` only; the documented `source` form is accepted as input (rpc.md §14.6).
---@class pi.ImageContentInput
---@field data? string
---@field mimeType? string
---@field source? pi.ImageSource

---The documented older form of an image.
---@class pi.ImageSource
---@field data string
---@field mediaType string

---What a model can read.
---@alias pi.InputKind
---| "text" # Text.
---| "image" # Images.

---Text of the last answer.
---@class pi.LastAssistantText
---@field text string|vim.NIL `null` when there is none, which clients of both Pi versions take (rpc.md §14.5).

---A line that stands when an activity has lasted for some time.
---@class pi.Later
---@field after integer Milliseconds after `since`.
---@field text string The line.

---Result of cycling the thinking level.
---@class pi.LevelResult
---@field level pi.ThinkingLevel The level now in force.

---Whose sessions.
---@class pi.ListSessionsParams
---@field folder? string Absolute path of the folder; absent = the one of the connection.

---Content that is either one string or a list of blocks.
---@alias pi.MessageContent
---| string # Shorthand for one text block.
---| pi.Content[] # Blocks, in order.

---Messages in the context.
---@class pi.Messages
---@field messages pi.AgentMessage[] Oldest first.

---A model a provider offers. Costs are US dollars per million tokens.
---@class pi.Model
---@field id string Id as the provider knows it.
---@field name string Name for people.
---@field api string Wire dialect, for example `openai-completions`.
---@field provider string Provider name.
---@field baseUrl string Base URL of the provider.
---@field reasoning boolean Whether it can think.
---@field input pi.InputKind[] What it reads.
---@field cost pi.ModelCost Prices.
---@field contextWindow integer Context limit in tokens; 0 = unknown.
---@field maxTokens integer Output limit in tokens.
---@field headers? table<string, string> Extra request headers.
---@field compat? any Deviations of the provider from its dialect (providers.md §3).
---@field thinkingLevelMap? table<string, string|vim.NIL> Level → word sent on the wire; `null` = not offered (0.87).
---@field local? boolean Whether it belongs to a model server on this machine that was found without set-up. Not in Pi.

---Prices in US dollars per million tokens.
---@class pi.ModelCost
---@field input number Prompt.
---@field output number Answer.
---@field cacheRead number Cached prompt.
---@field cacheWrite number Writing the cache.
---@field tiers? pi.CostTier[] Dearer rates above a prompt size (0.87).

---Where to go on.
---@class pi.NavigateTreeParams
---@field targetId string The entry to go on from.

---Where the session goes on.
---@class pi.Navigated
---@field editorText? string Text of the message that was chosen, to edit and send again.
---@field leafId string|vim.NIL The entry the next one follows; `null` when it will be a root.

---Start afresh.
---@class pi.NewSessionParams
---@field parentSession? string File of the session this one continues, for the header.

---Nothing to say.
---@class pi.NoParams

---A document that was not reloaded.
---@class pi.NotReloaded
---@field uri string The document.
---@field message string Why.

---A document that was not saved.
---@class pi.NotSaved
---@field uri string The document.
---@field message string Why, for the model and the user.

---How bad a notice is.
---@alias pi.NoticeLevel
---| "info" # Good to know.
---| "warning" # Something does not work as configured.
---| "error" # Something is being lost.

---How `message_update` looks on a JSONL connection.
---@alias pi.OutputMode
---| "full" # With the whole message so far, for clients of Pi 0.50.
---| "compact" # Deltas only, as Pi 0.84 and later.

---The user's answer to it.
---@class pi.PermissionAnswer
---@field choice pi.PermissionChoice The choice.
---@field message? string For the model, with `reject_message`.

---An answer.
---@alias pi.PermissionChoice
---| "allow_once" # This call.
---| "allow_session" # This call and, until the session ends, what its rules cover.
---| "allow_project" # This call and, in this project, what its rules cover, from now on.
---| "reject" # Not this call; the run goes on.
---| "reject_stop" # Not this call; the run is stopped.
---| "reject_message" # Not this call, and the model is told why.

---How a question ended.
---@alias pi.PermissionDecision
---| "allowed" # The call is run.
---| "rejected" # It is not.
---| "cancelled" # The run or the session ended first; the call is not run.
---| "unasked" # There was nobody to ask; the call is not run.

---What the agent may do without asking.
---@alias pi.PermissionMode
---| "ask" # Reading inside the workspace; everything else is asked for.
---| "edit" # As `ask`, and edits inside the workspace.
---| "full" # Everything that no rule names.
---| "plan" # Reading, and nothing else even when asked.

---One possible answer.
---@class pi.PermissionOption
---@field id pi.PermissionChoice What to answer with.
---@field label string For a button or a line; different for each choice of a question.
---@field rules? string[] The rules it stores, as settings have them.

---One part of a call.
---@class pi.PermissionPart
---@field text string The command, or what is done to which file.
---@field allowed boolean Whether it would be allowed by itself.
---@field why string Why it is or is not: the rule in the form settings have it, or words.

---A question: may this call of a tool be run? Nothing but an answer, the end of the run or the end of the session closes it.
---@class pi.PermissionRequest
---@field id string Id of the question; also that of the `extension_ui_request` with the same question.
---@field toolCallId string The call.
---@field tool string Name of the tool.
---@field title string What is asked, in a few words: `Pi wants to run a command`.
---@field text string The whole question as plain text. Characters that are invisible or change the direction of text are written as `<U+202E>`.
---@field command? string The command, complete and as it would be run.
---@field diff? string The change, as a unified diff.
---@field parts pi.PermissionPart[] What the call consists of: every command of a chain, every file it writes.
---@field cwd string Working directory.
---@field paths? string[] Absolute paths that the call names, links resolved.
---@field reason? string The model's last sentence before the call.
---@field note? string What else to know before it is run, in one line: that a command does not see what is unsaved.
---@field risk pi.PermissionRisk How much can go wrong.
---@field choices pi.PermissionOption[] The possible answers, in the order to show them.

---How much can go wrong.
---@alias pi.PermissionRisk
---| "low" # A change inside the workspace that can be taken back.
---| "medium" # A command: it can do what its program can.
---| "high" # It deletes, reaches outside the workspace, needs other rights, or could not be understood.

---Answer to a prompt. Over JSONL nothing of it is sent (Pi sends no data).
---@class pi.PromptAccepted
---@field accepted boolean Always true; a refusal is an error.
---@field delivery pi.Delivery What happens with it.
---@field sessionId string The session it went to.
---@field turnId? integer The turn it started or steers: all that happens because of one prompt, until the session has settled. Numbers rise in a live session.
---@field itemId? integer Its item, if it waits.

---A file, by name only.
---@class pi.PromptContext.file
---@field kind "file"
---@field uri? string Absolute path or `file:` URI; absent = the one the user looks at.

---Lines of a file; their current text goes into the prompt.
---@class pi.PromptContext.selection
---@field kind "selection"
---@field uri? string Absolute path or `file:` URI; absent = the one the user looks at.
---@field range? pi.TextRange The selected range; absent = what the user has selected there.

---A function, type or the like; its current text goes into the prompt.
---@class pi.PromptContext.symbol
---@field kind "symbol"
---@field uri? string Absolute path or `file:` URI; absent = the file of the project that has it.
---@field name string Its name.
---@field range? pi.TextRange All of it, as the editor's outline has it; absent = looked up by its name.

---An image file; it goes with the prompt.
---@class pi.PromptContext.image
---@field kind "image"
---@field uri string Absolute path or `file:` URI.

---Any text.
---@class pi.PromptContext.text
---@field kind "text"
---@field title? string What it is, for the heading.
---@field text string The text.

---Problems of a file as the editor shows them.
---@class pi.PromptContext.diagnostics
---@field kind "diagnostics"
---@field uri? string Absolute path or `file:` URI; absent = of all files, or with `items` of the one the user looks at.
---@field items? pi.DiagnosticContext[] The problems; absent = those the editor shows now.

---A piece of context for a prompt. Positions are in the encoding negotiated at `initialize`; in JSONL they are UTF-16. Paths are absolute or `file:` URIs. What is left out is asked of a client that serves `pi/editor/*`.
---@alias pi.PromptContext
---| pi.PromptContext.file # A file, by name only.
---| pi.PromptContext.selection # Lines of a file; their current text goes into the prompt.
---| pi.PromptContext.symbol # A function, type or the like; its current text goes into the prompt.
---| pi.PromptContext.image # An image file; it goes with the prompt.
---| pi.PromptContext.text # Any text.
---| pi.PromptContext.diagnostics # Problems of a file as the editor shows them.

---A message for the agent.
---@class pi.PromptParams
---@field message string What to do.
---@field images? pi.ImageContentInput[] Images that go with it.
---@field streamingBehavior? pi.StreamingBehavior What to do while a run is in progress; without it that is an error.
---@field context? pi.PromptContext[] What the message is about. Resolved from open documents first. Not in Pi.

---A message that waits.
---@class pi.QueueItem
---@field id integer Its own among the items of the session, also after it has gone.
---@field kind pi.QueueKind When it is delivered.
---@field text string What the user wrote.
---@field images? pi.ImageContent[] Images that go with it.
---@field held boolean It is not delivered by itself any more, because the run it was meant for was stopped or failed.

---Which waiting message.
---@class pi.QueueItemParams
---@field id integer Its id.

---The messages that wait.
---@class pi.QueueItems
---@field items pi.QueueItem[] Those that steer, then those that follow, each in the order of their delivery.

---When a waiting message is delivered.
---@alias pi.QueueKind
---| "steer" # After the tool in progress.
---| "followUp" # When the agent is done.

---How a queue is emptied.
---@alias pi.QueueMode
---| "all" # Everything that waits.
---| "one-at-a-time" # The oldest only.

---A message for the turn in progress (`steer`) or for after it (`follow_up`).
---@class pi.QueueParams
---@field message string What to say.
---@field images? pi.ImageContentInput[] Images that go with it.
---@field expectedTurnId? integer Only if this turn is in progress, else the message is not taken. Without it the message waits in any case. Not in Pi.

---Answer to a message for the queue. Over JSONL nothing of it is sent (Pi sends no data).
---@class pi.Queued
---@field accepted boolean Whether it waits now. If not, the turn it was meant for is over and nothing was done with it.
---@field itemId? integer Its item.
---@field turnId? integer The turn in progress; absent when there is none.

---Documents whose files others have changed.
---@class pi.ReloadDocumentsParams
---@field uris string[] As the client spells them.

---What came of it. That a document was reloaded is told by its `didChange`, or by `didClose` and `didOpen`.
---@class pi.ReloadedDocuments
---@field failed? pi.NotReloaded[] Those that were not reloaded.

---A name for a session.
---@class pi.RenameSessionParams
---@field sessionId string Its id.
---@field name string Trimmed; must not be empty.

---In what order messages wait.
---@class pi.ReorderQueueParams
---@field ids integer[] These first, in this order, among those of their kind. Ids of messages that have gone are ignored.

---A question for the user of a client (`pi/requestPermission`).
---@class pi.RequestPermissionParams
---@field sessionId string The session that asks.
---@field request pi.PermissionRequest The question.

---What to take back.
---@class pi.RevertEditsParams
---@field hunks? string[] Those with these ids.
---@field uri? string Those of this file: absolute path or `file:` URI.
---@field toolCallId? string Those of this tool call.
---@field turn? integer Those of this turn of the session.
---@field promptId? string Those that came from this prompt; the id is that of its entry.
---@field scope? pi.EditsScope Those of this session or of the whole folder.
---@field to? string Everything since this prompt, the prompt's own edits included; the id is that of its entry.
---@field fork? boolean With `to`: also go on in a new session that ends before the prompt. Files go back first.
---@field preview? boolean Only say what it would come to.

---What becomes of the edits the agent makes. What it may do at all is the [`PermissionMode`].
---@alias pi.ReviewMode
---| "apply" # They are made and wait for review.
---| "ask" # Each is shown first and made when it is allowed.
---| "plan" # None is made: they are only shown.

---What commands may write.
---@alias pi.SandboxMode
---| "workspace-write" # The workspace, its repository, and what the setting `sandbox.writable` lists.
---| "read-only" # Nothing.

---The sandbox in force.
---@class pi.SandboxState
---@field mode pi.SandboxMode What commands may write.
---@field network boolean Whether they may open TCP connections and ports.

---Documents to save.
---@class pi.SaveDocumentsParams
---@field uris string[] As the client spells them.

---What came of it. That a document was saved is told by its `didSave`.
---@class pi.SavedDocuments
---@field failed? pi.NotSaved[] Those that were not saved.

---What to look for.
---@class pi.SearchSessionsParams
---@field query string Text that user or model wrote, in any case of letters.
---@field folder? string Absolute path of the folder; absent = the one of the connection.

---Entries of the session.
---@class pi.SessionEntries
---@field entries pi.Entry[] In file order.
---@field leafId string|vim.NIL The entry the next one follows; `null` when it will be a root.

---What a session of a list is doing.
---@alias pi.SessionLife
---| "stored" # In its file only.
---| "idle" # Alive in this process; nothing happens.
---| "running" # Alive in this process; a run is in progress.

---Sessions.
---@class pi.SessionList
---@field sessions pi.SessionSummary[] Last used first.

---A session in which the text was found.
---@class pi.SessionMatch
---@field session pi.SessionSummary The session.
---@field entryId string The first entry with the text.
---@field line string The line with the text, cut around it.
---@field matches integer Messages with the text.

---What was found.
---@class pi.SessionMatches
---@field found pi.SessionMatch[] One for each session, last used first.
---@field more boolean There are more.

---Which session.
---@class pi.SessionParams
---@field sessionId string Its id.

---A session at one moment.
---@class pi.SessionSnapshot
---@field state pi.SessionState Its state.
---@field messages pi.AgentMessage[] Messages in the context, oldest first.
---@field queue pi.QueueItem[] Messages that wait.

---State of a session.
---@class pi.SessionState
---@field model? pi.Model The model, if there is one.
---@field thinkingLevel pi.ThinkingLevel How hard it thinks.
---@field isStreaming boolean A run is in progress (until settled).
---@field isCompacting boolean A compaction is in progress.
---@field steeringMode pi.QueueMode How steering messages are delivered.
---@field followUpMode pi.QueueMode How follow-ups are delivered.
---@field sessionFile? string The session file; absent in memory.
---@field sessionId string The session id.
---@field sessionName? string Its name.
---@field autoCompactionEnabled boolean Whether it is compacted by itself.
---@field autoRetryEnabled boolean Whether failed model calls are repeated.
---@field messageCount integer Messages in the context.
---@field pendingMessageCount integer Messages that wait in the queues.
---@field permissionMode pi.PermissionMode What the agent may do without asking. Not in Pi.
---@field reviewMode pi.ReviewMode What becomes of the edits the agent makes. Not in Pi.
---@field pendingPermissions? pi.PermissionRequest[] Tools that wait for permission, oldest first. Not in Pi.
---@field pendingQuestions? pi.ExtensionUiRequest[] Other questions that are open, oldest first. Not in Pi.
---@field sandbox? pi.SandboxState What confines the model's shell commands; absent when nothing does. Not in Pi.

---Counts, tokens and cost of a session.
---@class pi.SessionStats
---@field sessionFile? string The session file; absent in memory.
---@field sessionId string The session id.
---@field userMessages integer User messages.
---@field assistantMessages integer Assistant messages.
---@field toolCalls integer Tool calls.
---@field toolResults integer Tool results.
---@field totalMessages integer All messages.
---@field tokens pi.TokenStats Sums.
---@field cost number US dollars.
---@field contextUsage? pi.ContextUsage How full the context is; absent without a model or a known limit.

---A session in a list.
---@class pi.SessionSummary
---@field sessionId string Its id.
---@field life pi.SessionLife What it is doing.
---@field folder string Its working directory.
---@field file? string Its file; absent for a session in memory.
---@field name? string The name the user gave it.
---@field firstMessage string Beginning of the user's first message; empty when there is none.
---@field created string When it began, ISO 8601.
---@field modified integer Unix milliseconds of the last message.
---@field messageCount integer Messages of all kinds.
---@field parentSession? string File of the session it came from.

---An entry and what follows it.
---@class pi.SessionTreeNode
---@field entry pi.Entry The entry.
---@field children pi.SessionTreeNode[] What follows it, oldest first.
---@field label? string Its bookmark.
---@field labelTimestamp? string When the bookmark was set, ISO 8601.

---The entries of the session as a tree.
---@class pi.SessionTreeResult
---@field tree pi.SessionTreeNode[] The roots. Raw, because a tree as deep as a session is long must not be walked by recursion.
---@field leafId string|vim.NIL The entry the next one follows; `null` when it will be a root.

---Which model.
---@class pi.SetModelParams
---@field provider string Provider name.
---@field modelId string Model id.

---Which events this connection gets.
---@class pi.SetOutputModeParams
---@field mode pi.OutputMode Full or compact.

---What the agent may do without asking.
---@class pi.SetPermissionModeParams
---@field mode pi.PermissionMode The mode, until the session ends.

---How a queue is emptied.
---@class pi.SetQueueModeParams
---@field mode pi.QueueMode All at once or one per turn.

---What becomes of the edits the agent makes.
---@class pi.SetReviewModeParams
---@field mode pi.ReviewMode The mode, until the session ends.

---The session's name.
---@class pi.SetSessionNameParams
---@field name string Trimmed; must not be empty.

---How hard to think.
---@class pi.SetThinkingLevelParams
---@field level pi.ThinkingLevel Clamped to what the model offers.

---Which call.
---@class pi.SkipToolParams
---@field toolCallId string Id of the call, as `tool_execution_start` tells it.

---A word that expands to a longer text when a message begins with it. Has the fields of all of Pi's versions.
---@class pi.SlashCommand
---@field name string What follows the slash: `review`, `skill:review`.
---@field description? string What it is for.
---@field source pi.CommandSource What kind it is.
---@field path string Its file, absolute.
---@field location pi.CommandLocation Whose it is, in the words of Pi 0.50.
---@field sourceInfo pi.SourceInfo Where it comes from, in the words of Pi 0.62 and later.

---Where a resource comes from.
---@class pi.SourceInfo
---@field path string Its file, absolute.
---@field source string How it was found: `auto` in a usual directory, `local` by the settings, `cli` by a flag.
---@field scope pi.SourceScope Whom it is for.
---@field origin pi.SourceOrigin Whether it came alone or in a package.
---@field baseDir? string Directory its kind belongs to; absent for single files.

---Whether a resource came alone or in a package.
---@alias pi.SourceOrigin
---| "top-level" # Alone.
---| "package" # In a package.

---Whom a resource is for.
---@alias pi.SourceScope
---| "user" # The user, in all projects.
---| "project" # Everybody in this project.
---| "temporary" # This process.

---Why an answer ended.
---@alias pi.StopReason
---| "stop" # The model was done.
---| "length" # The output limit was reached.
---| "toolUse" # The model waits for tool results.
---| "error" # Something failed; see `errorMessage`.
---| "aborted" # The user stopped it.
---| "pending" # Not over yet (only read, from 0.87 partials).
---| "deferred" # Answer comes later (only read, from 0.87 files).

---What to do with a prompt while a run is in progress.
---@alias pi.StreamingBehavior
---| "steer" # Deliver after the tool in progress.
---| "followUp" # Deliver when the agent is done.

---What a summary is of.
---@alias pi.SummarizationSource
---| "compaction" # Older turns, to make room.
---| "branchSummary" # A branch that was left.

---Open another session.
---@class pi.SwitchSessionParams
---@field sessionPath string Its file.

---Text; `text_signature` is opaque provider data that must survive replay.
---@class pi.TextContent
---@field text string The text.
---@field textSignature? string Opaque provider data (item id, thought signature).

---A position as LSP has it: 0-based line, code units of the negotiated encoding.
---@class pi.TextPosition
---@field line integer 0-based.
---@field character integer 0-based.

---A range as LSP has it: 0-based, end exclusive.
---@class pi.TextRange
---@field start pi.TextPosition Start.
---@field end pi.TextPosition End, exclusive.

---Reasoning; `thinking_signature` is opaque provider data that must survive replay.
---@class pi.ThinkingContent
---@field thinking string The reasoning text.
---@field thinkingSignature? string Opaque provider data; for chat completions the name of the delta field.
---@field redacted? boolean True when the provider withheld the text; the payload is in the signature.

---How hard a model thinks.
---@alias pi.ThinkingLevel
---| "off" # Not at all.
---| "minimal" # As little as possible.
---| "low" # A little.
---| "medium" # The default.
---| "high" # A lot.
---| "xhigh" # More than `high`, where a model offers it.
---| "max" # All it can (0.80.6).

---Levels the model offers.
---@class pi.ThinkingLevels
---@field levels pi.ThinkingLevel[] Least first; `["off"]` for a model that cannot think.

---Sums of tokens.
---@class pi.TokenStats
---@field input integer Prompt, without cached.
---@field output integer Answers.
---@field cacheRead integer Read from cache.
---@field cacheWrite integer Written to cache.
---@field total integer Sum of the four.

---A tool call with its arguments as an object, keys in the model's order.
---@class pi.ToolCall
---@field id string The provider's id of the call.
---@field name string Name of the tool.
---@field arguments table Arguments as the model gave them (before coercion).
---@field thoughtSignature? string Opaque provider data.

---The only type there is.
---@class pi.ToolCallTagged.toolCall: pi.ToolCall
---@field type "toolCall"

---A tool call with its `type`, as inside `message.content`.
---@alias pi.ToolCallTagged
---| pi.ToolCallTagged.toolCall # The only type there is.

---What a tool returns, and its partial results (spec: messages.md §6).
---@class pi.ToolResult
---@field content pi.Content[] Text and images for the model.
---@field details? any Machine-readable extras.

---The outcome of one tool call as the model sees it.
---@class pi.ToolResultMessage
---@field toolCallId string Id of the call this answers.
---@field toolName string Name of the tool.
---@field content pi.Content[] Text and images.
---@field details? any Machine-readable extras; never sent to the model.
---@field isError boolean Whether the tool failed.
---@field timestamp integer Unix time in milliseconds.

---The only role there is.
---@class pi.ToolResultTagged.toolResult: pi.ToolResultMessage
---@field role "toolResult"

---A tool result inside `turn_end`, with its role like any message.
---@alias pi.ToolResultTagged
---| pi.ToolResultTagged.toolResult # The only role there is.

---`pi/ui`: something for the user of an editor.
---@class pi.UiParams
---@field sessionId string The session that asks or tells.
---@field request pi.ExtensionUiRequest What.

---Tokens of one answer. `input` excludes cached tokens.
---@class pi.Usage
---@field input integer Prompt tokens that were not cached.
---@field output integer Generated tokens.
---@field cacheRead integer Prompt tokens read from the cache.
---@field cacheWrite integer Prompt tokens written to the cache.
---@field totalTokens integer Sum as the provider counts it.
---@field cost pi.Cost US dollars.
---@field cacheWrite1h? integer Subset of `cacheWrite` kept for an hour (0.87).
---@field reasoning? integer Subset of `output` spent on reasoning (0.87).

---A user message. Pi itself always produces blocks.
---@class pi.UserMessage
---@field content pi.MessageContent Text and images.
---@field timestamp integer Unix time in milliseconds.

---Where a widget is.
---@alias pi.WidgetPlacement
---| "aboveEditor" # Above the prompt.
---| "belowEditor" # Below the prompt.

---Every request by its LSP name.
---@alias pi.Method
---| "pi/prompt" # Give the agent a task. Answered when it is accepted; progress arrives as events.
---| "pi/steer" # Add a user message to the run in progress, after the tool in progress.
---| "pi/followUp" # Queue a user message for when the agent is done.
---| "pi/abort" # Stop the run. Answered when it has stopped; queued messages stay queued.
---| "pi/clearQueue" # Remove all queued messages and return their texts.
---| "pi/queue/list" # Messages that wait.
---| "pi/queue/edit" # Change a message that waits.
---| "pi/queue/delete" # Remove a message that waits.
---| "pi/queue/reorder" # Change the order in which messages wait.
---| "pi/queue/send" # Deliver a message that waits: as a prompt when nothing runs, else as the next to steer. Also one that is held.
---| "pi/getState" # State of the session.
---| "pi/getMessages" # Messages in the model's context.
---| "pi/setModel" # Choose the model.
---| "pi/cycleModel" # Go to the next model: of those the flags or settings name, else of all available ones; `null` when there is nothing to choose.
---| "pi/getAvailableModels" # Models with configured authentication.
---| "pi/setThinkingLevel" # Choose how hard the model thinks.
---| "pi/cycleThinkingLevel" # Go to the next level the model offers; `null` when it cannot think.
---| "pi/getAvailableThinkingLevels" # Levels the model offers.
---| "pi/setSteeringMode" # How steering messages are delivered.
---| "pi/setFollowUpMode" # How follow-ups are delivered.
---| "pi/setAutoRetry" # Whether failed model calls are repeated.
---| "pi/abortRetry" # Stop waiting for the next retry.
---| "pi/retryNow" # Repeat a failed model call now: do not wait for it, or do it once more after the last try. Not in Pi.
---| "pi/skipTool" # End one tool call that is in progress. The model reads that the user skipped it, and goes on. Not in Pi.
---| "pi/setAutoCompaction" # Whether the context is compacted by itself.
---| "pi/compact" # Summarise older turns to make room in the context; stops the run first. Answered when it is done.
---| "pi/bash" # Run a shell command for the user; its output becomes context for the next prompt.
---| "pi/abortBash" # Stop the user's shell commands.
---| "pi/newSession" # Start a new session on this connection.
---| "pi/switchSession" # Open another session on this connection.
---| "pi/fork" # Start a new session on this connection with everything before a user message; its text comes back.
---| "pi/clone" # Start a new session on this connection with everything up to now.
---| "pi/session/list" # Sessions of a folder, alive and stored.
---| "pi/session/search" # Sessions of a folder in which somebody wrote a text.
---| "pi/session/rename" # Name a session, alive or stored.
---| "pi/session/delete" # Move a session's file to the trash folder beside it. A session that runs is not deleted.
---| "pi/session/add" # Start a session beside the others of this connection, empty or as a copy; requests then name it with `sessionId`.
---| "pi/demo" # Make a session with a scripted model, and a file for it to edit. The client shows the file, comes to the session and sends the prompt.
---| "pi/session/attach" # Get the events of a session, alive or stored, and first what was missed of them.
---| "pi/session/close" # Stop a session and let go of it; its file stays.
---| "pi/checkKey" # Ask a provider whether it takes the key that is set up for it, by a request that costs nothing.
---| "pi/diagnostics" # Gauges of the process and of the connection.
---| "pi/getForkMessages" # User messages of all branches, to fork at.
---| "pi/getEntries" # Entries of the session in file order: all branches, or those after one entry.
---| "pi/getTree" # Entries of the session as a tree. It is as deep as the session is long; `get_entries` is flat.
---| "pi/navigateTree" # Go on from another entry of the session; from before it, if it is a user's message.
---| "pi/getSessionStats" # Counts, tokens and cost.
---| "pi/getLastAssistantText" # Text of the last answer.
---| "pi/setSessionName" # Name the session.
---| "pi/getCommands" # What a message can begin with: prompt templates and skills.
---| "pi/complete" # What a message that is being typed can go on with: files and definitions behind `@`, templates and skills behind `/`.
---| "pi/exportHtml" # Write the session as one HTML page: to `outputPath`, else into the session's folder, named like its file.
---| "pi/answerPermission" # Answer a tool that waits for permission. The first answer counts.
---| "pi/setPermissionMode" # Choose what the agent may do without asking. Questions that are open stay open.
---| "pi/setReviewMode" # Choose what becomes of the edits the agent makes. Questions that are open stay open.
---| "pi/edits/list" # What Pi changed in files, hunk by hunk. From then on the connection gets `edits_changed`.
---| "pi/edits/diff" # Differences by hunk, file, call, turn, prompt or session; of a session, a call, a turn or a prompt as they were made.
---| "pi/edits/accept" # Keep hunks: they no longer wait.
---| "pi/edits/reject" # Take waiting hunks out again; the model is told. What the user has changed since stays and is named.
---| "pi/edits/revert" # Take hunks out, kept ones as well, going back change by change; or everything since a prompt.
---| "pi/edits/redo" # Put back what was rejected or reverted, and let what was kept wait again.
---| "pi/setOutputMode" # Choose whether updates carry the whole message or only what was added.

---Every request of the server to its client.
---@alias pi.ClientMethod
---| "pi/requestPermission" # Ask the user whether a tool may run; `null` or an error leaves the question open.
---| "pi/ui" # Ask the user something, or show it; `null` or an error is no answer. What asks nothing is answered at once.
---| "pi/saveDocuments" # Save documents before a command runs.
---| "pi/reloadDocuments" # Show what the files of documents have become, where nothing is unsaved.
---| "pi/editor/state" # What the user looks at.
---| "pi/editor/diagnostics" # Problems as the editor shows them, of one document or of all.
---| "pi/editor/definition" # Where the name at a place is defined.
---| "pi/editor/references" # Where the name at a place is used, its definition included.
---| "pi/editor/symbols" # The outline of a document, or symbols of the project by name.
