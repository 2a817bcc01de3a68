# The pictures on the page of Helix, of Helix 25.01. UPDATE=1 draws them anew.
if [ "$newer" = no ]; then
  export COLORTERM=truecolor
  permission_mode ask
  # Without the last row: what came last is in it.
  TM_COLS=100 TM_ROWS=27 rows=26
  begin '[
    {"match": "give up", "content": [{"type": "text", "text": "The loop has no end. I make it three tries."},
      {"type": "tool", "id": "1", "name": "read", "args": {"path": "a.lua"}}]},
    {"content": [{"type": "text", "text": "Now I see whether the tests agree."},
      {"type": "tool", "id": "2", "name": "bash", "args": {"command": "busted spec/retry_spec.lua && rm -rf tmp/retry"}}]}
  ]'
  tm_keys Space p c
  screen_has 'pi/chat/new-chat\.md'
  say 'Make retry give up after three tries @a.lua'
  back_to_question 'busted'
  tm_keys z t Space a
  screen_has 'Pi: allow once'
  check "the picture of the chat is true" picture docs/editors/helix-chat.svg \
    'A chat in Helix: Pi asks to run a command, and a menu has the answers' $rows
  permission_mode full
  begin '[
    {"content": [{"type": "tool", "id": "1", "name": "read", "args": {"path": "a.lua"}}]},
    {"content": [{"type": "text", "text": "Three tries, then it gives up."},
      {"type": "tool", "id": "2", "name": "edit", "args": {"path": "a.lua", "oldText": "  while true do", "newText": "  for try = 1, 3 do"}},
      {"type": "tool", "id": "3", "name": "edit", "args": {"path": "a.lua", "oldText": "end\n\nreturn", "newText": "  return nil, \"gave up\"\nend\n\nreturn"}}]},
    {"content": [{"type": "text", "text": "Done."}]}
  ]' $'local function retry(call)\n  while true do\n    local ok, result = pcall(call)\n    if ok then\n      return result\n    end\n  end\nend\n\nreturn retry'
  tm_keys x
  choose explain
  screen_has 'Pi finished: 2 changes in 1 file, next with \]d'
  screen_has '^● +8 '
  tm_keys g g ']' d
  screen_has '^ NOR .* 2:[0-9]+$'
  tm_keys Space a
  screen_has 'Pi: keep this change'
  check "the picture of the review is true" picture docs/editors/helix-review.svg \
    'Code in Helix: a hint at each change of Pi, and a menu that keeps or rejects the one under the cursor' $rows
  unset TM_COLS TM_ROWS COLORTERM
fi
