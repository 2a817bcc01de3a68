# What a command of the model makes of a file that is open and untouched: Helix does not read it again, so the buffer is
# changed; what the user typed stays.
begin '[
  {"content": [{"type": "tool", "id": "1", "name": "bash", "args": {"command": "sed -i s/1/10/ a.lua"}}]},
  {"content": [{"type": "tool", "id": "2", "name": "edit", "args": {"path": "a.lua", "oldText": "x = 10", "newText": "x = 100"}}]},
  {"content": [{"type": "text", "text": "Done."}]}
]'
tm_keys x
choose explain
check "the edit is made to what the command wrote" shows 'x = 100'
check "which stays on disk" disk_is 'x = 10'
tm_keys u
check "u takes the edit back" shows 'x = 10'
tm_keys u
check "and what the command did" shows 'x = 1'
tm_keys U U
command_line 'w!'
check "the file has both" eventually disk_is 'x = 100'

begin '[
  {"content": [{"type": "tool", "id": "1", "name": "bash", "args": {"command": "sed -i s/1/10/ a.lua"}}]},
  {"content": [{"type": "text", "text": "Done."}]}
]'
tm_keys A 9 # unsaved
normal_mode
tm_keys x
choose explain
check "the model is told that the editor shows something else" eventually was_said 'Changed on disk by this command'
check "what the user typed stays" shows 'x = 19'
check "and the file has what the command wrote" disk_is 'x = 10'
