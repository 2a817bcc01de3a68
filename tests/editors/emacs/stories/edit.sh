# Ask, watch, have the edit in the buffer, take it back.
begin '[
  {"content": [{"type": "tool", "id": "1", "name": "bash", "args": {"command": "cat gate"}}]},
  {"content": [{"type": "tool", "id": "2", "name": "read", "args": {"path": "a.txt"}}]},
  {"content": [{"type": "tool", "id": "3", "name": "edit", "args": {"path": "a.txt", "oldText": "11", "newText": "2"}}]},
  {"content": [{"type": "text", "text": "Made it two."}]}
]'
tm_keys C-e && tm_type 1
check "the user's unsaved text is in the buffer" screen_has 'x = 11'
ask 'make it two'
check "the mode line names what runs" screen_has 'Pi: Running cat gate'
check "the chat is beside the text" screen_has 'make-it-two\.md .*Pi-Chat'
echo > "$workspace/gate"
check "the edit lands in the buffer and is marked" screen_has '^! x = 2$'
check "the answer is in the chat" screen_has 'Made it two\.'
check "the disk is as it was" disk_is 'x = 1'
tm_keys C-/
check "one undo takes the edit back, and only that" screen_has '^. x = 11$'
tm_keys C-x u
check "the next one what was typed" screen_has '^. x = 1$'
