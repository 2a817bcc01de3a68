#!/usr/bin/env bash
# Installs the editors that are missing and runs the stories in all of them.
#
#   run.sh [nvim|helix|emacs|vscode]...     default: all
#
# PI_BIN is the server, default target/debug/pi. VS Code comes from npm; where that cannot be reached its stories are
# skipped, which is said.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
suites=("$@")
[ $# -gt 0 ] || suites=(nvim helix emacs vscode)
# The editor of a suite, and what it needs to be driven.
declare -A needs=([nvim]=nvim [helix]=hx [emacs]="emacs rass" [vscode]=vscode)
command -v tmux >/dev/null || needs[helix]="hx tmux"
status=0
for suite in "${suites[@]}"; do
  echo "== $suite"
  # shellcheck disable=SC2086
  if ! "$here/install.sh" ${needs[$suite]}; then
    [ "$suite" = vscode ] || exit 1
    echo "SKIPPED: $suite could not be installed"
    continue
  fi
  "$here/$suite/run.sh" || status=1
done
exit $status
