# A chat of three turns in which everything is decided in the chat: a question by a tick and one by a command, a change
# by a word behind it and one by a command, with a steer in between.
#
# The screen is tall enough for all of the chat, and lines are gone to by their numbers: Helix 25.01 ends itself when a
# document shrinks while something is typed into its search prompt; see docs/editors/helix.md.
TM_ROWS=120
permission_mode ask
begin '[
  {"content": [{"type": "tool", "id": "1", "name": "bash", "args": {"command": "echo one > one.txt"}}]},
  {"content": [{"type": "text", "text": "The first is done."}]},
  {"content": [{"type": "tool", "id": "2", "name": "read", "args": {"path": "a.lua"}}]},
  {"content": [{"type": "tool", "id": "3", "name": "bash", "args": {"command": "cat gate"}}]},
  {"content": [{"type": "tool", "id": "4", "name": "edit", "args": {"path": "a.lua", "edits": [
    {"oldText": "a = 1", "newText": "a = 10"}, {"oldText": "i = 9", "newText": "i = 90"}]}}]},
  {"content": [{"type": "text", "text": "Both are changed."}]},
  {"content": [{"type": "text", "text": "See you."}]}
]' "$(printf '%s\n' 'a = 1' 'b = 2' 'c = 3' 'd = 4' 'e = 5' 'f = 6' 'g = 7' 'h = 8' 'i = 9')"
tm_keys Space p c
screen_has 'pi/chat/new-chat\.md'
# chat_has PATTERN: waits until the chat has it. The first keys bring all of it into view, whatever came in above.
chat_has() { eventually in_chat "$1" || { tm_screen >&2; return 1; }; }
in_chat() { tm_keys g g g e && tm_screen | grep -qE -- "$1"; }
# go_to_line TEXT: the last line of the chat with it, at its first character.
go_to_line() {
  local line
  tm_keys g g g e
  tm_wait "$1" && line=$(tm_screen | grep -E -- "$1" | tail -n1 | grep -oE '[0-9]+' | head -n1)
  command_line "$line" && tm_wait "^ NOR .* $line:1\$"
}

say 'Write a file'
dismiss
check "the question is in the chat" chat_has '\? question 1 · bash'
go_to_line '- \[ \] allow once' && tm_keys f '[' l r x && screen_has '- \[x\] allow once' && command_line w
received 'Pi finished: 1 change'
check "a tick allows it" chat_has 'The first is done'
check "and it has run" [ -e "$workspace/one.txt" ]
check "what it made is a change like any other" chat_has '✓ bash · hunk 1 pending'

say 'Change the file'
check "the second turn runs" chat_has '▶ bash · running'
say 'and be quick'
check "a steer waits" chat_has 'queued \(steered\)'
echo > "$workspace/gate"
dismiss
check "the change is asked for" chat_has '\? question 2 · edit'
say '/allow 2'
received 'Pi finished: 2 changes'
check "a command allows it, and its hunks have numbers" chat_has 'hunks 2 3 pending'
chat_has 'Both are changed'

go_to_line '@@ hunk 2 ·' && tm_keys f && tm_type '·' && tm_keys a && tm_wait '^ INS ' && tm_type ' keep' && normal_mode && command_line w
check "a word behind a hunk keeps it" chat_has '@@ hunk 2 · a\.lua:1 · kept'
say '/drop 3'
check "a command takes the other out" chat_has '@@ hunk 3 · a\.lua:9 · rejected'
say 'Goodbye'
check "the third turn is answered" chat_has 'See you'
check "the steer stands in its turn" grep -q '(steered)$' "$workspace/.pi/chat/new-chat.md"
go_to_line '@@ hunk 3' && tm_keys f 3 g d
check "the definition of a hunk is its place" screen_has '^ NOR .*a\.lua.*9:1'
check "one change is in the buffer" shows 'a = 10'
check "the other is not" has_line 9 'i = 9'
permission_mode full
unset TM_ROWS
