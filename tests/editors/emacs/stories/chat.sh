# The chat: three turns, steering in the second from the chat and from the code, stopping.
begin '[
  {"match": "Who is there", "content": [{"type": "text", "text": "It is Pi."}]},
  {"match": "Run it", "content": [{"type": "tool", "id": "1", "name": "bash", "args": {"command": "cat gate"}}]},
  {"match": "be quick", "content": [{"type": "tool", "id": "2", "name": "bash", "args": {"command": "cat gate"}}]},
  {"match": "be kind", "content": [{"type": "text", "text": "Quick and kind."}]},
  {"match": "Goodbye", "content": [{"type": "text", "text": "See you."}]},
  {"match": "Once more", "content": [{"type": "tool", "id": "3", "name": "bash", "args": {"command": "cat gate"}}]}
]'
open_chat
tm_keys C-x 1
say 'Who is there'
check "saving sends and the answer comes in above" screen_has '^ +It is Pi\.$'
say 'Run it'
check "the next turn shows what runs" screen_has '▶ bash · running'
say 'be quick'
check "a text saved meanwhile waits to steer" screen_has 'queued \(steered\)'
echo > "$workspace/gate"
screen_has '### ✓ bash' && screen_has '▶ bash · running'
pi_key s && screen_has '^Steer Pi:' && tm_type 'be kind' && tm_keys Enter
check "a key steers as well" screen_has 'queued \(steered\)'
echo > "$workspace/gate"
check "and both are answered" screen_has 'Quick and kind\.'
say 'Goodbye'
check "the third turn is answered" screen_has 'See you\.'
check "the title is the first prompt" eventually grep -q '^# Who is there' "$workspace/.pi/chat/new-chat.md"
say 'Once more'
screen_has 'Pi: Running cat gate'
pi_key x
check "a key stops the run" screen_has 'Stopped by you'
tm_type 'Half a thought'
tm_keys C-x C-c && screen_has 'Save file .*new-chat' && tm_keys y
screen_has '^\[exited 0\]'
check "leaving with a draft sends nothing" never_said 'Half a thought'
check "and keeps it" grep -q 'Half a thought' "$workspace/.pi/chat/new-chat.md"

# With all buffers saved by a timer.
begin '[{"match": "explain|Explain", "content": [{"type": "text", "text": "It is one."}]}]'
tm_keys M-: && screen_has '^Eval:' && tm_type '(progn (setq auto-save-visited-interval 1) (auto-save-visited-mode))' && tm_keys Enter
screen_has 'Auto-Save-Visited mode enabled|^t$'
tm_keys C-a C-Space C-e
open_chat_about() { pi_key c && screen_has '^ *@a\.txt:1'; }
check "the region is mentioned in the chat" open_chat_about
tm_type 'half a thought' && screen_has 'half a thought'
tm_keys C-x o && screen_has 'x = 1' && tm_keys C-e && tm_type 1
check "other buffers are saved by themselves" eventually disk_is 'x = 11'
check "the chat is not" gone_from_chat 'half a thought'
check "and it is not sent" never_said 'half a thought'
pi_key m && screen_has 'Pick an action' && tm_type 'Pi: explain' && tm_keys Enter
check "a key has everything there is for a place" screen_has 'It is one\.'
