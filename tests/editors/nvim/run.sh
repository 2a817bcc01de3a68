#!/usr/bin/env bash
# Runs the Neovim plugin's specs: each story in a fresh, real Neovim with a screen, against the real server and a
# scripted model.
#
#   run.sh [SPEC]...     default: all of specs/
#
# PI_BIN is the server (default target/debug/pi), EDITORS_SUITE chooses the Neovim (trixie: 0.10, forky: newest).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=../env.sh
. "$here/env.sh"
trap 'rm -rf "$scratch"' EXIT
isolate "$scratch"
export PI_TEST_SCRATCH=$scratch PI_TEST_REPO=$repo PI_TEST_EDITOR=$here/bin/nvim
cd "$here/nvim"
if [ $# -gt 0 ]; then specs=("$@"); else specs=(specs/*.lua); fi
"$here/bin/nvim" --headless --clean -n -l harness.lua "${specs[@]}"
