#!/usr/bin/env bash
# Does what README.md promises in a Debian 12 and in a Debian 13 that nobody prepared, as root and as an ordinary user: looks at
# what is missing, installs it, builds, and shows the demo.
#
#   scripts/test-roots.sh FOLDER [RELEASE...]    FOLDER has the programs that this machine has built: scripts/build-static.sh
#                                                names it; RELEASE is bookworm or trixie, by default both
#
# This machine has built on its own release, and the demo takes these programs there. On the other one the demo builds, in a
# quick way: how large the programs are and how fast is looked at here. Rust and what crates.io has are this machine's; nothing
# else is. Each root is gone at the end; scripts/roots.sh says what a user needs for one. Without that nothing is tested.
case $- in *p*) ;; *) exec bash -p -- "$0" "$@" ;; esac # see common.sh
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/common.sh"
# shellcheck source-path=SCRIPTDIR source=roots.sh
. "$repository_root/scripts/roots.sh"
help_if_asked "${1:-}"
check_machine

[ "$#" -ge 1 ] || fail "usage: $0 FOLDER [RELEASE...]" "scripts/build-static.sh names such a folder"
check_programs "$1" wal-push wal-fetch basebackup
binaries=$(cd -- "$1" && pwd -P)
releases=("${@:2}")
if [ "${#releases[@]}" -eq 0 ]; then releases=(bookworm trixie); fi
need_cargo
cd "$repository_root"
check_folder 'the roots' /var/tmp 3000000 'make room there'

# The checkout as it is now, without what was built.
pack_checkout() {
    tar -cf "$work/checkout.tar" --exclude=./target --exclude=./fuzz/target --exclude=./.git .
}

# The libraries that Cargo.lock names, as cargo has them.
pack_libraries() {
    local registry=${CARGO_HOME:-$HOME/.cargo}/registry
    cargo fetch --locked --target "$triple"
    (cd -- "$registry" && find index -path '*/.git' -prune -o -type f -print0) >"$work/files"
    awk -F '"' '/^name = / { name = $2 } /^version = / { print name "-" $2 ".crate" }' Cargo.lock |
        while read -r name; do find "$registry/cache" -name "$name" -printf 'cache/%P\0'; done >>"$work/files"
    tar -cf "$work/registry.tar" -C "$registry" --null --files-from="$work/files"
}

# A folder of an earlier run that was killed.
remove_leftovers() {
    local folder
    for folder in /var/tmp/seawall-roots.*; do
        if [ -O "$folder" ] && flock --nonblock "$folder/lock" true 2>/dev/null; then rm -rf -- "$folder"; fi
    done
}

in_release() { # RELEASE
    local release_started root how=build
    release_started=$(now)
    if [ "$1" = "$(this_release)" ]; then how=ready; fi
    root=$(debian_root debian-root-with-sudo ca-certificates,sudo "$1")
    in_a_clean_root "$root" roots "$repository_root/scripts/test-roots-inside.sh" "$work/checkout.tar" "$work/registry.tar" \
        "$work/$how" "$work/folders" "$work/resolv.conf"
    say "roots: $1: all is well, $(seconds_since "$release_started") s"
}

started=$(now)
remove_leftovers
work=$(mktemp -d /var/tmp/seawall-roots.XXXXXX)
trap 'rm -rf -- "$work"' EXIT
trap 'exit 130' INT TERM HUP
exec {lock}>"$work/lock"
flock "$lock"
if ! can_make_roots; then
    say "NOT CHECKED: the demo in a clean Debian 12 and 13: no user namespaces here ($(tail -n 1 "$work/log"))"
    say "HINT: run it as root, or see the first lines of scripts/roots.sh for what a user needs"
    exit 0
fi
pack_checkout
pack_libraries
: >"$work/ready"
: >"$work/build"
shown=("$(rustc --print sysroot)" "$binaries")
cp -L -- /etc/resolv.conf "$work/resolv.conf"
printf '/opt/%s\n' "${shown[@]##*/}" >"$work/folders"
for release in "${releases[@]}"; do in_release "$release"; done
say "roots: all is well, $(seconds_since "$started") s"
