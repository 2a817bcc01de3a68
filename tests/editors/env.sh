# What the editor tests share: the binary, a scratch directory, and an environment in which nothing of the user's is
# read or written. Sourced, never run; $here is tests/editors.
# shellcheck shell=bash
repo=$(cd "$here/../.." && pwd)
: "${PI_BIN:=$repo/target/debug/pi}"
PI_BIN=$(readlink -f "$PI_BIN" || echo "$PI_BIN")
export PI_BIN
if [ ! -x "$PI_BIN" ]; then
  echo "tests/editors: no $PI_BIN: run cargo build first, or set PI_BIN" >&2
  exit 1
fi
# Before HOME changes, because it decides where the editors are.
. "$here/lib.sh"
scratch=$(mktemp -d "${TMPDIR:-/tmp}/pi-editors.XXXXXX")

# permission_mode MODE: what Pi may do unasked from its next start on. Permissions have stories of their own.
permission_mode() {
  printf '{"permissions": {"mode": "%s"}}\n' "$1" > "$PI_CODING_AGENT_DIR/settings.json"
}

# isolate DIR: a home of its own for the editor and for Pi.
isolate() {
  mkdir -p "$1"/{home,config,data,state,cache,run,agent}
  export HOME=$1/home XDG_CONFIG_HOME=$1/config XDG_DATA_HOME=$1/data XDG_STATE_HOME=$1/state
  export XDG_CACHE_HOME=$1/cache XDG_RUNTIME_DIR=$1/run PI_CODING_AGENT_DIR=$1/agent
  chmod 700 "$1/run"
  permission_mode full
  unset ANTHROPIC_API_KEY ANTHROPIC_OAUTH_TOKEN OPENAI_API_KEY NVIM NVIM_APPNAME VIMRUNTIME VIM
}

passed=0
failed=0
# check NAME COMMAND...: one line of the report.
check() {
  local name=$1; shift
  if "$@"; then
    passed=$((passed + 1)); echo "ok    $name"
  else
    failed=$((failed + 1)); echo "FAIL  $name"
  fi
}
# The last line of every suite, and its exit status.
report() {
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
}
