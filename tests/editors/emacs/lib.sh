# What the stories in Emacs share: how it is started, and keys. Sourced by run.sh; $here is tests/editors.
# shellcheck shell=bash

# begin SCRIPT [TEXT]: a fresh workspace with a.txt, opened in Emacs and shown to Pi.
begin() {
  new_workspace "$1"
  printf '%s\n' "${2:-x = 1}" > a.txt
  open_emacs a.txt
}
# open_emacs FILE: a new Emacs in the workspace, with the shipped configuration.
open_emacs() {
  tm_stop
  tm_start "$here/bin/emacs" -nw -Q -L "$repo/editors/emacs" -l "$repo/editors/emacs/init.el" \
    --eval '(setq inhibit-startup-screen t make-backup-files nil)' "$1"
  tm_wait "  $1 .*All"
  extended pi-mode
  tm_wait 'Connected! Server .pi. now managing'
}
# extended COMMAND: by its name.
extended() { tm_keys M-x && tm_wait '^M-x' && tm_type "$1" && tm_wait "^M-x $1" && tm_keys Enter; }
# pi_key KEY: one of Pi's.
pi_key() { tm_keys C-c , "$1"; }
save() { tm_keys C-x C-s; }
# ask TEXT: with the key for it.
ask() { pi_key a && tm_wait '^Ask Pi:' && tm_type "$1" && tm_keys Enter; }
# open_chat: and be in its prompt.
open_chat() { pi_key c && tm_wait 'new-chat\.md .*Pi-Chat' && tm_wait '^ *## You$'; }
# say TEXT: writes it where the cursor is, in the prompt, and saves, which sends it.
say() { tm_type "$1" && tm_wait "$1" && save; }
disk_is() { file_is a.txt "$1"; }
gone_from_chat() { ! grep -q -- "$1" "$workspace/.pi/chat/new-chat.md"; }
