# What the stories in terminal editors share: the program "pi" in the PATH, and questions about screen, files and
# sessions. Sourced after tmuxlib.sh; $scratch is the folder of this run, $workspace that of the story.
# shellcheck shell=bash

# The shipped configurations say "pi": that is the server under test with a scripted model.
pi_in_path() {
  mkdir -p "$scratch/bin"
  printf '#!/bin/sh\nexec "%s" "$@" --provider faux --model scripted\n' "$PI_BIN" > "$scratch/bin/pi"
  chmod +x "$scratch/bin/pi"
  export PATH=$scratch/bin:$PATH
}

stories=0
# new_workspace SCRIPT: a fresh one, and a model that follows SCRIPT. Never the same folder again: Pi would show what
# is to be reviewed from the story before.
new_workspace() {
  stories=$((stories + 1))
  workspace=$scratch/$stories/project
  mkdir -p "$workspace/.git"
  mkfifo "$workspace/gate"
  printf '%s' "$1" > "$scratch/model.json"
  export PI_FAUX_SCRIPT=$scratch/model.json
  cd "$workspace" || return
}

# eventually COMMAND...: waits until it succeeds.
eventually() {
  local deadline=$((SECONDS + TM_PATIENCE))
  until "$@" 2>/dev/null; do
    [ "$SECONDS" -le "$deadline" ] || { echo "never: $*" >&2; tm_screen >&2; return 1; }
    sleep 0.05 # a polling interval
  done
}
screen_has() { tm_wait "$1"; }
# The same, of a text and not a pattern, as it is now.
screen_contains() { tm_screen | grep -qF -- "$1"; }
not_on_screen() { ! screen_contains "$1"; }
# file_is NAME TEXT
file_is() { [ "$(cat "$workspace/$1")" = "$2" ]; }
gone() { [ ! -e "$1" ]; }
# Whether a session has TEXT as something that was said.
was_said() { grep -rqs -- "$1" "$PI_CODING_AGENT_DIR/sessions"; }
never_said() { ! was_said "$1"; }

# What differs from run to run in a picture: the time, the spinner, ids, the folder of the run.
differs=('\d\d:\d\d=14:02' '[⠁-⣿]=⣾' '[0-9a-f]{8}(-[0-9a-f]+)+=01a21569-a10d-72d5-aefa-c19959ce3828')
# picture FILE TITLE [ROWS]: whether the screen, or so many rows of it, has the text of this picture in the
# repository; UPDATE=1 draws it anew.
picture() {
  eventually at_rest
  tm capture-pane -e -N -p -t t | head -n "${3:-1000}" | "$here/picture.py" "$repo/$1" "$2" "${differs[@]}" "$workspace=/home/me/project"
}
# Whether the screen has stood still for a moment, but for a spinner.
at_rest() {
  local before
  before=$(tm_screen | sed 's/[⠁-⣿]//g')
  sleep 0.7 # longer than any pause between two steps of what is drawn
  [ "$(tm_screen | sed 's/[⠁-⣿]//g')" = "$before" ]
}
