# What Pi may not do unasked: the question comes into the minibuffer, and each way of answering it works.
permission_mode ask
asks='[
  {"content": [{"type": "text", "text": "I make it."}, {"type": "tool", "id": "1", "name": "bash", "args": {"command": "echo yes > made"}}]},
  {"content": [{"type": "text", "text": "I have gone on."}]}
]'
question='Answer \(C-g leaves it open\)'
begin "$asks"
ask 'go on'
check "the question comes into the minibuffer" screen_has "$question"
check "with the whole command" screen_has 'echo yes > made'
tm_keys Enter
check "Enter alone is no answer" screen_has 'Waiting for your answer · bash'
check "nothing has run" gone "$workspace/made"
pi_key q
screen_has "$question"
tm_keys C-g
check "C-g closes it" eventually not_on_screen 'C-g leaves it open'
check "and leaves it open" screen_has 'Waiting for your answer · bash'
check "nothing has run then, either" gone "$workspace/made"
pi_key q
screen_has "$question"
tm_type 'allow once' && tm_keys Enter
check "chosen from the answers, it is allowed" screen_has 'I have gone on\.'
check "and the command has run" [ -e "$workspace/made" ]

begin "$asks"
ask 'go on'
screen_has "$question"
tm_type 'reject' && tm_keys Enter
check "the minibuffer rejects as well" screen_has 'I have gone on\.'
check "and the command has not run" gone "$workspace/made"

# In the chat.
begin '[
  {"match": "the first", "content": [{"type": "tool", "id": "1", "name": "bash", "args": {"command": "echo > one"}}]},
  {"content": [{"type": "text", "text": "One is made."}]},
  {"match": "the second", "content": [{"type": "tool", "id": "2", "name": "write", "args": {"path": "two", "content": "2\n"}}]},
  {"content": [{"type": "text", "text": "Two is made."}]}
]'
open_chat
tm_keys C-x 1
say 'Make the first'
screen_has "$question" && tm_keys C-g
check "the chat shows the question" screen_has '### \? question 1 · bash'
# As soon as it is marked.
back_to() { tm_keys M-p && screen_contains 'Pi waits for your answer: echo > one'; }
check "M-p goes from the prompt to the question above it" eventually back_to
tm_keys C-s && tm_type '[ ] allow once' && screen_has 'I-search: \[ \] allow once' && tm_keys Enter C-a C-f C-f C-f C-d && tm_type x
check "a box is ticked" screen_has '- \[x\] allow once'
check "and nothing has happened yet" gone "$workspace/one"
save
check "saving answers" screen_has 'One is made\.'
check "the command has run" [ -e "$workspace/one" ]
tm_keys 'M->'
say 'Make the second'
screen_has "$question" && tm_keys C-g
say '/allow'
check "/allow answers" screen_has 'Two is made\.'
check "the file is there" eventually [ -e "$workspace/two" ]
