#!/usr/bin/env bash
# Seawall's main job, on this machine, before your eyes: a real PostgreSQL archives its WAL through
# wal-push, is backed up with basebackup, suffers a DROP TABLE, loses its data directory, and comes
# back as it was the second before the accident.
#
#   scripts/demo.sh                       builds Seawall, then shows it
#   scripts/demo.sh --binaries FOLDER     takes the programs from FOLDER
#   scripts/demo.sh --keep                leaves the demo's folder in place, to look around
#
# It works in a new folder below ${TMPDIR:-/var/tmp} and removes it at the end. It starts its own
# PostgreSQL, without a network port, and touches no other one on the machine.
case $- in *p*) ;; *) exec bash -p -- "$0" "$@" ;; esac # see common.sh
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/common.sh"
help_if_asked "${1:-}"
check_machine

pgbench_scale=5 # 500,000 rows
wait_limit_seconds=60
steps=8
step=0
begin() {
    step=$((step + 1))
    printf '\n[%s/%s] %s\n' "$step" "$steps" "$*"
}
tell() { printf '      %s\n' "$*"; }

# --- Preparing -------------------------------------------------------------------------------

keep=no
binaries=
programs='wal-push wal-fetch basebackup'
while [ "$#" -gt 0 ]; do
    help_if_asked "$1"
    case $1 in
    --keep) keep=yes ;;
    --binaries)
        [ "$#" -ge 2 ] || fail "--binaries wants a folder" "scripts/demo.sh --binaries target/release"
        # shellcheck disable=SC2086 # words
        check_programs "$2" $programs
        binaries=$(cd -- "$2" && pwd)
        shift
        ;;
    *) fail "unknown option: $1" "usage: scripts/demo.sh [--binaries FOLDER] [--keep]" ;;
    esac
    shift
done

# What can be known is known before anything is installed or built.
check_beforehand() {
    base=${TMPDIR:-/var/tmp}
    [[ $base =~ ^/[A-Za-z0-9/._-]{0,60}$ ]] ||
        fail "the folder for temporary files has an unusual or long name: $base" "run again with TMPDIR=/var/tmp in front"
    check_folder "the demo's server" "$base" 1000000 "run again with TMPDIR=/another/folder in front" as_stranger
    check_user_name
    if [ -z "$binaries" ]; then
        need_cargo
        check_target_folder
    fi
}

prepare() {
    local needs=--demo
    begin "Making ready: PostgreSQL and the programs"
    check_beforehand
    if [ -n "$binaries" ]; then needs=--postgresql; fi
    "$repository_root/scripts/install-servers.sh" "$needs" | sed 's/^/      /'
    postgres=$(distribution_postgres)
    if [ -z "$binaries" ]; then
        tell "building the three programs that it shows; the first time this takes some minutes"
        # shellcheck disable=SC2086 # words
        "$repository_root/scripts/build-static.sh" --quick $programs | sed 's/^/      /'
        binaries=$target_folder/$triple/quick
    fi
}

# The folder that everything of the demo lies in, owned by the user that runs the server.
make_folder() {
    local name
    folder=$(mktemp -d "$base/seawall-demo.XXXXXX")
    trap clean_up EXIT
    trap 'exit 130' INT TERM HUP
    # Copies, since the checkout may lie where the server's user cannot go.
    mkdir "$folder/bin" "$folder/socket" "$folder/archive"
    for name in $programs; do install -m 755 "$binaries/$name" "$folder/bin/"; done
    : >"$folder/seawall.toml"
    if am_root; then chown -R postgres: "$folder"; fi
    cd "$folder"
    for name in $programs; do
        as_server_user "$folder/bin/$name" --version >/dev/null ||
            fail "the server could not run $folder/bin/$name" "run again with TMPDIR=/another/folder in front"
    done
}

# Only the demo's own settings count: nothing from this shell, nothing from /etc.
set_environment() {
    unset "${!PG@}" "${!SEAWALL_@}"
    export PGHOST=$folder/socket PGDATABASE=postgres LC_ALL=C HOME=$folder
    export SEAWALL_CONFIG=$folder/seawall.toml
    export SEAWALL_REPOSITORY=$folder/archive
}

clean_up() {
    local status=$?
    trap - EXIT INT TERM HUP
    if [ "$status" -ne 0 ] && [ -s "$folder/server.log" ]; then
        printf '\nThe last lines of the server'\''s log:\n' >&2
        tail -q -n 20 "$folder/server.log" "$folder"/*.restore.log >&2 2>/dev/null || true
    fi
    if [ -e "$folder/data/postmaster.pid" ]; then
        as_server_user "$postgres/pg_ctl" -D "$folder/data" -m immediate -s stop || true
    fi
    cd /
    if [ "$keep" = yes ]; then
        say "The demo's folder is still there: $folder"
    else
        rm -rf -- "$folder"
    fi
    exit "$status"
}

# --- PostgreSQL ------------------------------------------------------------------------------

sql() { as_server_user "$postgres/psql" -X -A -t -q -v ON_ERROR_STOP=1 -c "$1"; }

bench() { as_server_user "$postgres/pgbench" "$@" 2>&1; }

start_server() {
    as_server_user "$postgres/pg_ctl" -D "$folder/data" -l "$folder/server.log" -t "$wait_limit_seconds" -s -w start ||
        fail "PostgreSQL did not start" "its log says why"
}

create_server() {
    begin "A new PostgreSQL server, with archive_command set to wal-push"
    tell "$("$postgres/postgres" --version)"
    as_server_user "$postgres/initdb" -D "$folder/data" --auth=peer --encoding=UTF8 --locale=C --data-checksums --no-sync >initdb.log
    # The folder's name was checked: it needs no quoting here.
    as_server_user tee -a "$folder/data/postgresql.conf" >/dev/null <<END
listen_addresses = ''
unix_socket_directories = '$folder/socket'
archive_mode = on
archive_command = '$folder/bin/wal-push %p %f'
max_wal_size = 128MB
dynamic_shared_memory_type = mmap
END
    # (mmap: below the data directory, so that kill -9 leaves nothing in /dev/shm.)
    grep '^archive_command' "$folder/data/postgresql.conf" | sed 's/^/      /'
    tell "SEAWALL_REPOSITORY = $SEAWALL_REPOSITORY"
    start_server
}

# wait_for WHAT QUERY: until the query says `t`.
wait_for() {
    local deadline=$((SECONDS + wait_limit_seconds))
    until [ "$(sql "$2" 2>/dev/null)" = t ]; do
        [ -e "$folder/data/postmaster.pid" ] || fail "the server ended before: $1" "its log says why"
        [ "$SECONDS" -lt "$deadline" ] || fail "after $wait_limit_seconds s still no sign of: $1" "the server's log says why"
        sleep 0.1
    done
}

# Ends the current WAL segment and waits until it is in the archive.
archive_everything() {
    local last
    last=$(sql 'SELECT pg_walfile_name(pg_switch_wal())')
    wait_for "WAL segment $last in the archive" "SELECT left(last_archived_wal, 24) >= '$last' FROM pg_stat_archiver"
}

archived_files() { find "$folder/archive" -type f -name '*.zst' -printf '%s %P\n' | sort -k 2; }

# One line for each table: name, number of rows, and a checksum of all of them in order.
checksums() {
    local table
    for table in pgbench_accounts pgbench_branches pgbench_tellers pgbench_history marker; do
        sql "SELECT '$table', count(*), md5(string_agg(h, '' ORDER BY h))
             FROM (SELECT md5(t::text) AS h FROM $table t) s"
    done
}

# --- The story -------------------------------------------------------------------------------

fill() {
    begin "Data: pgbench fills its tables, and the first WAL goes to the archive"
    bench -i -q -s "$pgbench_scale" >pgbench.log
    archive_everything
    archived_files | head -n 3 | while read -r bytes name; do
        tell "$name, $bytes bytes"
    done
    tell "... $(archived_files | wc -l) files so far; zstd opens each of them"
}

base_backup() { as_server_user "$folder/bin/basebackup" "$@" 2>&1 | sed 's/^/      /'; }

back_up() {
    begin "A base backup with basebackup create, then more work after it"
    base_backup create
    bench -c 4 -T 5 | grep 'transactions actually processed' | sed 's/^/      /'
    sql "CREATE TABLE marker AS SELECT n, 'written after the base backup' AS note FROM generate_series(1, 1000) n"
    checksums >before.txt
    sed 's/^/      /' before.txt
}

# Every process of the server, at once, without a chance to say goodbye.
kill_server() {
    local server children shared_memory
    server=$(sed -n 1p "$folder/data/postmaster.pid")
    shared_memory=$(sed -n 7p "$folder/data/postmaster.pid" | awk '{ print $2 }')
    mapfile -t children < <(grep -l "^PPid:[[:space:]]*$server\$" /proc/[0-9]*/status 2>/dev/null | cut -d / -f 3)
    kill -9 "$server" "${children[@]}" 2>/dev/null || true
    # A dead process that nobody waited for, as in some containers, stays in /proc as a zombie.
    while grep -q '^State:[[:space:]]*[^XZ[:space:]]' "/proc/$server/status" 2>/dev/null; do sleep 0.1; done
    # What only a clean stop takes away: the socket, its lock file, and a block of System V memory.
    rm -f -- "$folder"/socket/.s.PGSQL.*
    ipcrm -m "$shared_memory" 2>/dev/null || true
}

disaster() {
    begin "The accident: DROP TABLE; then the disk is gone as well: kill -9, rm -rf"
    # A second before and behind the moment, so that it is told apart from both.
    sleep 1
    moment=$(sql 'SELECT now()')
    sleep 1
    sql 'DROP TABLE pgbench_accounts'
    archive_everything
    tell "DROP TABLE pgbench_accounts; the second before it was $moment"
    kill_server
    rm -rf -- "$folder/data"
    tell "gone: $folder/data"
}

recover() {
    begin "Recovery: one command, to the second before the accident"
    base_backup list
    tell "basebackup restore $folder/data --target-time '$moment' --start"
    recovery_started=$(now)
    base_backup restore "$folder/data" --target-time "$moment" --yes --start --postgres-bin "$postgres"
    recovery_seconds=$(seconds_since "$recovery_started")
    tell "$(grep -c 'restored log file' "$folder/data.restore.log") files fetched from the archive; the server takes writes again"
}

compare() {
    begin "Is every row back?"
    checksums >after.txt 2>&1 || true # a table that is gone is a difference, found below
    sed 's/^/      /' after.txt
    if ! diff before.txt after.txt >difference.txt; then
        cat difference.txt >&2
        fail "the rows after recovery (>) are not those before the disaster (<)" "this is a bug of Seawall: please report it with the lines above"
    fi
}

summary() {
    local segment_bytes segments stored_bytes
    begin "Result"
    segment_bytes=$(sql "SELECT pg_size_bytes(current_setting('wal_segment_size'))")
    read -r segments stored_bytes < <(archived_files | grep -E '/[0-9A-F]{24}\.zst$' |
        awk '{ bytes += $1 } END { print NR, bytes + 0 }')
    tell "lost: nothing, $(awk -F '|' '{ rows += $2 } END { print rows }' before.txt) rows compared"
    tell "RTO: $recovery_seconds s, from an empty place until the server took writes"
    tell "RPO: 0 s, all that was committed before $moment is there, the dropped table too"
    tell "archive: $segments WAL segments, $((segments * segment_bytes)) bytes of WAL stored in $stored_bytes bytes"
    tell "the demo after the build: $(seconds_since "$demo_started") s"
}

prepare
demo_started=$(now)
make_folder
set_environment
create_server
fill
back_up
disaster
recover
compare
summary
