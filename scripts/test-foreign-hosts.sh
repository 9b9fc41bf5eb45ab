#!/usr/bin/env bash
# Runs the static programs in a root with another C library than they were built with, whose settings name modules of that
# host: name services of Fedora, Arch, RHEL and directories, users without an entry, providers of OpenSSL. None may be loaded.
#
#   scripts/test-foreign-hosts.sh FOLDER    FOLDER has the programs: scripts/build-static.sh names it
#
# The root is a Debian of another release; scripts/roots.sh says what a user needs for it. Without that nothing is tested.
case $- in *p*) ;; *) exec bash -p -- "$0" "$@" ;; esac # see common.sh
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/common.sh"
# shellcheck source-path=SCRIPTDIR source=roots.sh
. "$repository_root/scripts/roots.sh"
help_if_asked "${1:-}"
check_machine

[ "$#" -eq 1 ] || fail "usage: $0 FOLDER" "scripts/build-static.sh names such a folder"
[ -x "$1/wal-push" ] || fail "$1 has no wal-push" "scripts/build-static.sh names a folder that has it"
binaries=$(cd -- "$1" && pwd -P)

started=$(now)
work=$(mktemp -d /var/tmp/seawall-foreign-hosts.XXXXXX)
trap 'rm -rf -- "$work"' EXIT
trap 'exit 130' INT TERM HUP
if ! can_make_roots; then
    say "NOT CHECKED: the static programs where another C library is: no user namespaces here ($(tail -n 1 "$work/log")); run it as root, or see scripts/roots.sh"
    exit 0
fi
getconf GNU_LIBC_VERSION >"$work/built-with"
root=$(debian_root debian-root-with-modules \
    systemd,postgresql,libnss-myhostname,libnss-resolve,libnss-mymachines,libnss-systemd,libnss-sss,libnss-ldapd "$(other_release)")
in_a_clean_root "$root" 'foreign hosts' "$repository_root/scripts/test-foreign-hosts-inside.sh" "$work/built-with" \
    "$binaries"/{wal-push,wal-fetch,basebackup,redis-backup,media-backup,seawall}
say "foreign hosts: all is well, $(seconds_since "$started") s"
