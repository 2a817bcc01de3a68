# What the stories in Helix share: how it is started, keys, and what is in the buffer. Sourced by run.sh; $here is
# tests/editors.
# shellcheck shell=bash

# Whether this Helix has dialogs for questions and passes arguments to commands.
case $("$here/bin/hx" --version) in
  *' 25.01'*) newer=no ;;
  *) newer=yes ;;
esac

configure() {
  mkdir -p "$XDG_CONFIG_HOME/helix"
  cp "$repo"/editors/helix/{config,languages}.toml "$XDG_CONFIG_HOME/helix"
}

# begin SCRIPT [TEXT]: a fresh workspace with a.lua, opened in Helix.
begin() {
  new_workspace "$1"
  printf '%s\n' "${2:-x = 1}" > a.lua
  open_helix a.lua
}
# open_helix FILE: a new Helix in the workspace.
open_helix() {
  tm_stop
  cd "$workspace"
  rm -f "$XDG_CACHE_HOME/helix/helix.log"
  tm_start "$here/bin/hx" -v "$1"
  tm_wait "NOR.*$1"
  # Nothing on the screen says that the server is ready.
  received '"method":"textDocument/didOpen"'
}
# Whether a message with TEXT went by, which Helix logs.
received() { eventually grep -qF -- "$1" "$XDG_CACHE_HOME/helix/helix.log"; }
# back_to_question TEXT: from the prompt of the chat to the question above it that asks for TEXT, with the key for the
# diagnostic before the cursor, as soon as there is one. What it says is below the line with the cursor then.
back_to_question() { eventually back_to "$1"; }
back_to() { tm_keys '[' d && screen_contains "└─Pi waits for your answer: $1"; }
# A question of Pi: newer ones show a dialog. Escape closes it and decides nothing.
dismiss() { [ "$newer" = no ] || { screen_has 'Allow once' && tm_keys Escape && eventually not_on_screen 'Allow once'; }; }
# quit COMMAND: leaves Helix with it.
quit() { command_line "$1" && tm_wait '^\[exited 0\]'; }

# Whether the buffer, saved or not, has LINE as its line NUMBER.
has_line() { tm_wait "^ *(● +)?$1 +$2( |\$)"; }
# Whether it begins with LINE.
shows() { has_line 1 "$1"; }
disk_is() { file_is a.lua "$1"; }

# Back to normal mode. A key right after Escape would be read as Alt with that key.
normal_mode() { tm_keys Escape && tm_wait '^ NOR '; }
# command_line TEXT: types it behind a colon.
command_line() { tm_type ":$1" && tm_wait "^:$1" && tm_keys Enter; }
# choose TITLE: the code action whose title begins with it, where the cursor is. The first one is chosen already.
choose() {
  tm_keys Space a
  eventually screen_contains "Pi: $1" || return 1
  local at
  at=$(tm_screen | grep -o 'Pi: .*' | grep -nF -- "Pi: $1" | head -n1 | cut -d: -f1)
  while [ "$at" -gt 1 ]; do tm_keys Down; at=$((at - 1)); done
  tm_keys Enter
}
# write_prompt TEXT: at the end of the chat document, where the prompt is.
write_prompt() { tm_keys g e i && tm_wait '^ INS ' && tm_type "$1" && tm_wait "$1" && normal_mode; }
# say TEXT: writes it and saves, which sends it.
say() { write_prompt "$1" && command_line w; }
