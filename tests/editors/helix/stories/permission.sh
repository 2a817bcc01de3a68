# What Pi may not do unasked: the whole question is there to be read, and each way of answering it works.
permission_mode ask
long="echo $(seq -s ' ' -f 'w%03.0f' 60) > made" # over 300 characters
asks='[
  {"content": [{"type": "tool", "id": "1", "name": "bash", "args": {"command": "'$long'"}}]},
  {"content": [{"type": "text", "text": "I have gone on."}]}
]'
# The message and the progress share the status line; whichever came last is in it.
waits='Pi asks: echo w001|Waiting for your answer · bash'
begin "$asks"
choose explain
dismiss
check "the status line says that Pi waits" screen_has "$waits"
tm_keys g g
check "a diagnostic says for what" screen_has 'Pi waits for your answer: echo w001'
check "to the end of the command" screen_has 'w060 > made'
check "nothing has run" gone "$workspace/made"
choose 'allow once – echo w001'
check "a code action allows it, and what it made waits for review" screen_has 'Pi finished: 1 change in 1 file'
check "the command has run" grep -q w060 "$workspace/made"

begin "$asks"
choose explain
dismiss
screen_has "$waits"
choose 'reject – echo w001'
check "a code action rejects it and the run goes on" received 'I have gone on'
check "the command has not run" gone "$workspace/made"

if [ "$newer" = yes ]; then
  begin "$asks"
  choose explain
  check "a dialog asks" screen_has 'Allow once'
  tm_keys Enter
  check "an Enter that was meant for something else decides nothing" screen_has "$waits"
  check "and nothing has run" gone "$workspace/made"
  choose 'allow once – echo w001'
  screen_has 'Pi finished: 1 change in 1 file'

  begin "$asks"
  choose explain
  screen_has 'Allow once' && tm_keys Down Enter
  check "its choice counts" screen_has 'Pi finished: 1 change in 1 file'
  check "the command has run" grep -q w060 "$workspace/made"
fi

# In the chat document.
chat='[
  {"match": "the first", "content": [{"type": "tool", "id": "1", "name": "bash", "args": {"command": "echo > one"}}]},
  {"content": [{"type": "text", "text": "One is made."}]},
  {"match": "the second", "content": [{"type": "tool", "id": "2", "name": "write", "args": {"path": "two", "content": "2\n"}}]},
  {"content": [{"type": "text", "text": "Two is made."}]},
  {"match": "the third", "content": [{"type": "tool", "id": "3", "name": "bash", "args": {"command": "echo > three"}}]},
  {"match": "make four", "content": [{"type": "text", "text": "Four it is."}]},
  {"content": [{"type": "text", "text": "Three is not made."}]}
]'
begin "$chat"
tm_keys Space p c
screen_has 'pi/chat/new-chat\.md'
say 'Make the first'
dismiss
check "the chat shows the question" screen_has '### \? question 1 · bash'
check "with a box for each answer" screen_has '- \[ \] allow once'
tm_keys / && tm_type 'allow once' && tm_keys Enter
tm_keys g h f '[' l r x
check "a box is ticked" screen_has '- \[x\] allow once'
check "and nothing has happened yet" gone "$workspace/one"
command_line w
check "saving answers" screen_has 'One is made'
check "the command has run" [ -e "$workspace/one" ]
say 'Make the second'
dismiss
check "[d goes from the prompt to the question above it" back_to_question 'edit two'
check "which is all there" screen_has '### \? question 2 · write'
say '/allow'
check "/allow answers" screen_has 'Two is made'
check "the file is there" eventually [ -e "$workspace/two" ]
check "and its step stands in the chat once" [ "$(tm_screen | grep -c 'write two')" = 1 ]
say 'Make the third'
dismiss
back_to_question 'echo > three'
screen_has '### \? question 3 · bash'
say '/reject make four instead'
check "/reject tells the model why" screen_has 'Three is not made'
check "the command has not run" gone "$workspace/three"
