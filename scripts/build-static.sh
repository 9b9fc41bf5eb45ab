#!/usr/bin/env bash
# Builds the programs as static ones, which run in any Linux of this processor, in
# an empty container too. Shows that they are static, and fails when one is not or is too large.
#
#   scripts/build-static.sh                        all of them, as they are packaged
#   scripts/build-static.sh --quick PROGRAM...     these alone, in minutes, larger and slower ones, to show them
#
# With variables such as CARGO_PROFILE_RELEASE_LTO=off cargo builds quicker; how large the programs are is then not judged.
case $- in *p*) ;; *) exec bash -p -- "$0" "$@" ;; esac # see common.sh
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/common.sh"
help_if_asked "${1:-}"
check_machine

# PostgreSQL starts the first two for every segment; wal-push pays what repositories are owed, too. The last one holds the report,
# the check of everything, copies, mail and the manuals.
declare -A size_limit_bytes=([wal-push]=10500000 [wal-fetch]=10000000 [basebackup]=20000000 [redis-backup]=15000000 [media-backup]=15000000 [seawall]=22500000)

profile=release
programs='wal-push wal-fetch basebackup redis-backup media-backup seawall'
case "$#:${1:-}" in
0:) ;;
[2-9]:--quick)
    profile=quick
    programs=${*:2}
    ;;
*) fail "usage: $0 [--quick PROGRAM...]" "without --quick it builds all of them" ;;
esac
wanted=()
for name in $programs; do
    [ -n "${size_limit_bytes[$name]:-}" ] || fail "there is no program called $name" "they are: ${!size_limit_bytes[*]}"
    wanted+=(--bin "$name")
done
need_cargo
need_build_packages
check_target_folder
cd "$repository_root"
# The static C library is glibc's own (libc.a of libc6-dev). A fixed load address makes the
# start quicker than a position-independent program, which relocates itself first.
flags='-C target-feature=+crt-static -C relocation-model=static'
# Behind all else, so that only what nothing else brings is taken from them: zstd is that of our own crate. With the name of
# the file, since behind all else the linker prefers shared libraries, whose name alone makes programs that do not start.
for library in $(libraries_of_libcrypto); do flags+=" -C link-arg=-l:lib$library.a"; done
unset CARGO_ENCODED_RUSTFLAGS # it would win
RUSTFLAGS=$flags cargo build --profile "$profile" --locked --target "$triple" "${wanted[@]}"

size_counts=no
if [ "$profile" = release ] && [ -z "$(compgen -v CARGO_PROFILE_RELEASE_ || true)" ]; then size_counts=yes; fi
for name in $programs; do
    program=$target_folder/$triple/$profile/$name
    size_bytes=$(stat -c %s "$program")
    # A dynamic program names its loader (INTERP) and its libraries (NEEDED), or has something to be filled in (DYNAMIC).
    wants=$(LC_ALL=C readelf --wide --program-headers --dynamic "$program" | grep -E '^ *(INTERP|DYNAMIC) |NEEDED' || true)
    [ -z "$wants" ] ||
        fail "$program is not static: $wants" "is libc.a there (package libc6-dev), and did another RUSTFLAGS win?"
    "$program" --version >/dev/null || fail "$program does not run" "its own words are above"
    [ "$size_counts" = no ] || [ "$size_bytes" -le "${size_limit_bytes[$name]}" ] ||
        fail "$program has $size_bytes bytes, at most ${size_limit_bytes[$name]} are allowed" "which dependency grew? try: cargo bloat --release --crates"
    # ldd fails when there is nothing to list, which is what we want.
    says=$(LC_ALL=C ldd "$program" 2>&1 || true)
    say "static: $program, $size_bytes bytes, ldd:$(tr -s '[:space:]' ' ' <<<" $says")"
done
