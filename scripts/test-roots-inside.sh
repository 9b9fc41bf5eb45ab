#!/usr/bin/env bash
# Run by test-roots.sh, as root in a Debian root in which nothing was but Debian's own and sudo: does there what a newcomer does.
case ${1:-} in -h | --help) exec awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# /, ""); print }' "$0" ;; esac
if [ -z "${SEAWALL_CLEAN_ROOT:-}" ]; then
    printf 'ERROR: this installs and removes things: it is not for a machine that is in use\nHINT: run scripts/test-roots.sh\n' >&2
    exit 1
fi
set -euo pipefail
checkout_tar=$1
registry_tar=$2
how=${3##*/} # build, or ready
{ read -r rust && read -r programs; } <"$4" # where these are
cp -- "$5" /etc/resolv.conf
# As after a login.
unset "${!SEAWALL_@}" "${!PG@}" "${!CARGO_@}" "${!RUST@}" "${!XDG_@}" "${!LC_@}" TMPDIR
export LANG=C.UTF-8 PATH=$rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root

release=$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")
say() { printf 'roots: %s: %s\n' "$release" "$*"; }
fail() {
    printf 'ERROR: %s\n' "$*" >&2
    exit 1
}
now() { printf '%s\n' "${EPOCHREALTIME/,/.}"; }
seconds_since() { awk -v from="$1" -v to="$(now)" 'BEGIN { printf "%.1f", to - from }'; }

as_newcomer() { runuser -u newcomer -- env -C "$checkout" HOME="$home" "$@"; }

prepare() {
    home=/home/newcomer
    checkout="$home/my code/see wall" # as some people have it
    useradd --create-home --shell /bin/bash newcomer
    mkdir -p "$checkout" "$home/.cargo/registry"
    tar -xf "$checkout_tar" -C "$checkout" --no-same-owner
    tar -xf "$registry_tar" -C "$home/.cargo/registry" --no-same-owner
    chown -R newcomer: "$home"
    # What a shell may have set, and how some people call a script.
    ln -s "$checkout/scripts/demo.sh" "$home/demo"
    printf 'set -o noclobber -o noglob\nshopt -s failglob\ncd() { echo astray; }\nexport -f cd\nexport SHELLOPTS CDPATH=/:/usr IFS=/\numask 077\n' >"$home/settings"
    chmod 644 "$home/settings"
}

# Nobody asked for a server of the whole machine, nor for anything else that stays.
check_nothing_is_left() { # AFTER_WHAT
    local found
    found=$(find /var/lib/postgresql /etc/postgresql /etc/postgresql-common/createcluster.d /var/tmp /tmp /dev/shm -mindepth 1 2>/dev/null || true)
    [ -z "$found" ] || fail "$1 leaves: $found"
    found=$(grep -lsa postgres /proc/[0-9]*/comm || true)
    [ -z "$found" ] || fail "$1 leaves a server: $found"
}

# quietly WHAT COMMAND...: what it says is in /root/said, and is shown.
quietly() {
    "${@:2}" >/root/said 2>&1 || {
        cat /root/said
        fail "$1 ends with $?"
    }
    cat /root/said
}

demo() { # WHO COMMAND...
    local started
    started=$(now)
    quietly "the demo as $1" "${@:2}"
    grep -q 'lost: nothing, 5[0-9]* rows compared' /root/said || fail "the demo as $1 does not bring back all rows"
    check_nothing_is_left "the demo as $1"
    say "the demo as $1: $(seconds_since "$started") s, all rows are back"
}

# Who may install nothing is told at once what an administrator must do. That does, and no more.
told_what_to_install() {
    local started line
    started=$SECONDS
    ! as_newcomer scripts/demo.sh >/root/said 2>&1 || fail "the demo needs nothing here"
    cat /root/said
    [ $((SECONDS - started)) -le 30 ] || fail "the newcomer waits $((SECONDS - started)) s for an error"
    line=$(sed -n 's/^HINT: an administrator must run: //p' /root/said)
    [ -n "$line" ] || fail "the newcomer is not told what to install"
    quietly "the administrator's line" env DEBIAN_FRONTEND=noninteractive bash -euc "$line"
    check_nothing_is_left "the administrator's line"
    say "told what is missing, and an administrator has installed it"
}

# With a sudo that asks nothing the scripts install by themselves.
installs_with_sudo() {
    echo 'newcomer ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/newcomer
    quietly 'install-servers.sh' as_newcomer scripts/install-servers.sh --demo
    grep -q 'installing Debian packages: gcc libc6-dev pkg-config libssl-dev' /root/said || fail "nothing was installed with sudo"
    quietly 'install-servers.sh' as_newcomer scripts/install-servers.sh --demo
    ! grep -q installing /root/said || fail "what is there was installed again"
    check_nothing_is_left 'install-servers.sh'
    say "the compiler is installed with sudo"
}

prepare
if [ "$how" = build ]; then
    told_what_to_install
    # In half the time, and linked with the same libraries.
    demo 'newcomer, who builds' as_newcomer env CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 \
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 scripts/demo.sh
    demo 'root, with what was built' "$checkout/scripts/demo.sh" --binaries "$checkout/target"/*/quick
else
    demo 'root, who lacks PostgreSQL' "$checkout/scripts/demo.sh" --binaries "$programs"
    demo 'newcomer, with a strange shell' as_newcomer env -u HOME BASH_ENV="$home/settings" POSIXLY_CORRECT=1 CDPATH=/ LC_ALL=nonsense \
        TZ=Mars/Phobos PGHOST=nowhere SEAWALL_CONFIG=/nowhere sh "$home/demo" --binaries "$programs"
    installs_with_sudo
fi
