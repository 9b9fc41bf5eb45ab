#!/usr/bin/env bash
# Runs the scripts as on a machine that nobody prepared, and looks at what they say and at how they end: with stand-ins in
# PATH for cargo, apt-get and others, and with folders that are closed, full or not there.
#
#   scripts/test-scripts.sh [KIND...]    all kinds by default; check_KIND is in test-scripts-cases.sh
#
# It installs and builds nothing, and leaves nothing behind. As root it acts as the user nobody.

# shellcheck disable=SC2016 # much of what is quoted here is for another shell
case $- in *p*) ;; *) exec bash -p -- "$0" "$@" ;; esac # see common.sh
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/common.sh"
help_if_asked "${1:-}"
check_machine

work=$(mktemp -d /var/tmp/seawall-scripts.XXXXXX)
demo_id=
# A demo that goes on cleans up after itself.
clean_up() {
    if [ -n "$demo_id" ]; then
        kill -- "-$demo_id" 2>/dev/null || true
        wait "$demo_id" || true
    fi
    rm -rf -- "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
cases=0

# In front of a command: as somebody who is not root.
ordinary=()
if am_root; then ordinary=(setpriv --reuid nobody --regid nogroup --clear-groups --); fi

# --- A machine with nothing but what a stand-in plays ----------------------------------------

stand_in() { # NAME: its body comes on stdin
    { printf '#!/bin/bash\nprintf "%%s\\n" "%s $*" >>%q\n' "$1" "$work/calls"; cat; } >"$work/bin/$1"
    chmod 755 "$work/bin/$1"
}

# All that Debian has, but for what somebody would have to install.
prepare() {
    local path paths=()
    mkdir "$work/tools" "$work/home" "$work/their" "$work/temporary" "$work/a checkout" "$work/closed"
    for path in /usr/bin/*; do
        case ${path##*/} in
        cc | gcc | c++ | g++ | cargo | rustc | rustup | sudo | apt-get | pkg-config) ;;
        *) paths+=("$path") ;;
        esac
    done
    ln -s -t "$work/tools" -- "${paths[@]}"
    cp -r -- "$repository_root"/{scripts,Cargo.toml,Cargo.lock} "$work/a checkout/"
    chmod -R go+rX "$work/a checkout"
    chmod 755 "$work"
    chmod 555 "$work/closed"
    set_up
    if am_root; then chown -R nobody: "$work"; fi
}

# The machine as it should be, before each case changes something.
set_up() {
    rm -rf -- "${work:?}/bin" "$work/home/.cargo" "$work/their/.cargo"
    mkdir "$work/bin"
    : >"$work/calls"
    variables=()
    stand_in cargo <<END
case \$1 in
metadata) echo '{"packages":[],"target_directory":"$work/target","version":1}' ;;
fmt | clippy) ;;
*) exit 101 ;;
esac
END
    stand_in rustc <<<"printf 'rustc 1.95.0 (59807616e 2026-04-14)\nhost: x86_64-unknown-linux-gnu\n'"
    stand_in apt-get <<<'exit 100'
    stand_in cc <<<'echo "${1#-print-file-name=}"'
    stand_in pkg-config <<<'case $* in *--static*) echo "-lcrypto -ldl " ;; esac'
    if am_root; then chown -R nobody: "$work/bin" "$work/calls"; fi
}

run() { # COMMAND...: $status, $work/out and $work/err
    status=0
    cases=$((cases + 1))
    "${ordinary[@]}" env -i -C "$work/temporary" PATH="$work/bin:$work/tools" HOME="$work/home" SEAWALL_SERVERS="$work/servers" \
        "${variables[@]}" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
}

# mounted WHERE OPTIONS COMMAND...: runs it with an empty folder there; fails where nobody may mount anything.
mounted() {
    local enter=(unshare --map-current-user --keep-caps --mount)
    if am_root; then enter=(unshare --mount); fi
    "${enter[@]}" true 2>/dev/null || return 1
    status=0
    cases=$((cases + 1))
    "${enter[@]}" bash -c 'mount -t tmpfs -o "$2" tmpfs "$1" && shift 2 && exec "$@"' - "$1" "$2" "${ordinary[@]}" \
        env -i PATH="$work/bin:$work/tools" HOME="$work/home" "${variables[@]}" "${@:3}" >"$work/out" 2>"$work/err" </dev/null || status=$?
}

wrong() {
    sed 's/^/out: /' "$work/out" >&2
    sed 's/^/err: /' "$work/err" >&2
    fail "test-scripts.sh: $1" "see the line of it that calls this: ${BASH_LINENO[*]}"
}

# stumbles ERROR HINT SCRIPT [ARG...]: it ends with these two lines, before it has installed or built anything.
stumbles() {
    run "$work/a checkout/scripts/$3.sh" "${@:4}"
    [ "$status" -eq 1 ] || wrong "$3 ends with $status, not 1"
    [ "$(grep -v '^memory: ' "$work/err" | tail -n 2)" = "ERROR: $1"$'\n'"HINT: $2" ] || wrong "$3 does not say: $1 / $2"
    if grep -E '^(apt-get|cargo (build|install|test|run))' "$work/calls" >&2; then wrong "$3 did this before it stumbled"; fi
}

# in_checkout COMMANDS: with the functions of common.sh.
in_checkout() { run bash -p -c "set -euo pipefail; . '$work/a checkout/scripts/common.sh'; $1"; }

prints() { [ "$status:$(<"$work/out")" = "0:$1" ] || wrong "status $status, and not: $1"; }

# shellcheck source-path=SCRIPTDIR source=test-scripts-cases.sh
. "$repository_root/scripts/test-scripts-cases.sh"
started=$(now)
prepare
kinds=(calls shells rust sudo packages apt folders mounts binaries target_folders memory dates interrupt)
if [ "$#" -gt 0 ]; then kinds=("$@"); fi
for name in "${kinds[@]}"; do
    "check_$name"
done
say "scripts: $cases calls end as they should, $(seconds_since "$started") s"
