/** The protocol's types, from the generated declarations, under the names used here. */
import type {
  Activity, ActivityParams, ActivityState, AgentEvent, AgentMessage, ClientMethods, Content, EditConflict, EditHunk, EditorLocation, EditorSymbol, EditsDecided, Envelope, ExtensionUiAnswer, ExtensionUiRequest, Failure, FailureKind, Later, Methods, Model, NotReloaded, NotSaved, PermissionChoice,
  PermissionDecision, PermissionMode, PermissionRequest, PromptContext, QueueItem, ReloadDocumentsParams, ReloadedDocuments, ReviewMode, SaveDocumentsParams, SavedDocuments, SessionState,
  SessionSummary,
  TextRange, ThinkingLevel, ToolResult, UiParams,
} from "../../../protocol/generated/pi";

export type {
  Activity, ActivityParams, ActivityState, AgentEvent, AgentMessage, ClientMethods, Content, EditConflict, EditHunk, EditorLocation, EditorSymbol, EditsDecided, Envelope, ExtensionUiAnswer, ExtensionUiRequest, Failure, FailureKind, Later, Methods, Model, NotReloaded, NotSaved, PermissionChoice,
  PermissionDecision, PermissionMode, PermissionRequest, PromptContext, QueueItem, ReloadDocumentsParams, ReloadedDocuments, ReviewMode, SaveDocumentsParams, SavedDocuments, SessionState,
  SessionSummary,
  TextRange, ThinkingLevel, ToolResult, UiParams,
};

/** Parameters of a request; every request can name its session. */
export type Params<M extends keyof Methods> = Methods[M]["params"] & { sessionId?: string };
/** Which changes are meant. */
export type EditsSelect = Methods["pi/edits/accept"]["params"];
export type Result<M extends keyof Methods> = Methods[M]["result"];

/** All text of a message's content or of a tool's result. */
export function textOf(content: string | Content[] | undefined): string {
  if (content === undefined) return "";
  if (typeof content === "string") return content;
  const parts: string[] = [];
  for (const block of content) {
    if (block.type === "text") parts.push(block.text);
    else if (block.type === "image") parts.push("[image]");
  }
  return parts.join("\n");
}
