#!/usr/bin/env bash
# Kills the programs a thousand times, at random moments, and compares every byte that was acknowledged.
# Takes fifteen minutes; by hand.
#
#   scripts/soak.sh                       builds Seawall, then kills it
#   scripts/soak.sh --binaries FOLDER     takes the programs from FOLDER
#   scripts/soak.sh --kills N             so many, if there is time
#   scripts/soak.sh --seconds N           nothing goes on for longer
#   scripts/soak.sh --only WORD           phases with this word in their name, such as media
#   scripts/soak.sh --seed N              the same moments as in the run that printed this number
#
# It works in a new folder below ${TMPDIR:-/var/tmp} and removes it at the end. It starts servers of its own, on the
# loopback, and touches no other ones. Exits with 1 when a byte is lost.
case $- in *p*) ;; *) exec bash -p -- "$0" "$@" ;; esac # see common.sh
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/common.sh"
help_if_asked "${1:-}"
check_machine

binaries=
options=()
while [ "$#" -gt 0 ]; do
    help_if_asked "$1"
    [ "$#" -ge 2 ] || fail "$1 wants a value" "see scripts/soak.sh --help"
    case $1 in
    --binaries)
        check_programs "$2" wal-push wal-fetch basebackup media-backup
        binaries=$(cd -- "$2" && pwd)
        ;;
    --kills | --seconds | --seed)
        [[ $2 =~ ^[0-9]+$ ]] || fail "not a number: $2" "see scripts/soak.sh --help"
        options+=("$1" "$2")
        ;;
    --only) options+=("$1" "$2") ;;
    *) fail "unknown option: $1" "see scripts/soak.sh --help" ;;
    esac
    shift 2
done

work=${TMPDIR:-/var/tmp}
check_folder 'the servers and repositories' "$work" 3000000 'run again with TMPDIR=/another/folder in front' as_stranger
if [ -z "$binaries" ]; then
    need_cargo
    "$repository_root/scripts/build-static.sh"
    binaries=$target_folder/$triple/release
fi
"$repository_root/scripts/install-servers.sh" | sed '/^servers: have /d'
# shellcheck disable=SC1091 # written by install-servers.sh
. "$(servers_folder)/env"
exec python3 "$repository_root/bench/kill_soak.py" --bin-dir "$binaries" --postgres "${SEAWALL_POSTGRES_BINDIRS%%:*}" \
    --s3s-fs "$SEAWALL_S3S_FS" --work-dir "$work" "${options[@]}"
