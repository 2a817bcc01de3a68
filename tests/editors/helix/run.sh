#!/usr/bin/env bash
# Runs a real Helix in a terminal (tmux) with the configuration in editors/helix, against the real server and a
# scripted model. PI_BIN is the server, EDITORS_SUITE chooses the Helix (trixie: 25.01, forky: newest).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=../env.sh
. "$here/env.sh"
# shellcheck source=../tmuxlib.sh
. "$here/tmuxlib.sh"
trap 'status=$?; tm_stop; rm -rf "$scratch"; [ -n "${reported:-}" ] || { echo "$passed passed, 1 failed"; exit 1; }; exit $status' EXIT
isolate "$scratch"

# The shipped configuration, unchanged; it says "pi", so that is what PATH must have.
mkdir -p "$XDG_CONFIG_HOME/helix" "$scratch/bin"
cp "$repo"/editors/helix/{config,languages}.toml "$XDG_CONFIG_HOME/helix"
printf '#!/bin/sh\nexec "%s" "$@" --provider faux --model scripted\n' "$PI_BIN" > "$scratch/bin/pi"
chmod +x "$scratch/bin/pi"
export PATH=$scratch/bin:$PATH

stories=0
begin() { # begin SCRIPT: a fresh workspace with a.lua, opened in Helix
  tm_stop
  # Not the same folder again: Pi would show what is to be reviewed from the story before.
  stories=$((stories + 1))
  workspace=$scratch/$stories
  mkdir -p "$workspace/.git"
  mkfifo "$workspace/gate"
  printf 'x = 1\n' > "$workspace/a.lua"
  printf '%s' "$1" > "$scratch/model.json"
  export PI_FAUX_SCRIPT=$scratch/model.json
  cd "$workspace"
  rm -f "$XDG_CACHE_HOME/helix/helix.log"
  tm_start "$here/bin/hx" -v a.lua
  tm_wait 'NOR.*a\.lua'
  # Nothing on the screen says that the server is ready; the log of the messages does.
  local deadline=$((SECONDS + 15))
  until grep -q '"method":"textDocument/didOpen"' "$XDG_CACHE_HOME/helix/helix.log" 2>/dev/null; do
    [ "$SECONDS" -le "$deadline" ] || { echo "Helix never opened the file for Pi" >&2; return 1; }
    sleep 0.05 # a polling interval
  done
}
# Whether the buffer, saved or not, has LINE as its first line.
shows() { tm_wait "^ *1 +$1\$"; }
# Back to normal mode. A key right after Escape would be read as Alt with that key.
normal_mode() { tm_keys Escape && tm_wait '^ NOR '; }
screen_has() { tm_wait "$1"; }
disk_is() { [ "$(cat "$workspace/a.lua")" = "$1" ] || { echo "disk: $(cat "$workspace/a.lua")" >&2; false; }; }

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
tm_keys x Space a
check "the selection offers what to do with it" screen_has 'Pi: explain'
tm_keys Down Down Enter # the first two would open the chat
check "the progress names what runs" screen_has 'Running cat gate'
echo > "$workspace/gate"
check "the edit lands in the buffer" shows 'x = 2'
check "the answer is in the status line" screen_has 'Made it two'
check "the disk is as it was" disk_is 'x = 1'
tm_keys u
check "one u undoes the edit" shows 'x = 11'

# Free text without a command that takes arguments: a comment says what is wanted.
begin '[{"match": "shout louder", "content": [{"type": "text", "text": "LOUDER"}]}]'
tm_keys O
tm_type '-- pi: shout louder'
shows '-- pi: shout louder' && normal_mode
tm_type ' a'
check "a comment offers to do what it says" screen_has 'Pi: do “shout louder”'
tm_keys Enter
check "what the comment says is the prompt" screen_has 'LOUDER'

begin "$edits"
tm_keys x Space p a
screen_has 'Pi: explain' && tm_keys Down Down Enter
screen_has 'Running cat gate'
tm_keys Space p s
check "a key stops the run" screen_has 'Stopped by you'
check "nothing was edited" shows 'x = 1'

# Permissions: a question shows what would be run, and code actions answer it.
long="echo $(seq -s ' ' -f 'w%03.0f' 60) > made" # over 300 characters
asks='[
  {"content": [{"type": "tool", "id": "1", "name": "bash", "args": {"command": "'$long'"}}]},
  {"content": [{"type": "text", "text": "I have gone on."}]}
]'
permission_mode ask
ask_about() { tm_keys x Space a && screen_has 'Pi: explain' && tm_keys Down Down Enter; }
begin "$asks"
ask_about
# The message and the progress share the status line; whichever came last is in it.
waits='Pi asks: echo w001|Waiting for your answer · bash'
check "the status line says that Pi waits" screen_has "$waits"
tm_keys g g
check "a diagnostic says for what" screen_has 'Pi waits for your answer: echo w001'
check "to the end of the command" screen_has 'w060 > made'
check "nothing has run" [ ! -e "$workspace/made" ]
tm_keys Space a
check "an action allows it" screen_has 'Pi: allow once'
tm_keys Enter
check "the run goes on" screen_has 'I have gone on'
check "the command has run" grep -q w060 "$workspace/made"
begin "$asks"
ask_about
screen_has "$waits"
tm_keys Space a
check "an action rejects it" screen_has 'Pi: reject – echo w001'
tm_keys Down Down Down Enter # behind the three that allow
check "the run goes on without it" screen_has 'I have gone on'
check "the command has not run" [ ! -e "$workspace/made" ]
permission_mode full

# The chat document: three turns, steering in the second.
begin '[
  {"match": "Who is there", "content": [{"type": "text", "text": "It is Pi."}]},
  {"match": "Run it", "content": [{"type": "tool", "id": "1", "name": "bash", "args": {"command": "cat gate"}}]},
  {"match": "be quick", "content": [{"type": "text", "text": "Quick indeed."}]},
  {"match": "Goodbye", "content": [{"type": "text", "text": "See you."}]}
]'
# say TEXT: writes it at the end of the chat document and saves.
say() { tm_keys g e i && tm_type "$1" && normal_mode && tm_type ':w' && tm_keys Enter; }
tm_keys Space p c
check "a key opens the chat document" screen_has 'pi/chat/new-chat\.md'
say 'Who is there'
check "saving sends and the answer comes in above" screen_has '^ *[0-9]+ +It is Pi\.$'
say 'Run it'
check "the next turn shows what runs" screen_has '▶ bash · running'
say 'be quick'
check "a text saved meanwhile waits to steer" screen_has 'queued \(steered\)'
echo > "$workspace/gate"
check "and is answered" screen_has 'Quick indeed'
say 'Goodbye'
check "the third turn is answered" screen_has 'See you'
tm_keys g e
check "the prompt is empty again" screen_has '^ *[0-9]+ +## You$'
check "the title is the first prompt" grep -q '^# Who is there' "$workspace/.pi/chat/new-chat.md"
reported=1
report
