#!/usr/bin/env bash
# Plays the stories of pi.el in a real Emacs against the real server and a scripted model: those about buffers and
# servers in batch, those of somebody at the keyboard in a terminal (tmux) with the shipped configuration.
#
#   run.sh [STORY]...     default: batch, and all of stories/
#
# PI_BIN is the server.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=../env.sh
. "$here/env.sh"
# shellcheck source=../tmuxlib.sh
. "$here/tmuxlib.sh"
# shellcheck source=../stories.sh
. "$here/stories.sh"
# shellcheck source=lib.sh
. "$here/emacs/lib.sh"
trap 'status=$?; tm_stop; rm -rf "$scratch"; [ -n "${reported:-}" ] || { echo "$passed passed, $((failed + 1)) failed"; exit 1; }; exit $status' EXIT
isolate "$scratch"
names=("$@")
[ $# -gt 0 ] || { names=(batch); for it in "$here"/emacs/stories/*.sh; do names+=("$(basename "$it" .sh)"); done; }
batch=0
for name in "${names[@]}"; do
  permission_mode full
  if [ "$name" = batch ]; then
    PI_TEST_SCRATCH=$scratch/batch timeout 120 "$here/bin/emacs" --batch -Q -L "$repo/editors/emacs" \
      -l "$here/emacs/pi-test.el" -f pi-test-run || batch=1
  else
    [[ $PATH = $scratch/* ]] || pi_in_path
    # shellcheck source=/dev/null
    . "$here/emacs/stories/$name.sh"
  fi
done
reported=1
if [ "$names" = batch ] && [ ${#names[@]} -eq 1 ]; then exit $batch; fi
report && [ $batch = 0 ]
