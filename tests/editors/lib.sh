# Where the test editors live and how Debian packages become editors that run here. Sourced, never run.
#
# Packages are downloaded with an apt state directory of our own (the host's package database is not touched,
# signatures are checked) and unpacked without dpkg. The executables then get their own loader and C library, so that
# they run on an older Debian as ordinary host processes: no root, no chroot, no mounts.
# shellcheck shell=bash
: "${EDITORS_HOME:=${XDG_CACHE_HOME:-$HOME/.cache}/pi-editors}"
: "${EDITORS_SUITE:=trixie}"
export EDITORS_HOME EDITORS_SUITE

die() { echo "tests/editors: $*" >&2; exit 1; }

suite_root() { echo "$EDITORS_HOME/debian/$1/root"; }

# The Debian mirrors this machine already uses, best first, from apt's own sources.
debian_mirrors() {
  {
    apt-get indextargets --format '$(SITE)|$(ORIGIN)' 'Created-By: Packages' 2>/dev/null |
      awk -F'|' '$1 !~ /security/ && ($2 == "Debian" || $1 ~ /\/debian\/?$/) { print $1 }'
    # Sources that were never updated have no origin yet: read the files themselves.
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
      sed 's/#.*//' | grep -oE '(https?|mirror|file):[^ ]*/debian/?( |$)' | tr -d ' '
  } | awk '!seen[$0]++'
}

# apt-get with its own state for one suite.
suite_apt() {
  local suite=$1; shift
  local dir=$EDITORS_HOME/apt/$suite
  # Container images hook apt to empty the host's cache: not ours to touch.
  printf '#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n#clear DPkg::Post-Invoke;\n' \
    > "$dir/apt.conf"
  apt-get -qq -c "$dir/apt.conf" \
    -o Dir::State="$dir/state" -o Dir::State::status="$dir/state/status" \
    -o Dir::Cache="$dir/cache" -o Dir::Log="$dir/log" \
    -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
    -o APT::Install-Recommends=0 -o APT::Sandbox::User="$(id -un)" \
    -o Acquire::Languages=none -o Acquire::Retries=3 \
    -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
    -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false \
    -o Debug::NoLocking=1 "$@"
}

suite_update() {
  local suite=$1 dir=$EDITORS_HOME/apt/$1 mirror
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  if [ -e "$dir/updated" ] && [ -z "$(find "$dir/updated" -mmin +1440)" ]; then return; fi # fresh for a day
  [ -e "$keyring" ] || die "no $keyring: install the package debian-archive-keyring"
  mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial" "$dir/log"
  : > "$dir/state/status"
  for mirror in $(debian_mirrors); do
    echo "deb [signed-by=$keyring] $mirror $suite main" > "$dir/sources.list"
    if suite_apt "$suite" update; then touch "$dir/updated"; return; fi
  done
  die "no Debian mirror of this machine serves $suite"
}

# Downloads PACKAGE... with dependencies and unpacks them; no maintainer script runs.
suite_unpack() {
  local suite=$1; shift
  local dir=$EDITORS_HOME/apt/$suite root package
  root=$(suite_root "$suite")
  suite_update "$suite"
  rm -f "$dir"/cache/archives/*.deb
  suite_apt "$suite" install --download-only -y -o APT::Immediate-Configure=0 "$@" >/dev/null
  mkdir -p "$root"
  for package in "$dir"/cache/archives/*.deb; do dpkg-deb -x "$package" "$root"; done
  rm -f "$dir"/cache/archives/*.deb
}

# Gives one unpacked executable its own loader and libraries. Patched rather than started through the loader, so that
# /proc/self/exe is the editor: Neovim finds its runtime from there.
suite_patch() {
  local suite=$1 executable=$2 root triplet loader libraries
  root=$(suite_root "$suite")
  triplet=$(uname -m)-linux-gnu
  libraries=$root/usr/lib/$triplet:$root/usr/lib/$triplet/systemd
  loader=$(find "$root/usr/lib64" "$root/usr/lib" -maxdepth 1 -name 'ld-linux-*.so.*' 2>/dev/null | head -n1)
  [ -n "$loader" ] || die "no loader under $root: only Debian's amd64 and arm64 layouts are known"
  "$loader" --library-path "$libraries" "$root/usr/bin/patchelf" \
    --set-interpreter "$loader" --force-rpath --set-rpath "$libraries" "$root/$executable"
}

version_flag() { if [ "$1" = tmux ]; then echo -V; else echo --version; fi; }

starts() { EDITORS_SUITE=$2 "$here/bin/$1" "$(version_flag "$1")" >/dev/null 2>&1; }

# install_tool NAME PACKAGE EXECUTABLE; uses $suite and $force of install.sh.
install_tool() {
  local name=$1 package=$2 executable=$3 stamp
  stamp=$(suite_root "$suite")/../installed.$name
  if [ "$force" = 0 ] && [ "$(cat "$stamp" 2>/dev/null)" = "$(suite_root "$suite")" ] && starts "$name" "$suite"; then
    return
  fi
  rm -f "$stamp"
  suite_unpack "$suite" "$package" patchelf
  suite_patch "$suite" "$executable"
  starts "$name" "$suite" || die "$name was unpacked and does not start"
  suite_root "$suite" > "$stamp"
}

# The multiplexer with which Eglot has two servers for a buffer, and a second server.
install_rass() {
  local home=$EDITORS_HOME/rass packages=(rassumfrassum==0.3.5 ruff==0.17.6)
  if [ "$force" = 0 ] && [ "$(cat "$home/packages" 2>/dev/null)" = "${packages[*]}" ]; then return; fi
  rm -rf "$home"
  python3 -m venv "$home" || die "no virtual environments for Python: install the package python3-venv"
  "$home/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"
  echo "${packages[*]}" > "$home/packages"
}
