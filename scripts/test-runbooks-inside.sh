#!/usr/bin/env bash
# Run by test-packages.sh and by test-containers.sh, as root in a Debian that has booted: copies the blocks of docs/runbooks into one bash, as
# somebody does at three in the morning, for one kind of host.
#
#   test-runbooks-inside.sh KIND [lost]    a heading of docs/runbooks/README.md: 'Debian and Ubuntu', or Podman, where the server runs
#                                          already, or 'Podman without root'; with `lost` the pages that begin without key or host
#   test-runbooks-inside.sh KIND upgrade   the new major version alone, on a Debian 13 that was a Debian 12, or in podman, where the server is a 17
case ${1:-} in -h | --help) exec awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# /, ""); print }' "$0" ;; esac
if [ -z "${SEAWALL_CLEAN_ROOT:-}" ]; then
    printf 'ERROR: this installs and removes things: it is not for a machine that is in use\nHINT: run scripts/test-packages.sh\n' >&2
    exit 1
fi
set -euo pipefail
# Only what the package brings counts, nothing from the shell outside.
unset "${!SEAWALL_@}" "${!PG@}"
export LC_ALL=C.UTF-8
kind=$1
what=${2:-all}
pages=/root/runbooks
work=$(mktemp -d)
chmod 755 "$work"
as=() # who types

say() { printf 'runbooks: %s\n' "$*"; }
fail() {
    printf 'ERROR: %s\n' "$*" >&2
    exit 1
}
now() { printf '%s\n' "${EPOCHREALTIME/,/.}"; }
seconds_since() { awk -v from="$1" -v to="$(now)" 'BEGIN { printf "%.1f", to - from }'; }

# The first block of a chapter of README.md, of commands if nothing else is said, or the blocks of a page that are for every host, but for some steps of it.
block_of() { # CHAPTER [LANGUAGE]
    awk -v chapter="### $1" -v begin="\`\`\`${2:-sh}" '
        $0 == chapter { within = 1 }
        within && /^```/ { if (inside) exit; inside = $0 == begin; next }
        within && inside' "$pages/README.md"
}
kind_blocks() { block_of "$kind"; }
key_blocks() { block_of 'The private key'; }
blocks_of() { # PAGE STEPS_LEFT_OUT [WORD]: of the steps that are left out, the block with this word is taken all the same
    awk -v without=" $2 " -v word="${3:-}" '
        /^## / { step = $2; sub(/\./, "", step) }
        /^```/ {
            if (inside && taken) printf "%s", block
            inside = !inside && /^```(sh|bash)$/
            taken = /^```sh$/ && !index(without, " " step " ")
            block = ""
            next
        }
        inside {
            block = block $0 "\n"
            if (word != "" && index(without, " " step " ") && index($0, word)) taken = 1
        }' "$pages/$1.md"
}

# The shell of README.md, with some settings that are not as it prints them.
shell_with() { # SETTINGS
    printf 'set -euo pipefail\n'
    block_of 'For every host'
    # What a block computes of its settings has to see the right ones.
    { kind_blocks; key_blocks; } | awk -v settings="$1" '
        BEGIN { count = split(settings, line, "\n"); for (i = 1; i <= count; i++) { name = line[i]; sub(/=.*/, "", name); set[name] = line[i] } }
        { name = $0; sub(/=.*/, "", name); print (name in set) ? set[name] : $0; if (name in set) used[name] = 1 }
        END { for (name in set) if (name && !(name in used)) { print "no setting " name >"/dev/stderr"; exit 1 } }'
}

# Does what a page says, in one shell, with what is to be set in its first block.
walk() { # PAGE SETTINGS [STEPS_LEFT_OUT [SHELL_SETTINGS [WORD]]]
    local started page
    started=$(now)
    page=$(blocks_of "$1" "${3:-}" "${5:-}")
    {
        shell_with "$ours${4:+$'\n'$4}"
        awk -v settings="$2" '
            BEGIN { count = split(settings, line, "\n"); for (i = 1; i <= count; i++) { name = line[i]; sub(/=.*/, "", name); set[name] = line[i] } }
            { name = $0; sub(/=.*/, "", name); print (name in set) ? set[name] : $0 }' <<<"$page"
    } >"$work/$1"
    "${as[@]}" bash "$work/$1" </dev/null >"$work/said" 2>&1 || fail "$1 ends with $?: $(tail -n 40 "$work/said")"
    say "$1 done in $(seconds_since "$started") s, for $kind, in $(grep -c '^```sh$' "$pages/$1.md") blocks and the 3 of the shell"
}

in_shell() { "${as[@]}" bash -c "$(shell_with "$ours")"$'\n'"$1" </dev/null; }
sql() { in_shell "\$POSTGRES \"\$PGBIN/psql\" -XAtq -c \"$1\""; }
is() { # WHAT EXPECTED FOUND
    [ "$2" = "$3" ] || fail "$1: expected $2, found $3"
}

install_on_debian() {
    dpkg -i /root/*.deb >/dev/null
    version=$(pg_lsclusters --no-header | awk '$2 == "main" { print $1 }')
    port=$(pg_lsclusters --no-header | awk '$2 == "main" { print $3 }')
    [ -n "$version" ] || fail "there is no cluster main"
    ours="VERSION=$version"$'\n'"PORT=$port"$'\n'"KEY_FROM=/root/kept.key"
    seawall init --repository /var/backups/seawall --encrypt new >/dev/null
    # As it should be: not on this host.
    mv /etc/seawall/seawall.key /root/kept.key
    install -d -m 700 -o postgres /var/backups/seawall
    sql "ALTER SYSTEM SET wal_level = 'replica'"
    sql "ALTER SYSTEM SET archive_mode = 'on'"
    sql "ALTER SYSTEM SET archive_command = '/usr/bin/wal-push %p %f'"
    in_shell PG_RESTART
    install -d -m 700 -o postgres /srv/ts
    sql "CREATE TABLESPACE elsewhere LOCATION '/srv/ts'"
}

is_with_systemd() {
    systemctl is-active --quiet "postgresql@$version-main" || fail "after $1 systemd does not know the server"
    systemctl restart "postgresql@$version-main" || fail "after $1 systemd does not restart the server"
    is "pg_lsclusters after $1" online "$(pg_lsclusters --no-header | awk -v version="$version" '$1 == version && $2 == "main" { print $4 }')"
    is "recovery after $1" f "$(sql 'SELECT pg_is_in_recovery()')"
}

backup() { in_shell "\$POSTGRES basebackup create --config \"\$CONFIG\"" >/dev/null 2>&1; }
archived() { sql "SELECT pg_switch_wal()" >/dev/null && sleep 2; }
key_is_away() { in_shell "[ ! -e \"\${IDENTITY:-/none}\" ]" || fail "after $1 the private key is still there"; }

deleted_data() {
    local moment
    sql "CREATE TABLE orders ${1:-} AS SELECT generate_series(1, 1000) AS id"
    backup
    sleep 1.1
    moment=$(sql 'SELECT now()')
    sleep 1.1
    sql 'DELETE FROM orders'
    walk deleted-data "BEFORE='$moment'"$'\n'DATABASE=postgres$'\n'TABLE=orders
    is 'the rows of orders' 1000 "$(sql 'SELECT count(*) FROM orders')"
    key_is_away deleted-data
}

# The last rows are in WAL that was not archived.
corruption() { # a word that names a file of the server, for the shell there
    local file
    backup
    sql "ALTER SYSTEM SET archive_command = 'false'"
    sql 'SELECT pg_reload_conf()' >/dev/null
    sql 'CREATE TABLE late AS SELECT generate_series(1, 1000)'
    sql 'CHECKPOINT'
    file=$(sql "SELECT pg_relation_filepath('orders')")
    in_shell "\$POSTGRES sh -c 'printf damage | dd of=\"\$1\" bs=1 seek=20 conv=notrunc status=none' damage \"\$PGDATA/$file\""
    walk corruption ''
    is 'the rows of late' 1000 "$(sql 'SELECT count(*) FROM late')"
    is 'the rows of orders' 1000 "$(sql 'SELECT count(*) FROM orders')"
    is archive_mode on "$(sql 'SHOW archive_mode')"
    key_is_away corruption
}

# Of the old host there is nothing: the package has made an empty cluster.
lost_server() {
    archived
    pg_dropcluster --stop "$version" main
    rm -rf /srv/ts/*
    pg_createcluster "$version" main --port "$port" >/dev/null
    systemctl start "postgresql@$version-main"
    cp /etc/seawall/seawall.toml /root/seawall.toml
    sed -i '/^endpoint = \|^credentials_file = /d' "$pages/lost-server.md"
    walk lost-server "REPOSITORY=/var/backups/seawall"$'\n'"PUBLIC=$(sed -n 's/^# public key: //p' /root/kept.key)" '3 5 6'
    is 'the rows of late' 1000 "$(sql 'SELECT count(*) FROM late')"
    is archive_mode on "$(sql 'SHOW archive_mode')"
    key_is_away lost-server
}

standby() {
    # On one host it would be the same folder.
    sql 'DROP TABLE orders'
    sql 'DROP SCHEMA damaged CASCADE'
    sql 'DROP TABLESPACE elsewhere'
    backup
    archived
    pg_createcluster "$version" standby >/dev/null
    local other
    other=$(pg_lsclusters --no-header | awk '$2 == "standby" { print $3 }')
    walk standby "PRIMARY='host=/var/run/postgresql port=$port user=postgres'" '' CLUSTER=standby$'\n'"PORT=$other"
    is 'the rows of late on the standby' 1000 "$(runuser -u postgres -- psql -p "$other" -XAtc 'SELECT count(*) FROM late')"
    systemctl is-active --quiet "postgresql@$version-standby" || fail "systemd does not know the standby"
    pg_dropcluster --stop "$version" standby
    rm -f /etc/seawall/seawall.key
}

# Its disk is gone, and another one comes.
lost_repository() {
    mv /var/backups/seawall /var/backups/gone
    walk lost-repository NEW=/var/backups/seawall-new$'\n'OLD=/var/backups/seawall
    [ -n "$(find /var/backups/seawall-new -name 'backup.json*')" ] || fail "the new repository has no base backup"
}

# Nothing of it is full here: what is looked at, and what makes room, works.
full_disk() { walk full-disk ''; }

# Another tool archives, then both, then Seawall alone.
moving() {
    install -d -o postgres /srv/old-archive
    sql "ALTER SYSTEM SET archive_command = 'test ! -f /srv/old-archive/%f && cp %p /srv/old-archive/%f'"
    sql 'SELECT pg_reload_conf()' >/dev/null
    walk moving WAL_PUSH=/usr/bin/wal-push
    [ -n "$(ls /srv/old-archive)" ] || fail "the old tool archived nothing"
    is 'what archives now' "/usr/bin/wal-push --config /etc/seawall/seawall.toml %p %f" "$(sql 'SHOW archive_command')"
}

# The last page: what was stored before opens with the old key alone.
lost_key() {
    local old
    old=$(grep -o 'age1[a-z0-9]*' /etc/seawall/seawall.toml | head -n 1)
    walk lost-key "OLD_PUBLIC=$old"$'\n'NEW_KEY=/root/new.key$'\n'REPOSITORY=local
    ours=${ours/kept.key/new.key}
    key_is_away lost-key
}

# As after an upgrade of Debian: the old cluster, and an empty one that the new package has made.
new_version() {
    rm -rf /etc/seawall /var/backups/seawall
    pg_dropcluster --stop 17 main
    pg_createcluster 15 main --port 5432 --start >/dev/null
    install_on_debian
    pg_createcluster 17 main --start >/dev/null
    sql 'CREATE TABLE orders TABLESPACE elsewhere AS SELECT generate_series(1, 1000) AS id'
    walk major-upgrade NEW_DATA=/var/lib/postgresql/17/main$'\n'NEW_BIN=/usr/lib/postgresql/17/bin$'\n'NEW=17 3 '' pg_upgradecluster
    version=17
    ours=${ours/VERSION=15/VERSION=17}
    is_with_systemd major-upgrade
    is 'the new version' 17 "$(sql 'SHOW server_version_num' | cut -c 1-2)"
    is 'the rows of orders' 1000 "$(sql 'SELECT count(*) FROM orders')"
    is archive_mode on "$(sql 'SHOW archive_mode')"
    archived
    is 'what waits to be archived' 0 "$(sql "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'")"
    in_shell "\$POSTGRES basebackup list --config \"\$CONFIG\"" >"$work/listed"
    is 'the systems that are listed' 2 "$(grep -c '^System ' "$work/listed")"
    grep -q after-upgrade "$work/listed" || fail "there is no backup of the new server: $(cat "$work/listed")"
}

started=$(now)
case $kind,$what in
'Debian and Ubuntu,upgrade') new_version ;;
'Debian and Ubuntu,all')
    install_on_debian
    deleted_data 'TABLESPACE elsewhere'
    is_with_systemd deleted-data
    corruption
    is_with_systemd corruption
    lost_server
    is_with_systemd lost-server
    standby
    lost_repository
    full_disk
    moving
    lost_key
    ;;
Podman*)
    # shellcheck source-path=SCRIPTDIR source=runbooks-podman-inside.sh
    . "$(dirname -- "$0")/runbooks-podman-inside.sh" "${2:-}"
    ;;
*) fail "no such kind of host: $kind, $what" ;;
esac
say "$kind: all is well, $(seconds_since "$started") s"
