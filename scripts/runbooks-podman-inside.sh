# What test-runbooks-inside.sh does where podman runs the server; sourced by it, never run.
# shellcheck shell=bash disable=SC2154,SC2034 # $pages, $work; $ours is for the functions there
#
# The quadlet `postgres` of docs/containers.md is there and archives. Where the pages begin with the host gone, the
# configuration names a bucket at http://10.77.0.1:9000 besides, and sets of media files.

# The settings of whoever has no root are a block of their own, and nothing is encrypted there.
shell_without_root() {
    kind_blocks() { block_of Podman && block_of Podman text; }
    key_blocks() { block_of 'The private key' text; }
    as=(runuser -u app -- env -C /home/app HOME=/home/app USER=app "XDG_RUNTIME_DIR=/run/user/$(id -u app)"
        "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/$(id -u app)/bus")
    ours=
}

volume_of_service() { sed -n 's/^VolumeName=//p' /etc/containers/systemd/postgres.volume; }

# The running server is told nothing: what it archives from now on is for the new key all the same.
lost_key_in_podman() {
    local old
    old=$(grep -o 'age1[a-z0-9]*' /etc/seawall/seawall.toml | head -n 1)
    walk lost-key "OLD_PUBLIC=$old"$'\n'NEW_KEY=/root/new.key$'\n'REPOSITORY=s3
    ours='KEY_FROM=/root/new.key'
    key_is_away lost-key
    media-backup create --set uploads
    media-backup create --set config
    sql 'CREATE TABLE later AS SELECT generate_series(1, 1000)'
    archived
}

# Nothing is left but the bucket, the new key and the quadlet.
lost_server_in_podman() {
    local name
    name=$(sed -n 's/^cluster = "\(.*\)"/\1/p' /etc/seawall/seawall.toml)
    systemctl stop postgres
    podman volume ls -q | grep '^postgres' | xargs podman volume rm -f >/dev/null
    rm -rf /var/backups/seawall /run/postgresql /var/lib/seawall/* /etc/seawall/seawall.toml /srv/uploads /srv/config
    sed -i 's/^VolumeName=.*/VolumeName=postgres-data/' /etc/containers/systemd/postgres.volume
    walk lost-server "REPOSITORY=s3://backups/seawall"$'\n'"ENDPOINT=http://10.77.0.1:9000"$'\n'"PUBLIC=$(age-keygen -y /root/new.key)"$'\n'"NAME=$name" 5
    is 'the rows of late' 1000 "$(sql 'SELECT count(*) FROM late')"
    is 'the rows of later' 1000 "$(sql 'SELECT count(*) FROM later')"
    is archive_mode on "$(sql 'SHOW archive_mode')"
    is 'the media files' 'a file' "$(cat /srv/uploads/file)"
    key_is_away lost-server
}

# The primary goes on in another container, as if it was another host: the quadlet is the standby.
standby_in_podman() {
    local volume
    volume=$(volume_of_service)
    sql "CREATE ROLE replicator LOGIN REPLICATION PASSWORD 'secret'"
    podman exec -u postgres postgres sh -c 'echo "host replication replicator all scram-sha-256" >>"$PGDATA/pg_hba.conf"'
    backup
    archived
    systemctl stop postgres
    podman run -d --name primary --publish 10.77.0.1:6432:5432 -v /usr/bin/wal-push:/usr/bin/wal-push:ro -v /etc/seawall/seawall.toml:/etc/seawall/seawall.toml:ro \
        -v /etc/seawall/s3.credentials:/etc/seawall/s3.credentials:ro -v "$volume:/var/lib/postgresql" docker.io/library/postgres:18 >/dev/null
    timeout 120 sh -c 'until podman exec primary pg_isready -q -h 127.0.0.1; do sleep 0.5; done' || fail "the primary does not start: $(podman logs --tail 20 primary 2>&1)"
    sed -i 's/^VolumeName=.*/VolumeName=postgres-data/' /etc/containers/systemd/postgres.volume
    walk standby "PRIMARY='host=10.77.0.1 port=6432 user=replicator password=secret'"
    is 'the rows of later on the standby' 1000 "$(sql 'SELECT count(*) FROM later')"
    is recovery t "$(sql 'SELECT pg_is_in_recovery()')"
    systemctl is-active --quiet postgres || fail "systemd does not know the standby"
    systemctl stop postgres
    podman rm -f -t 60 primary >/dev/null
}

# The shell of README.md for an image up to 17.
of_version() { ours="IMAGE=docker.io/library/postgres:$1"$'\n'MOUNT=/var/lib/postgresql/data$'\n'PGDATA=/var/lib/postgresql/data$'\n'"PGBIN=/usr/lib/postgresql/$1/bin"; }

# A dump of 17 is loaded into the image of 18, on a volume of its own. Roles, passwords and all databases come with it, the new server
# archives and has a backup, and the old one is there to go back to.
new_version_in_podman() {
    local volume password shop=("${as[@]}" podman exec -i -u postgres postgres psql -XAtq -v ON_ERROR_STOP=1 shop)
    of_version 17
    volume=$(in_shell "echo \"\$VOLUME\"")
    sql "CREATE ROLE clerk LOGIN PASSWORD 'secret of the clerk'"
    sql 'CREATE DATABASE shop OWNER clerk'
    password=$(sql "SELECT rolpassword FROM pg_authid WHERE rolname = 'clerk'")
    # One row is like the line that the page leaves out of the dump.
    "${shop[@]}" <<<"SET ROLE clerk; CREATE TABLE orders AS SELECT 'CREATE ROLE postgres;' AS note FROM generate_series(1, 1000);"
    sql "ALTER SYSTEM SET work_mem = '5MB'"
    walk major-upgrade '' 3 '' DUMP
    # The shell is for 18 as it stands.
    ours=
    is 'the new version' 18 "$(sql 'SHOW server_version_num' | cut -c 1-2)"
    is 'the rows of orders, and whose they are' '1000|clerk' "$("${shop[@]}" <<<"SELECT count(*), (SELECT tableowner FROM pg_tables WHERE tablename = 'orders')
        FROM orders WHERE note = 'CREATE ROLE postgres;'")"
    is 'the password of clerk' "$password" "$(sql "SELECT rolpassword FROM pg_authid WHERE rolname = 'clerk'")"
    is 'the rows that clerk sees' 1000 "$("${as[@]}" env 'PGPASSWORD=secret of the clerk' psql -XAt -h 127.0.0.1 -U clerk -d shop -c 'SELECT count(*) FROM orders')"
    is work_mem 5MB "$(sql 'SHOW work_mem')"
    archived
    is 'whether it archives, and what waits' 't|0' "$(sql "SELECT archived_count > 0 AND last_archived_time > coalesce(last_failed_time, '-infinity'),
        (SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready') FROM pg_stat_archiver")"
    in_shell "\$POSTGRES basebackup list --config \"\$CONFIG\"" >"$work/listed"
    is 'the systems that are listed' 2 "$(grep -c '^System ' "$work/listed")"
    grep -q after-upgrade "$work/listed" || fail "there is no backup of the new server: $(cat "$work/listed")"
    # It warns that nothing was rehearsed.
    in_shell "\$POSTGRES seawall check --config \"\$CONFIG\"" >"$work/said" 2>&1 || [ $? -eq 1 ] || fail "check of the new server: $(cat "$work/said")"
    grep -q 'took over from' "$work/said" || fail "check does not see two systems: $(cat "$work/said")"
    "${shop[@]}" <<<'DROP TABLE orders'
    of_version 17
    in_shell "$(blocks_of major-upgrade '1 2 3 4 5' '; do mv ')" >"$work/said" 2>&1 || fail "going back ends with $?: $(cat "$work/said")"
    is 'the version after going back' 17 "$(sql 'SHOW server_version_num' | cut -c 1-2)"
    is 'the rows of orders after going back' 1000 "$("${shop[@]}" <<<'SELECT count(*) FROM orders')"
    is 'the volume after going back' "$volume" "$(in_shell "echo \"\$VOLUME\"")"
    backup || fail "no base backup after going back"
}

case $kind in
Podman)
    ours='KEY_FROM=/root/kept.key'
    if [ "${1:-}" = upgrade ]; then
        new_version_in_podman
    elif [ "${1:-}" = lost ]; then
        lost_key_in_podman
        lost_server_in_podman
        standby_in_podman
    else
        deleted_data
        corruption
        podman volume exists postgres-data || fail "the old volume is gone"
    fi
    ;;
'Podman without root')
    shell_without_root
    if [ "${1:-}" = upgrade ]; then
        new_version_in_podman
    else
        deleted_data
        corruption
    fi
    ;;
esac
