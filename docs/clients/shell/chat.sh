#!/usr/bin/env bash
# A small chat over the JSON lines of `pi --mode rpc`; needs bash 4 and jq.
#
# Every line of stdin is a prompt, or steers the run that is going on; `/stop` stops it. When stdin ends, the chat ends
# with the run. Arguments go to `pi`; PI_BIN names it if it is not in PATH.
set -euo pipefail

pipes=$(mktemp -d)
trap 'rm -rf "$pipes"' EXIT
mkfifo "$pipes/in" "$pipes/out"
"${PI_BIN:-pi}" --mode rpc --output-mode compact "$@" <"$pipes/in" >"$pipes/out" &
pi=$!
exec 3>"$pipes/in" 4<"$pipes/out" 5<&0

# One write per record, so that those of the two senders do not mix.
# Only looked at while a run is in progress, `streamingBehavior` steers it instead of refusing the prompt.
# At the end, the answer to get_state tells whether a run is still in progress.
{
  jq -Rc --unbuffered 'gsub("^\\s+|\\s+$"; "") | select(. != "")
    | if . == "/stop" then {type: "abort"}
      else {type: "prompt", message: ., streamingBehavior: "steer"} end'
  printf '%s\n' '{"type":"get_state"}'
} <&5 >&3 2>/dev/null &

# What to do about each record, one line each: `show`, `deny`, or a word alone. A shown text is in quotation marks, which
# keep its blanks, and has the escapes of printf's %b for what cannot be in a line.
# shellcheck disable=SC2016
events='
  def show(text): text | split("\\") | join("\\\\") | split("\n") | join("\\n") | "show \"" + . + "\"";
  if .type == "message_start" and .message.role == "user" then
    show("> " + (.message.content | if type == "string" then . else map(.text? // "") | add end) + "\n")
  elif .type == "message_update" then
    .assistantMessageEvent
    | if .type == "text_delta" then show(.delta) elif .type == "text_end" then show("\n") else empty end
  elif .type == "message_end" and (.message.stopReason | IN("error", "aborted")) then
    show("[" + (.message.errorMessage // "stopped") + "]\n")
  elif .type == "tool_execution_start" then show("[" + .toolName + " " + (.args | tojson) + "]\n")
  elif .type == "tool_execution_end" then
    show("[" + .toolName + ": " + (if .isError then "failed" else "done" end) + "]\n")
  elif .type == "queue_update" and .steering != [] then show("[waiting: " + (.steering | join(", ")) + "]\n")
  elif .type == "extension_ui_request" and (.method | IN("select", "confirm", "input", "editor")) then
    "deny " + (.id | tojson)
  elif .type == "response" and (.success | not) then show("[" + .error + "]\n")
  elif .type == "response" and .command == "get_state" then
    if .data.isStreaming then "leaving" else "idle" end
  elif .type == "agent_settled" then show("[ready]\n"), "settled"
  else empty end'

leaving=
while read -r word text; do
  case $word in
    show)
      text=${text#\"}
      printf '%b' "${text%\"}"
      ;;
    deny) # somebody waits for an answer to this
      printf '{"type":"extension_ui_response","id":%s,"cancelled":true}\n' "$text" >&3
      ;;
    leaving) leaving=1 ;;
    idle) break ;;
    settled) [ -z "$leaving" ] || break ;;
  esac
done < <(exec jq -r --unbuffered "$events" <&4 3>&-)

# The end of its stdin ends it; the session has been saved.
exec 3>&-
wait "$pi"
