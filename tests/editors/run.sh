#!/usr/bin/env bash
# Installs the editors that are missing and runs the stories in all of them.
#
#   run.sh [nvim|helix|emacs]...     default: all
#
# PI_BIN is the server, default target/debug/pi.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
suites=("$@")
[ $# -gt 0 ] || suites=(nvim helix emacs)
"$here/install.sh"
status=0
for suite in "${suites[@]}"; do
  echo "== $suite"
  "$here/$suite/run.sh" || status=1
done
exit $status
