#!/usr/bin/env bash
# Fetches the real editors that the tests drive into a cache directory. Nothing is installed system-wide.
#
#   install.sh [--suite SUITE] [--force] [nvim|hx|emacs|rass|tmux|vscode]...
#
# Without names: everything that run.sh needs. The packages come from Debian SUITE (default trixie, $EDITORS_SUITE)
# through the apt sources this machine already has; no root needed. rass, which lets Eglot talk to two servers, and
# ruff, the second one, are Python packages. Everything lands under
# ${EDITORS_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/pi-editors}, which must not be moved afterwards. Running it again
# is cheap: what is there and starts is kept.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=lib.sh
. "$here/lib.sh"
# shellcheck source=vscode/lib.sh
. "$here/vscode/lib.sh"

suite=$EDITORS_SUITE
force=0
names=()
while [ $# -gt 0 ]; do
  case $1 in
    --suite) suite=$2; shift ;;
    --force) force=1 ;;
    -h | --help) sed -n '2,10p' "$0" | sed 's/^# \{0,1\}//'; exit 0 ;;
    *) names+=("$1") ;;
  esac
  shift
done
if [ ${#names[@]} -eq 0 ]; then
  names=(nvim hx emacs rass vscode)
  command -v tmux >/dev/null || names+=(tmux)
fi

mkdir -p "$EDITORS_HOME"
exec 9>"$EDITORS_HOME/.lock"
flock 9 # one installer at a time

for name in "${names[@]}"; do
  started=$(date +%s)
  case $name in
    nvim) install_tool nvim neovim usr/bin/nvim ;;
    hx) install_tool hx hx usr/lib/hx/hx ;;
    emacs) install_tool emacs emacs-nox usr/bin/emacs-nox ;;
    tmux) install_tool tmux tmux usr/bin/tmux ;;
    rass) install_rass ;;
    vscode) install_vscode ;;
    *) die "unknown editor: $name (nvim, hx, emacs, rass, tmux or vscode)" ;;
  esac
  echo "installed: $name ($(($(date +%s) - started)) s)"
done
