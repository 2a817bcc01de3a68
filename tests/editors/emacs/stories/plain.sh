# Eglot alone, with nothing but its configuration: ask from the code, allow by a word in the chat, have the edit in the
# buffer, take it back. First where Pi is the only server, then beside another one.
permission_mode ask
TM_ROWS=50
# converse FILE SERVER
converse() {
  new_workspace '[
    {"content": [{"type": "tool", "id": "1", "name": "read", "args": {"path": "'"$1"'"}}]},
    {"content": [{"type": "tool", "id": "2", "name": "bash", "args": {"command": "echo yes > made"}}]},
    {"content": [{"type": "tool", "id": "3", "name": "edit", "args": {"path": "'"$1"'", "oldText": "11", "newText": "2"}}]},
    {"content": [{"type": "text", "text": "Made it two."}]}
  ]'
  printf 'import os\nx = 1\n' > "$1"
  tm_stop
  tm_start "$here/bin/emacs" -nw -Q -l "$repo/editors/emacs/plain.el" \
    --eval '(setq inhibit-startup-screen t make-backup-files nil)' "$1"
  tm_wait "  $1 .*All"
  extended eglot
  check "$1: Eglot starts $2 by its configuration" screen_has "Connected! Server .$2. now managing"
  [ "$2" = pi ] || check "$1: what the other server finds is marked" screen_has '^!+import os'
  tm_keys C-n C-e && tm_type 1 && screen_has 'x = 11'
  extended eglot-code-actions
  screen_has 'Pick an action' && tm_type 'Pi: change' && tm_keys Enter
  check "$1: a code action opens the chat, with the place in it" screen_has "^ *Change @$1:2 so that"
  tm_keys 'M->' && tm_type 'it is two' && save
  check "$1: saving sends, and the command is asked about" screen_has 'allow in this chat: .edit.made'
  check "$1: it has not run" gone "$workspace/made"
  tm_keys 'M->' && tm_type '/allow' && save
  check "$1: a word in the chat allows it" eventually [ -e "$workspace/made" ]
  check "$1: the edit is asked about as well" screen_has "allow in this chat: .edit.$1"
  tm_keys 'M->' && tm_type '/allow' && save
  check "$1: the edit is in the buffer" screen_has 'x = 2$'
  tm_keys M-v
  check "$1: the answer is in the chat" screen_has 'Made it two\.'
  check "$1: the disk is as it was" file_is "$1" "$(printf 'import os\nx = 1')"
  tm_keys C-x o && tm_keys C-/
  check "$1: one undo takes it back, and only that" screen_has 'x = 11$'
}
converse a.txt pi
before=$PATH
PATH=$PATH:$EDITORS_HOME/rass/bin
converse a.py 'ruff.pi'
PATH=$before
unset TM_ROWS
