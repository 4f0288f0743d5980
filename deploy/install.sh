#!/bin/sh
# Installs viaduct on a node with systemd, and upgrades or removes it. Safe to run again: what is in place already is left
# alone, and /etc/viaduct/*.yaml is never touched. A running daemon goes on with its old executable until it is restarted.
#
#   install.sh BINARY          binary, bgpadvertiser, user and group viaduct, systemd unit, an example config
#   install.sh --uninstall     all of these away again, but for the config, the state and the user
#   install.sh --uninstall --purge
#                              those too
#
# PREFIX   where bin/viaduct goes (default /usr/local)
# UNITDIR  where the unit goes (default /etc/systemd/system)
# DESTDIR  a root to install under, for packages: no user is made and no systemd asked, and root is not needed
# ARCH     the machine that the binary is for, as `uname -m` says it (default: this one)
set -eu

PREFIX=${PREFIX:-/usr/local}
UNITDIR=${UNITDIR:-/etc/systemd/system}
DESTDIR=${DESTDIR:-}
ARCH=${ARCH:-$(uname -m)}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
bin=$DESTDIR$PREFIX/bin
unit=$DESTDIR$UNITDIR/viaduct.service
config=$DESTDIR/etc/viaduct
state=$DESTDIR/var/lib/viaduct

say() { printf '%s\n' "$*"; }
fail() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}
usage() {
  fail "$1
usage: install.sh BINARY
       install.sh --uninstall [--purge]"
}

systemd_runs() { [ -z "$DESTDIR" ] && [ -d /run/systemd/system ]; }
is_user() { getent passwd viaduct >/dev/null 2>&1; }
is_group() { getent group viaduct >/dev/null 2>&1; }

need_rights() {
  [ -n "$DESTDIR" ] || [ "$(id -u)" -eq 0 ] || fail "needs root (or DESTDIR, to install somewhere else)"
}

# Two octets at offset 18 of an ELF file say the machine.
machine_of() {
  [ "$(od -An -tx1 -N4 "$1" | tr -d ' \n')" = 7f454c46 ] || return 0
  case $(od -An -tx1 -j18 -N2 "$1" | tr -d ' \n') in
    3e00) say x86_64 ;;
    b700) say aarch64 ;;
    *) say unknown ;;
  esac
}

check_binary() {
  [ -f "$1" ] || fail "$1: there is no such file; build it with: npm run build"
  machine=$(machine_of "$1")
  [ -n "$machine" ] || fail "$1: not an executable for Linux"
  case $ARCH in
    amd64) ARCH=x86_64 ;;
    arm64) ARCH=aarch64 ;;
    *) ;;
  esac
  [ "$machine" = "$ARCH" ] || fail "$1: made for $machine, and this machine is $ARCH"
}

# A C library that is too old, or another one, shows here and not at the next start.
check_runs() {
  "$1" --version >/dev/null 2>&1 || {
    rm -f "$1"
    fail "$2: does not run here ($("$2" --version 2>&1 | head -n 1)); nothing was changed"
  }
}

# place SOURCE TARGET MODE: beside the target and renamed, so that no moment has half a file, and a running
# program keeps its own.
place() {
  if [ -f "$2" ] && cmp -s "$1" "$2"; then
    chmod "$3" "$2"
    say "unchanged  $2"
    return
  fi
  if [ -e "$2" ]; then done='upgraded ' before=yes; else done='installed' before=; fi
  mkdir -p "$(dirname "$2")"
  cp "$1" "$2.new"
  chmod "$3" "$2.new"
  if [ "$2" = "$bin/viaduct" ] && [ -z "$DESTDIR" ]; then check_runs "$2.new" "$1"; fi
  mv -f "$2.new" "$2"
  say "$done  $2"
  if [ -n "$before" ]; then upgraded=yes; fi
}

is_our_link() { [ "$(readlink "$bin/bgpadvertiser" 2>/dev/null)" = viaduct ]; }

check_link() {
  if [ -e "$bin/bgpadvertiser" ] && ! is_our_link; then
    fail "$bin/bgpadvertiser: is not ours; move it away first"
  fi
}

place_link() {
  if is_our_link; then
    say "unchanged  $bin/bgpadvertiser"
  else
    ln -s viaduct "$bin/bgpadvertiser"
    say "installed  $bin/bgpadvertiser"
  fi
}

place_unit() {
  scratch=$(mktemp)
  trap 'rm -f "$scratch"' EXIT
  sed "s|/usr/local/bin/viaduct|$PREFIX/bin/viaduct|g" "$here/viaduct.service" >"$scratch"
  place "$scratch" "$unit" 644
  if systemd_runs; then systemctl daemon-reload; fi
}

place_user() {
  [ -z "$DESTDIR" ] || return 0
  is_group || {
    groupadd --system viaduct
    say "installed  group viaduct"
  }
  is_user || {
    useradd --system --gid viaduct --home-dir /var/lib/viaduct --no-create-home --shell /usr/sbin/nologin viaduct
    say "installed  user viaduct"
  }
}

# Keys may lie there: root writes, the daemon reads, and what root puts there gets the daemon's group.
place_config() {
  if [ ! -d "$config" ]; then
    mkdir -p "$config"
    if [ -z "$DESTDIR" ]; then chown root:viaduct "$config"; fi
    chmod 2750 "$config"
  fi
  place "$here/cluster.yaml.example" "$config/cluster.yaml.example" 644
}

has_config() {
  for file in "$config"/*.yaml "$config"/*.yml; do
    if [ -e "$file" ]; then return 0; fi
  done
  return 1
}

next_steps() {
  [ -z "$DESTDIR" ] || return 0
  say
  if ! has_config; then
    say "Next: put the cluster's file in place (a sample is $config/cluster.yaml.example), check it, start:"
    say "  cp cluster.yaml $config/"
  else
    say "Next:"
  fi
  say "  viaduct validate $config"
  if systemd_runs && systemctl is-active --quiet viaduct; then
    if [ -n "$upgraded" ]; then say "  systemctl kill --kill-whom=main --signal=SIGUSR2 viaduct   # it still runs what was there before; nothing is withdrawn"; fi
  else
    say "  systemctl enable --now viaduct"
  fi
  say "  viaduct get bgpsessions        # as root, or as a member of the group viaduct"
}

install() {
  need_rights
  check_binary "$1"
  for file in viaduct.service cluster.yaml.example; do
    [ -f "$here/$file" ] || fail "$here/$file is missing; copy the directory deploy whole"
  done
  check_link
  upgraded=
  place "$1" "$bin/viaduct" 755
  place_link
  place_user
  place_config
  place_unit
  next_steps
}

remove() {
  if [ -e "$1" ] || [ -L "$1" ]; then
    rm -rf "$1"
    say "removed    $1"
  fi
}

remove_user() {
  [ -z "$DESTDIR" ] || return 0
  if is_user; then
    userdel viaduct
    say "removed    user viaduct"
  fi
  if is_group; then
    groupdel viaduct
    say "removed    group viaduct"
  fi
}

uninstall() {
  need_rights
  # Stopping withdraws the routes and takes the addresses off.
  if systemd_runs && [ -e "$unit" ]; then systemctl disable --now viaduct; fi
  if is_our_link; then remove "$bin/bgpadvertiser"; fi
  remove "$bin/viaduct"
  remove "$unit"
  if systemd_runs; then systemctl daemon-reload; fi
  if [ "$1" = purge ]; then
    remove "$unit.d"
    remove "$config"
    remove "$state"
    remove_user
  else
    for kept in "$config" "$state"; do
      if [ -e "$kept" ]; then say "kept       $kept (--purge removes it)"; fi
    done
  fi
}

case ${1:-} in
  '') usage "which binary?" ;;
  --uninstall)
    case $#${2:-} in
      1) uninstall keep ;;
      2--purge) uninstall purge ;;
      *) usage "--uninstall and what?" ;;
    esac
    ;;
  -h | --help) sed -n '2,/^set -eu/{/^#/s/^# \{0,1\}//p;}' "$0" ;;
  -*) usage "unknown option $1" ;;
  *)
    [ $# -eq 1 ] || usage "one binary, not $#"
    install "$1"
    ;;
esac
