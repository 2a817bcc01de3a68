#!/usr/bin/env bash
# Runs pi.el in a real Emacs (batch) against the real server and a scripted model. PI_BIN is the server.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=../env.sh
. "$here/env.sh"
trap 'rm -rf "$scratch"' EXIT
isolate "$scratch"
export PI_TEST_SCRATCH=$scratch
timeout 60 "$here/bin/emacs" --batch -Q -L "$repo/editors/emacs" -l "$here/emacs/pi-test.el" -f pi-test-run
