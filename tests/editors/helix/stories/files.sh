# A file that the user moves takes its changes along, and one that Pi makes is made and deleted through Helix.
begin '[
  {"content": [{"type": "tool", "id": "1", "name": "edit", "args": {"path": "a.lua", "oldText": "x = 1", "newText": "x = 2"}}]},
  {"content": [{"type": "tool", "id": "2", "name": "write", "args": {"path": "new.lua", "content": "return 1\n"}}]},
  {"content": [{"type": "tool", "id": "3", "name": "bash", "args": {"command": "tr a-z A-Z < new.lua"}}]},
  {"content": [{"type": "text", "text": "Done."}]}
]'
choose explain
check "a hint marks the change" screen_has '^● +1 +x = 2'
check "Helix was asked to make the file" received '"kind":"create"'
check "the next command sees its text" eventually was_said 'RETURN 1'
command_line w
check "the change is saved" eventually disk_is 'x = 2'
command_line "move $workspace/moved.lua"
check "the file has another name" screen_has 'NOR.* moved\.lua'
check "the change goes along" screen_has '^● +1 +x = 2'
choose 'reject this change (1 of 2)'
check "and is rejected under the new name" shows 'x = 1'
choose 'next change → new.lua:1'
screen_has 'NOR.* new\.lua'
choose 'reject this change (1 of 1)'
check "the new file is gone" eventually gone "$workspace/new.lua"
check "Helix was asked to delete it" received '"kind":"delete"'
command_line 'lsp-workspace-command pi.redo'
check "it comes back with its text" eventually grep -qx 'return 1' "$workspace/new.lua"
