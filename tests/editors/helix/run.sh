#!/usr/bin/env bash
# Plays the stories in a real Helix in a terminal (tmux) with the configuration in editors/helix, against the real
# server and a scripted model.
#
#   run.sh [STORY]...     default: all of stories/
#
# PI_BIN is the server, EDITORS_SUITE chooses the Helix (trixie: 25.01, forky: newest).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=../env.sh
. "$here/env.sh"
# shellcheck source=../tmuxlib.sh
. "$here/tmuxlib.sh"
# shellcheck source=../stories.sh
. "$here/stories.sh"
# shellcheck source=lib.sh
. "$here/helix/lib.sh"
trap 'status=$?; tm_stop; rm -rf "$scratch"; [ -n "${reported:-}" ] || { echo "$passed passed, $((failed + 1)) failed"; exit 1; }; exit $status' EXIT
isolate "$scratch"
pi_in_path
configure
names=("$@")
[ $# -gt 0 ] || for it in "$here"/helix/stories/*.sh; do names+=("$(basename "$it" .sh)"); done
for name in "${names[@]}"; do
  permission_mode full
  # shellcheck source=/dev/null
  . "$here/helix/stories/$name.sh"
done
reported=1
report
