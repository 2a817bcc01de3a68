#!/usr/bin/env bash
# Checks the VS Code extension: types, unit tests, the package, and stories in a real VS Code without a screen, against
# the real server and a scripted model.
#
#   run.sh [STORY]     default: everything; with a part of a name only the stories that have it
#
# PI_BIN is the server (default target/debug/pi). With PI_SHOTS=1 the picture in docs/ is made anew.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=../env.sh
. "$here/env.sh"
# shellcheck source=lib.sh
. "$here/vscode/lib.sh"
trap 'rm -rf "$scratch"' EXIT
extension=$repo/editors/vscode
PATH=$(node_bin):$PATH
PI_VSCODE_DIR=$(vscode_dir)
PI_CHROMIUM=${PI_TEST_CHROMIUM:-$(command -v chromium || echo "$here/bin/chromium")}
PI_STORY=${1:-}
export PI_VSCODE_DIR PI_CHROMIUM PI_STORY PI_BETWEEN=$scratch/between

# The packages of the lock file, if they are not there already.
packages() {
  cd "$extension"
  cmp -s package-lock.json node_modules/.installed && return
  npm ci --no-audit --no-fund --loglevel=error && cp package-lock.json node_modules/.installed
}
quietly() { "$@" > "$scratch/log" 2>&1 || { cat "$scratch/log"; return 1; }; }
in_extension() { cd "$extension" && quietly "$@"; }

check "packages" packages
if [ -z "$PI_STORY" ]; then
  check "types" in_extension npm run check
  check "unit tests" in_extension npm test
  check "the package is made" in_extension npm run package
fi
check "the extension is built" in_extension npm run build

isolate "$scratch"
mkdir -p "$scratch/workspace"
export PI_FAUX_SCRIPT=$scratch/model.json
echo '[]' > "$PI_FAUX_SCRIPT"
cat > "$scratch/settings.json" <<JSON
{ "pi.server.path": "$PI_BIN", "pi.server.args": ["--provider", "faux", "--model", "scripted"], "pi.permissions.mode": "full" }
JSON
# tell WORKSPACE SPEC...: these of specs/ in a window of their own.
tell() {
  local stories=$scratch/stories status=0 workspace=$1
  shift
  # Without a story that was asked for there is nothing to open a window for.
  if [ -n "$PI_STORY" ] && ! (cd "$here/vscode/specs" && grep -q "^[a-z]*(\".*$PI_STORY" "${@/%/.cjs}"); then return; fi
  PI_SPECS=$* timeout 620 node "$here/vscode/driver.mjs" --workspace "$workspace" --extension "$extension" \
    --spec "$here/vscode/specs.cjs" --settings "$scratch/settings.json" --out "${PI_OUT:-$scratch/out}" --timeout 600 |
    tee "$stories" || status=1
  told=$((told + $(grep -c '^ok \|^FAIL ' "$stories" || true)))
  passed=$((passed + $(grep -c '^ok ' "$stories" || true)))
  failed=$((failed + $(grep -c '^FAIL ' "$stories" || true)))
  [ $status -eq 0 ] || check "VS Code ended well" false
}
told=0
tell "$scratch/workspace" chat editor review revert permission questions demo picture
mkdir -p "$scratch/several"/{web,api}
echo '{ "folders": [{ "path": "web" }, { "path": "api" }] }' > "$scratch/several/several.code-workspace"
tell "$scratch/several/several.code-workspace" folders
[ "$told" -gt 0 ] || check "there are stories" false
if [ -n "${PI_SHOTS:-}" ]; then cp "${PI_OUT:-$scratch/out}/vscode.png" "$repo/docs/editors/vscode.png"; fi
report
