# What else the page of Helix says: problems of other servers, new chats, prompts that a marker sends, no workspace.
# Beside Pi, the first server that the shipped configuration has for Lua.
ln -s "$here/helix/problems.py" "$scratch/bin/lua-language-server"
begin '[
  {"match": "(?s)Fix this problem.*x is never used", "content": [{"type": "text", "text": "It is fixed."}]},
  {"match": "(?s)Explain this problem.*x is never used", "content": [{"type": "text", "text": "Nobody needs it."}]}
]'
check "a problem of another server is shown" screen_has '1 +x = 1 +x is never used|x is never used'
choose 'explain “x is never used”'
check "Pi explains it" received 'Nobody needs it'
choose 'fix “x is never used”'
check "and fixes it" received 'It is fixed'
rm "$scratch/bin/lua-language-server"

begin '[
  {"match": "first", "content": [{"type": "text", "text": "The first chat."}]},
  {"match": "second", "content": [{"type": "text", "text": "The second chat."}]}
]'
tm_keys Space p c
screen_has 'pi/chat/new-chat\.md'
say 'first'
screen_has 'The first chat'
tm_keys Space p n
tm_keys Space p c
check "a key begins a new chat" screen_has '^ NOR .*pi/chat/new-chat-2\.md'
say 'second'
check "and it is another one" screen_has 'The second chat'

printf '{"permissions": {"mode": "full"}, "chat": {"sendOn": "marker"}}' > "$PI_CODING_AGENT_DIR/settings.json"
begin '[{"match": "the whole thought", "content": [{"type": "text", "text": "Thought about it."}]}]'
tm_keys Space p c
screen_has 'pi/chat/new-chat\.md'
say 'the whole'
screen_has "new-chat\.md' written"
tm_keys g e A && tm_wait '^ INS ' && tm_type ' thought' && tm_keys Enter && tm_type '---' && screen_has '---$' && normal_mode
check "with the marker set, saving alone sends nothing" never_said 'the whole'
command_line w
check "and the line with the marker does" screen_has 'Thought about it'
permission_mode full

new_workspace '[
  {"content": [{"type": "tool", "id": "1", "name": "bash", "args": {"command": "pwd > where"}}]},
  {"content": [{"type": "text", "text": "I have looked."}]}
]'
rmdir .git
echo 'x = 1' > a.lua
open_helix a.lua
choose explain
check "without .git, Pi works where Helix was started" eventually file_is where "$workspace"
