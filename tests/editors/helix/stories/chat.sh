# The chat document: three turns, steering in the second; stopping; and what does not send.
begin '[
  {"match": "Who is there", "content": [{"type": "text", "text": "It is Pi."}]},
  {"match": "Run it", "content": [{"type": "tool", "id": "1", "name": "bash", "args": {"command": "cat gate"}}]},
  {"match": "be quick", "content": [{"type": "text", "text": "Quick indeed."}]},
  {"match": "Goodbye", "content": [{"type": "text", "text": "See you."}]},
  {"match": "Once more", "content": [{"type": "tool", "id": "2", "name": "bash", "args": {"command": "cat gate"}}]}
]'
tm_keys Space p c
check "a key opens the chat document" screen_has 'pi/chat/new-chat\.md'
say 'Who is there'
check "saving sends and the answer comes in above" screen_has '^ *[0-9]+ +It is Pi\.$'
say 'Run it'
check "the next turn shows what runs" screen_has '▶ bash · running'
say 'be quick'
check "a text saved meanwhile waits to steer" screen_has 'queued \(steered\)'
echo > "$workspace/gate"
received 'Quick indeed' && tm_keys g e
check "and is answered" screen_has 'Quick indeed'
say 'Goodbye'
check "the third turn is answered" screen_has 'See you'
tm_keys g e
check "the prompt is empty again" screen_has '^ *[0-9]+ +## You$'
check "the title is the first prompt" grep -q '^# Who is there' "$workspace/.pi/chat/new-chat.md"
say 'Once more'
screen_has '▶ bash · running'
say '/stop'
check "/stop ends the run" screen_has '[Ss]topped'
write_prompt 'Half a thought'
quit wqa
check "leaving with a draft sends nothing" never_said 'Half a thought'
check "and keeps it" grep -q 'Half a thought' "$workspace/.pi/chat/new-chat.md"
open_helix .pi/chat/new-chat.md
tm_keys g e
check "it is there again after a restart" screen_has 'Half a thought'
command_line w
screen_has 'written'
check "saving what came from the disk sends nothing either" never_said 'Half a thought'

# A question about a place.
begin '[{"match": "(?s)why\\?.*x = 11", "content": [{"type": "text", "text": "Because of the ones."}]}]'
tm_keys A 1
shows 'x = 11' && normal_mode
choose 'ask about this'
check "asking about a place opens the chat with its mention" screen_has '@a\.lua:1'
tm_keys g e A && tm_wait '^ INS ' && tm_type 'why?' && screen_has 'why\?' && normal_mode && command_line w
check "and the model gets the unsaved text of the place" screen_has 'Because of the ones'

if [ "$newer" = yes ]; then
  begin '[{"match": "say it louder", "content": [{"type": "text", "text": "LOUDER"}]}]'
  command_line 'lsp-workspace-command pi.prompt "say it louder"'
  check "a command takes a prompt" received 'LOUDER'
fi
