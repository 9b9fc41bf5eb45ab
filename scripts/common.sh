# Small functions for the other scripts; this file is sourced, never run.
# shellcheck shell=bash

repository_root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)

say() { printf '%s\n' "$*"; }

# fail MESSAGE HINT: the error and its likeliest mend on stderr, then exit 1.
fail() {
    printf 'ERROR: %s\n' "$1" >&2
    printf 'HINT: %s\n' "$2" >&2
    exit 1
}

am_root() { [ "$(id -u)" -eq 0 ]; }

need_cargo() {
    command -v cargo >/dev/null ||
        fail "cargo is not in PATH" "install the Rust toolchain as https://rustup.rs says, then open a new shell"
}

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

# Where cargo puts what it builds.
target_folder() {
    say "${CARGO_TARGET_DIR:-$repository_root/target}"
}

# The triple of this machine, such as x86_64-unknown-linux-gnu. Naming it with --target keeps
# RUSTFLAGS away from build scripts and procedural macros.
host_triple() {
    rustc -vV | sed -n 's/^host: //p'
}

# Seconds since the epoch, with a fraction, whatever the locale's decimal sign.
now() { say "${EPOCHREALTIME/,/.}"; }

# seconds_since START: with one decimal.
seconds_since() {
    awk -v from="$1" -v to="$(now)" 'BEGIN { printf "%.1f", to - from }'
}

# What a static libcrypto wants besides itself, a name a line: zlib and zstd where the distribution built it
# with them, as Debian 13 does and Debian 12 does not.
libraries_of_libcrypto() {
    pkg-config --static --libs-only-l libcrypto 2>/dev/null | tr ' ' '\n' | sed -n 's/^-l//p' | grep -vxE 'crypto|dl|pthread|' || true
}
