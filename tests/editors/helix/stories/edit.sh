# Select code, take an action, watch, and have the edit in the buffer.
edits='[
  {"content": [{"type": "tool", "id": "1", "name": "bash", "args": {"command": "cat gate"}}]},
  {"content": [{"type": "tool", "id": "2", "name": "read", "args": {"path": "a.lua"}}]},
  {"content": [{"type": "tool", "id": "3", "name": "edit", "args": {"path": "a.lua", "oldText": "11", "newText": "2"}}]},
  {"content": [{"type": "text", "text": "Made it two."}]}
]'
begin "$edits"
tm_keys A 1
check "the user's unsaved text is in the buffer" shows 'x = 11'
normal_mode
tm_keys x
choose explain
check "the progress names what runs" screen_has 'Running cat gate'
echo > "$workspace/gate"
check "the edit lands in the buffer" shows 'x = 2'
check "the status line says what changed and where to go" screen_has 'Pi finished: 1 change in 1 file, next with \]d'
check "the disk is as it was" disk_is 'x = 1'
tm_keys u
check "one u undoes the edit, and only that" shows 'x = 11'
tm_keys U
check "and U makes it again" shows 'x = 2'
command_line w
check "saving is not refused" screen_has "'a.lua' written"
check "and writes what is in the buffer" eventually disk_is 'x = 2'

# Free text without a command that takes arguments: a comment says what is wanted.
begin '[{"match": "shout louder", "content": [{"type": "text", "text": "LOUDER"}]}]'
tm_keys O
tm_type '-- pi: shout louder'
shows '-- pi: shout louder' && normal_mode
tm_keys Space a
check "a comment offers to do what it says" screen_has 'Pi: do “shout louder”'
tm_keys Escape
choose 'do “shout louder”'
check "what the comment says is the prompt" received 'LOUDER'
check "the status line says where the answer is" screen_has 'Pi finished: the answer is in the chat'

begin "$edits"
tm_keys x
choose explain
screen_has 'Running cat gate'
tm_keys Space p s
check "a key stops the run" screen_has 'Stopped by you after 0:'
check "nothing was edited" shows 'x = 1'
