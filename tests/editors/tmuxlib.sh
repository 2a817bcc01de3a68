# Drives a terminal editor inside a private tmux server. Sourced, never run; $here is tests/editors.
#   tm_start COMMAND...       starts COMMAND in a terminal of TM_COLS x TM_ROWS
#   tm_keys KEY...            sends keys by name (Escape, Enter, Space, C-c, a)
#   tm_type TEXT              sends text literally
#   tm_screen                 prints the screen without trailing blanks
#   tm_wait PATTERN           waits until the screen matches (grep -E); prints the screen and fails if it never does
#   tm_stop                   ends everything
# shellcheck shell=bash
TM_SOCKET=pi-tests-$$
: "${TM_PATIENCE:=30}" # seconds
tm_starts=0
if command -v tmux >/dev/null; then TMUX_BIN=$(command -v tmux); else TMUX_BIN=$here/bin/tmux; fi
tm() { env -u TMUX "$TMUX_BIN" -L "$TM_SOCKET" -f /dev/null "$@"; }
tm_start() {
  # A socket of its own each time: a server that is still ending would take the new session with it.
  tm_starts=$((tm_starts + 1))
  TM_SOCKET=pi-tests-$$-$tm_starts
  # The shell stays after the command, so that its last words can still be read.
  # The colours that pictures need.
  tm start-server \; set -g default-terminal tmux-256color \; set -g escape-time 0 \; new-session -d -s t -x "${TM_COLS:-110}" -y "${TM_ROWS:-30}" \
    "$(printf '%q ' "$@"); echo '[exited '\$?']'; exec cat"
}
tm_keys() { tm send-keys -t t "$@"; }
tm_type() { tm send-keys -t t -l -- "$1"; }
tm_screen() { tm capture-pane -p -t t | sed 's/[ ]*$//'; }
tm_wait() {
  local deadline=$((SECONDS + TM_PATIENCE))
  until tm_screen | grep -qE -- "$1"; do
    if [ "$SECONDS" -gt "$deadline" ]; then
      echo "the screen never matched: $1" >&2
      tm_screen >&2
      return 1
    fi
    sleep 0.05 # a polling interval, not a guess at how long something takes
  done
}
tm_stop() {
  tm kill-server 2>/dev/null || true
  rm -f "${TMUX_TMPDIR:-/tmp}/tmux-$(id -u)/$TM_SOCKET"
}
