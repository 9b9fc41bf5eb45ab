# Cases of test-containers-inside.sh beyond the order of the page: a bucket, other versions, another number for the user; sourced by it, never run.
# shellcheck shell=bash disable=SC2154 # $page, $versions, $work

# Of the program in archive_command check and doctor say what the server finds, or that nobody looked: never that of another place.
program_in_container() {
    local command gone='the server does not find "/usr/local/bin/wal-push"' unseen='its archive_command was not checked'
    local password='PGPASSWORD=a long password' tcp='--postgres-connection=host=127.0.0.1 user=postgres'
    local root=(env "$password" seawall check "$tcp")
    local within=(podman exec -u postgres postgres seawall check)
    local beside=(podman run --rm --user postgres --network none -v /usr/bin/seawall:/usr/bin/seawall:ro -v /etc/seawall/seawall.toml:/etc/seawall/seawall.toml:ro
        -v /var/backups/seawall:/var/backups/seawall -v /run/postgresql:/var/run/postgresql docker.io/library/postgres:18 seawall check)
    command=$(sql 'SHOW archive_command')
    says() { # STATUS 'without'|'' TEXT COMMAND...: whether check ends so, and has the text
        local status=0
        env -u SEAWALL_CLEAN_ROOT "${@:4}" >"$work/said" 2>&1 || status=$?
        [ "$status" -eq "$1" ] || fail "expected status $1, found $status of ${*:4}: $(cat "$work/said")"
        if [ "$2" = without ]; then ! grep -q "$3" "$work/said"; else grep -q "$3" "$work/said"; fi || fail "expected $2 $3 of ${*:4}: $(cat "$work/said")"
    }
    # It is there. The host's user has another group than the image's, and so may not look, as on each Debian.
    says 0 without 'is not there\|not looked at' "${root[@]}"
    says 0 without 'is not there\|not looked at' "${within[@]}"
    says 0 '' "$unseen: the files that the server sees are closed to this user" runuser -u postgres -- seawall check
    says 0 '' "$unseen: the server runs on another host or in a container" "${beside[@]}"
    # It is on the host, and not in the container.
    ln -s /usr/bin/wal-push /usr/local/bin/wal-push
    sql "ALTER SYSTEM SET archive_command = '/usr/local/bin/wal-push %p %f'"
    sql 'SELECT pg_reload_conf()' >/dev/null
    sleep 0.5
    says 2 '' "$gone" "${root[@]}"
    says 2 '' "$gone" "${within[@]}"
    says 0 '' "$unseen" runuser -u postgres -- seawall check
    says 0 '' "$unseen" "${beside[@]}"
    says 2 '' "$gone" env "$password" seawall doctor "$tcp"
    rm /usr/local/bin/wal-push
    sql "ALTER SYSTEM SET archive_command = '$command'"
    sql 'SELECT pg_reload_conf()' >/dev/null
    say "check says of the program in archive_command what the server in the container finds, or that nobody looked"
}

# Beside the folder: an S3 server of the tests over HTTP, on an address of the loopback interface that containers reach too.
bucket() {
    cp -a /etc/seawall /root/seawall.before
    ip address add 10.77.0.1/32 dev lo
    mkdir -p /srv/s3/backups /srv/uploads /srv/config
    echo 'a file' | tee /srv/uploads/file >/srv/config/file
    systemd-run --quiet --unit s3 s3s-fs --host 10.77.0.1 --port 9000 --access-key access --secret-key secret-of-the-bucket /srv/s3
    printf '[default]\naws_access_key_id = access\naws_secret_access_key = secret-of-the-bucket\nregion = us-east-1\n' >/root/s3.credentials
    install -o postgres -m 600 /root/s3.credentials /etc/seawall/s3.credentials
    cat >>/etc/seawall/seawall.toml <<'END'

[[repository]]
url = "s3://backups/seawall"
endpoint = "http://10.77.0.1:9000"
credentials_file = "/etc/seawall/s3.credentials"

[media.uploads]
paths = ["/srv/uploads"]

[media.config]
paths = ["/srv/config"]
END
    # The line is as the page has it.
    sed -i "/^Image=/a $(sed -n 's,^.\(Volume=/etc/seawall/s3.credentials:[^ ]*:ro\).*,\1,p' "$page")" /etc/containers/systemd/postgres.container
    systemctl daemon-reload
    systemctl start postgres
    ready podman
    touch "$work/before"
    sql 'SELECT pg_switch_wal()' >/dev/null
    sleep 2
    media-backup create --set uploads
    media-backup create --set config
    systemctl start seawall-basebackup || { journalctl --no-pager -n 30 -u seawall-basebackup >&2; fail "no backup into the folder and the bucket"; }
    local store kind
    for store in /var/backups/seawall /srv/s3/backups; do
        for kind in '*/wal/*.zst.age' '*/postgres/*backup.json' '*/media/*backup.json'; do
            [ -n "$(find "$store" -path "$kind" -newer "$work/before")" ] || fail "nothing that is new in $store is like $kind"
        done
    done
    systemctl start seawall-check || { runuser -u postgres -- seawall check >&2; fail "check of the folder and the bucket"; }
    say "a quadlet archives into a folder and a bucket at once, and the timers' jobs back up into both"
}

# What somebody who lost key and host does; then all is as it was.
runbooks_of_losses() {
    cp -a /etc/seawall /root/seawall.kept
    cp -a /etc/containers/systemd /root/systemd.kept
    # As it should be: no private key is on the server's host.
    sed '/^identity_file/d' /root/seawall.kept/seawall.toml >/etc/seawall/seawall.toml
    rm /etc/seawall/seawall.key
    SEAWALL_CLEAN_ROOT=yes bash /root/test-runbooks-inside.sh Podman lost
    cp -a /root/seawall.kept/. /etc/seawall/
    cp -a /root/systemd.kept/. /etc/containers/systemd/
    systemctl daemon-reload
}

# A server of this version in its quadlet, that archives into what is named here.
start_version() { # VERSION REPOSITORY...
    podman volume rm -f postgres-data postgres-restored >/dev/null
    sed "s,postgres:18,postgres:$1,; s,^Volume=postgres.volume:.*,Volume=postgres.volume:/var/lib/postgresql/data,
        /^Image=/a Volume=/etc/seawall/s3.credentials:/etc/seawall/s3.credentials:ro" \
        /usr/share/doc/seawall/examples/quadlet/postgres.container >/etc/containers/systemd/postgres.container
    cp /usr/share/doc/seawall/examples/quadlet/postgres.volume /etc/containers/systemd/
    {
        printf 'cluster = "v%s"\n' "$1"
        printf '%s\n' "${@:2}"
        printf '[encryption]\nrecipients = ["%s"]\n' "$(age-keygen -y /root/kept.key)"
    } >/etc/seawall/seawall.toml
    systemctl daemon-reload
    systemctl start postgres
    ready podman
    archive_by_sql
    systemctl restart postgres
    ready podman
    sql 'CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number'
    runuser -u postgres -- basebackup create
}

# The image's own folder for data is another one there. Each version is started, archives, is rehearsed, and restored by the page.
other_versions() {
    local version target more
    for version in $versions; do
        if [ "$version" = 18 ]; then continue; fi
        more='--network none'
        if [ "$version" = 17 ]; then
            # From the bucket alone.
            more='-v /etc/seawall/s3.credentials:/etc/seawall/s3.credentials:ro'
            start_version 17 '[[repository]]' 'url = "s3://backups/seawall"' 'endpoint = "http://10.77.0.1:9000"' 'credentials_file = "/etc/seawall/s3.credentials"'
        else
            start_version "$version" '[[repository]]' 'url = "/var/backups/seawall"'
        fi
        if [ "$version" = 15 ]; then
            sed "s,postgres:18,postgres:$version,; s,^Exec=.*,& --encryption-identity-file /etc/seawall/seawall.key," \
                /usr/share/doc/seawall/examples/quadlet/seawall-basebackup-drill.container >/etc/containers/systemd/seawall-basebackup-drill.container
            systemctl daemon-reload
            systemctl start seawall-basebackup-drill || { journalctl --no-pager -n 30 -u seawall-basebackup-drill >&2; fail "the drill of $version failed"; }
        fi
        sleep 1.1
        target=$(sql 'SELECT now()')
        sleep 1.1
        sql 'DROP TABLE kept'
        sql 'SELECT pg_switch_wal()' >/dev/null
        sleep 1
        run_chapter newcomer Restore "TARGET=\"--target-time '$target'\" IMAGE=docker.io/library/postgres:$version MOUNT=/var/lib/postgresql/data MORE='$more'"
        [ "$(sql 'SELECT count(*) FROM kept')" = 1000 ] || fail "PostgreSQL $version was not restored"
        [ "$(sql 'SHOW archive_mode')" = on ] || fail "the restored PostgreSQL $version does not archive again"
        # 18 is next, in a volume of its own, and 17 comes back.
        if [ "$version" = 17 ]; then SEAWALL_CLEAN_ROOT=yes bash /root/test-runbooks-inside.sh Podman upgrade; fi
        systemctl stop postgres
        say "PostgreSQL $version archives in its image, and is restored to a second before a DROP TABLE"
    done
    # What comes has a folder alone again.
    rm /etc/seawall/s3.credentials
    cp -a /root/seawall.before/. /etc/seawall/
}

# Somebody else has the number; he must not become the superuser by that.
taken() {
    local map add
    rm -f /etc/containers/systemd/{postgres,seawall-basebackup-drill}.*
    podman volume rm -f postgres-data postgres-restored >/dev/null
    podman secret rm --all >/dev/null
    rm -rf /var/backups/seawall /etc/seawall/* /run/postgresql /var/lib/seawall/*
    userdel postgres
    chgrp root /etc/seawall
    useradd --system --uid 999 --no-create-home --home-dir /nonexistent somebody
    blocks_of 'Where 999 is taken'
    as_newcomer bash -euo pipefail "$work/blocks/01"
    map=$(sed -n "s/^MAP='\(.*\)'$/\1/p" "$work/blocks/02")
    add=$(sed "s,\$MAP,$map," "$work/blocks/03")
    [[ $map = --uidmap* && $add = *"$map"* ]] || fail "the chapter Where 999 is taken has other blocks"
    # The chapter before it, with what this one says in it.
    awk -v map="$map" -v add="$add" '
        /^sudo useradd --system --uid 999 / { next }
        { sub(/--user postgres --network none/, "--user postgres " map " --network none"); print }
        /^sudo cp .*quadlet\/postgres\./ { print add }' "$page" >"$work/page"
    cp "$work/page" "$page"
    walk newcomer 'Podman with systemd'
    [ "$(stat -c %u "$(find /var/backups/seawall -name backup.json | head -n 1)")" = 1999 ] || fail "the backup is not the user's 1999"
    runuser -u postgres -- psql -h /run/postgresql -U postgres -XAtc 'SELECT 1' >"$work/said" || fail "the user postgres does not get in over the socket"
    if runuser -u somebody -- psql -h /run/postgresql -U postgres -c 'SELECT 1' >"$work/said" 2>&1; then fail "the host's 999 is the superuser over the socket"; fi
    grep -q 'Peer authentication failed' "$work/said" || fail "the socket says to 999: $(cat "$work/said")"
    systemctl start seawall-check || { runuser -u postgres -- seawall check >&2; fail "check is not content where 999 is taken"; }
    sql 'CREATE TABLE kept AS SELECT 1'
    sql 'SELECT pg_switch_wal()' >/dev/null
    sleep 1
    install -o postgres -m 400 /root/kept.key /etc/seawall/seawall.key
    run_chapter newcomer Restore "MORE='--network none $map'"
    [ "$(sql 'SELECT count(*) FROM kept')" = 1 ] || fail "the table is not back where 999 is taken"
    systemctl stop postgres
    say "where 999 is somebody else's the server runs as 1999, and comes back as that"
}
