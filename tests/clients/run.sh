#!/usr/bin/env bash
# Holds the examples of docs/clients: each has the same conversation with the scripted model, over the real binary.
# Session files go back and forth between Pi itself and us. Where the conformance suite is at hand, Pi's published
# clients of both generations are put to it as well.
#
#   run.sh [python|go|shell|typescript|roundtrip|published]...     default: all
#
# PI_BIN is the server, default target/debug/pi. What npm installs is kept in the user's cache.
set -uo pipefail
# Background commands get a process group each, which can be ended with all they started.
set -m
# Writing to a client that has ended is an error of that client's test.
trap : PIPE
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd "$here/../.." && pwd)
clients=$repo/docs/clients
conformance=$repo/../shared/conformance/tsclient
cache=${XDG_CACHE_HOME:-$HOME/.cache}/pi-server-tests
: "${PI_BIN:=$repo/target/debug/pi}"
if [ ! -x "$PI_BIN" ]; then
  echo "tests/clients: no $PI_BIN: run cargo build first, or set PI_BIN" >&2
  exit 1
fi
PI_BIN=$(readlink -f "$PI_BIN")
export PI_BIN
scratch=$(mktemp -d "${TMPDIR:-/tmp}/pi-clients.XXXXXX")
running=
cleanup() {
  [ -z "$running" ] || kill -- "-$running" 2>/dev/null
  rm -rf "$scratch"
}
trap cleanup EXIT
# Seconds until a client that says nothing has failed; node and a busy machine need some.
patience=30

have() { command -v "$1" >/dev/null 2>&1; }
skip() { echo "SKIPPED: $1: $2"; }
passed=0
failed=0
# check NAME COMMAND...: one line of the report.
check() {
  local name=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
    echo "ok    $name"
  else
    failed=$((failed + 1))
    echo "FAIL  $name"
  fi
}

# until_said TEXT: waits until the client has printed a line that is TEXT.
until_said() {
  local deadline=$((SECONDS + patience))
  until grep -qxF -- "$1" "$work/out"; do
    if [ $SECONDS -ge $deadline ]; then
      echo "      never printed: $1"
      return 1
    fi
    kill -0 "$running" 2>/dev/null || grep -qxF -- "$1" "$work/out" || {
      echo "      ended before it printed: $1"
      return 1
    }
    sleep 0.02
  done
}

# ended: waits for the client and gives its status.
ended() {
  local deadline=$((SECONDS + patience))
  while kill -0 "$running" 2>/dev/null; do
    if [ $SECONDS -ge $deadline ]; then
      echo "      did not end"
      return 1
    fi
    sleep 0.02
  done
  wait "$running"
}

# begin NAME COMMAND...: starts a client in a workspace of its own, with nothing of the user's; it reads what is written to
# descriptor 3.
begin() {
  work=$scratch/$1
  shift
  mkdir -p "$work/files"
  echo alpha >"$work/files/a.txt"
  mkfifo "$work/in"
  : >"$work/out"
  (
    cd "$work/files" || exit
    exec env -u ANTHROPIC_API_KEY -u ANTHROPIC_OAUTH_TOKEN -u OPENAI_API_KEY HOME="$scratch/home" \
      PI_CODING_AGENT_DIR="$scratch/agent" PI_FAUX_SCRIPT="$here/script.json" \
      "$@" --provider faux --model scripted
  ) <"$work/in" >"$work/out" 2>"$work/err" &
  running=$!
  exec 3>"$work/in"
}

# The prompt is answered with text and tools, a steering message is delivered after the tool in progress, a second run is
# stopped, and the end of the input ends the client without an error.
conversation() {
  local status=0
  begin "$@"
  {
    echo look >&3 &&
      until_said '[bash {"command":"until [ -e go ]; do sleep 0.05; done"}]' &&
      echo 'be brief' >&3 &&
      until_said '[waiting: be brief]' &&
      : >"$work/files/go" &&
      until_said '[ready]' &&
      echo wait >&3 &&
      until_said '[bash {"command":"until [ -e never ]; do sleep 0.05; done"}]' &&
      echo /stop >&3 &&
      until_said '[bash: failed]'
  } || status=1
  exec 3>&-
  [ $status -ne 0 ] || ended || status=1
  # One that ended by itself has to have ended what it started.
  [ $status -eq 0 ] || kill -- "-$running" 2>/dev/null
  running=
  diff "$here/expected.txt" "$work/out" || status=1
  [ $status -eq 0 ] || sed 's/^/      /' "$work/err"
  return $status
}

# What is asked just before the end of the input is still answered.
last_words() {
  local status=0
  begin "$@"
  echo bye >&3
  exec 3>&-
  ended || status=1
  # One that ended by itself has to have ended what it started.
  [ $status -eq 0 ] || kill -- "-$running" 2>/dev/null
  running=
  diff <(printf '> bye\nGoodbye.\n[ready]\n') "$work/out" || status=1
  [ $status -eq 0 ] || sed 's/^/      /' "$work/err"
  return $status
}

# No process of ours outlives a client: it would have the agent directory in its environment.
nothing_left() {
  local deadline=$((SECONDS + patience)) left
  # Not by the status of grep: processes that end while it reads are errors to it.
  while left=$(grep -lsF "PI_CODING_AGENT_DIR=$scratch/agent" /proc/[0-9]*/environ) || true && [ -n "$left" ]; do
    if [ $SECONDS -ge $deadline ]; then
      echo "      still there: $left"
      return 1
    fi
    sleep 0.02
  done
}

example() {
  local name=$1
  shift
  check "$name: prompt, tools, steering, stop" conversation "$name-long" "$@"
  check "$name: the last prompt is answered" last_words "$name-short" "$@"
  if [ -e /proc/self/environ ]; then
    check "$name: nothing is left behind" nothing_left
  else
    skip "$name: nothing is left behind" "no /proc"
  fi
}

python() {
  have python3 || { skip python "no python3"; return; }
  example python python3 "$clients/python/chat.py"
}

shell() {
  have jq || { skip shell "no jq"; return; }
  example shell bash "$clients/shell/chat.sh"
}

go_example() {
  have go || { skip go "no go"; return; }
  go_build() {
    (cd "$clients/go" && GOTOOLCHAIN=local GOFLAGS=-buildvcs=false go build -o "$scratch/chat-go" . && [ -z "$(gofmt -l .)" ])
  }
  check "go: builds, and is formatted" go_build
  [ ! -x "$scratch/chat-go" ] || example go "$scratch/chat-go"
}

# The packages of the example: pinned by its package.json.
typescript_packages() {
  local modules=$cache/rpc-clients/0.87.1
  # Copied when all is there: an installation that was interrupted is made again.
  cmp -s "$clients/typescript/package.json" "$modules/installed.json" && return
  rm -rf "$modules"
  mkdir -p "$modules"
  cp "$clients/typescript/package.json" "$modules/package.json"
  (cd "$modules" && npm install --silent --ignore-scripts --no-audit --no-fund --no-package-lock) || return
  cp "$modules/package.json" "$modules/installed.json"
}

typescript() {
  have npm || { skip typescript "no npm"; return; }
  local sources=$scratch/typescript
  typescript_build() {
    typescript_packages || return
    mkdir -p "$sources"
    cp "$clients"/typescript/*.{ts,mjs,json} "$sources/"
    ln -s "$cache/rpc-clients/0.87.1/node_modules" "$sources/node_modules"
    (cd "$sources" && node_modules/.bin/tsc)
  }
  check "typescript: compiles against the published client" typescript_build
  [ ! -e "$sources/chat.js" ] || example typescript node "$sources/chat.js"
}

# released VERSION PACKAGE: Pi as it was published, kept where the clients of the conformance suite are kept too.
released() {
  local dir=$cache/rpc-clients/$1
  [ -x "$dir/node_modules/.bin/pi" ] && return
  mkdir -p "$dir"
  # With dependencies of one day: the newest ones are not always all there.
  (cd "$dir" && echo '{"private":true}' >package.json &&
    npm install --ignore-scripts --no-audit --no-fund --loglevel=error --force --before=2026-11-15 "$2@$1" >/dev/null)
}

# Puts a node that Pi 0.87 runs on into the path, if the one there is older.
newer_node() {
  [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 22 ] && return
  local dir=$cache/node-24.21.0 name
  name=node-linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
  if [ ! -x "$dir/node_modules/$name/bin/node" ]; then
    mkdir -p "$dir"
    npm install --silent --ignore-scripts --no-audit --no-fund --prefix "$dir" "$name@24.21.0" || return
  fi
  PATH=$dir/node_modules/$name/bin:$PATH
}

roundtrip() {
  have npm && have python3 || { skip roundtrip "no npm or no python3"; return; }
  check "roundtrip: Pi 0.50.7 is installed" released 0.50.7 @mariozechner/pi-coding-agent
  check "roundtrip: Pi 0.87.1 is installed" released 0.87.1 @earendil-works/pi-coding-agent
  check "roundtrip: a node for them" newer_node
  python3 "$here/roundtrip.py" "$PI_BIN" "$cache"/rpc-clients/{0.50.7,0.87.1}/node_modules/.bin/pi >"$scratch/roundtrip" 2>&1
  cat "$scratch/roundtrip"
  passed=$((passed + $(grep -c '^ok ' "$scratch/roundtrip")))
  failed=$((failed + $(grep -c '^FAIL ' "$scratch/roundtrip")))
  # Without the last story it did not get to its end.
  check "roundtrip: all stories were told" grep -q 'we after 0.87.1' "$scratch/roundtrip"
}

published() {
  [ -e "$conformance/run.mjs" ] || { skip published "no conformance suite beside the repository"; return; }
  have npm && have python3 || { skip published "no npm or no python3"; return; }
  export PI_RPC_CLIENTS=$cache/rpc-clients
  check "published: both clients are installed" "$conformance/install.sh" || return
  local version
  for version in 0.50.7 0.87.1; do
    node "$conformance/run.mjs" --client $version --bin "$PI_BIN" >"$scratch/published" 2>&1
    grep -E '^FAIL' "$scratch/published"
    passed=$((passed + $(grep -c '^ok ' "$scratch/published")))
    failed=$((failed + $(grep -c '^FAIL ' "$scratch/published")))
    # Without its last line it did not get to its end.
    check "published: $version, $(tail -n 1 "$scratch/published" | tr ',' ' ')" grep -qE '^[0-9]+ passed, ' "$scratch/published"
  done
}

suites=("$@")
[ $# -gt 0 ] || suites=(python go shell typescript roundtrip published)
for suite in "${suites[@]}"; do
  case $suite in
    go) go_example ;;
    python | shell | typescript | roundtrip | published) "$suite" ;;
    *) echo "tests/clients: no suite $suite" >&2; exit 2 ;;
  esac
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
