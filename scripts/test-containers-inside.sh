#!/usr/bin/env bash
# Run by test-containers.sh, as root in a Debian that has booted, with podman: makes the images, installs the package and walks
# docs/containers.md, chapter by chapter, as its readers would, then what the README has for containers. Each block is as it stands on the page.
case ${1:-} in -h | --help) exec awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# /, ""); print }' "$0" ;; esac
if [ -z "${SEAWALL_CLEAN_ROOT:-}" ]; then
    printf 'ERROR: this installs and removes things: it is not for a machine that is in use\nHINT: run scripts/test-containers.sh\n' >&2
    exit 1
fi
set -euo pipefail
# Only what the package brings counts, nothing from the shell outside.
unset "${!SEAWALL_@}" "${!PG@}"
versions=$1
# shellcheck source-path=SCRIPTDIR source=containers-inside.sh
. "$(dirname -- "$0")/containers-inside.sh"
# shellcheck source-path=SCRIPTDIR source=containers-cases-inside.sh
. "$(dirname -- "$0")/containers-cases-inside.sh"

# What `seawall init` said is left to do is what the page has people type.
check_same_lines() {
    tr -d '\r' <"$work/init" | grep -E '^    (ALTER |sudo install|sudo -u postgres|sudo systemctl enable|sudo shred)' |
        sed 's/^    //' | grep -v 'seawall doctor' | sort >"$work/told"
    blocks_of 'Podman with systemd'
    cat "$work/blocks"/* | grep -E '^(ALTER |sudo install|sudo -u postgres|sudo systemctl enable|sudo shred)' | sort >"$work/typed"
    diff "$work/told" "$work/typed" || fail "docs/containers.md and seawall init say different things (above)"
}

root_of_podman() {
    blocks_of 'Podman with systemd'
    # The key is kept by whoever reads the page, before the block that removes it.
    local block
    block=$(grep -l 'shred' "$work/blocks"/*)
    sed -i "s,^sudo shred,sudo cp -a /etc/seawall/seawall.key /root/kept.key\n&," "$page"
    [ -n "$block" ] || fail "the page removes no key"
    walk newcomer 'Podman with systemd'
    check_same_lines
    [ "$(sql 'SHOW archive_mode')" = on ] || fail "the server does not archive"
    [ "$(podman inspect --format '{{.Config.StopTimeout}}' postgres)" = 300 ] || fail "podman kills the server while it archives what is left"
    [ -z "$(find /var/backups/seawall -path '*/wal/*' -name '*.zst')" ] || fail "WAL lies there in the clear, beside encrypted backups"
    [ -n "$(find /var/backups/seawall -path '*/wal/*' -name '*.zst.age')" ] || fail "no WAL was archived"
    # Nobody but the server's user gets in over the socket.
    runuser -u newcomer -- psql -h /run/postgresql -U postgres -c 'SELECT 1' >"$work/said" 2>&1 && fail "anybody is the superuser over the socket"
    grep -q 'Peer authentication failed' "$work/said" || fail "the socket says: $(cat "$work/said")"
}

timers() {
    local unit
    for unit in seawall-basebackup seawall-basebackup-verify seawall-check; do
        systemctl is-enabled --quiet "$unit.timer" || fail "$unit.timer is not switched on"
        systemctl start "$unit.service" || { journalctl --no-pager -n 30 -u "$unit" >&2; fail "$unit failed"; }
    done
    grep -qx 'seawall_state 0' /var/lib/seawall/check/seawall.prom || fail "check is not content after the jobs have run"
    say "the jobs of three timers ran under systemd, hardened as they are, and seawall check is content"
}

# Units of one of several clusters, and what is called when a unit failed.
clusters_and_failures() {
    # shellcheck disable=SC2016 # for the hook to fill in
    printf '#!/bin/sh\necho "$1 $MONITOR_EXIT_STATUS" >/root/failed\n' >/etc/seawall/on-failure
    chmod 755 /etc/seawall/on-failure
    cp /etc/seawall/seawall.toml /etc/seawall/shop.toml
    local unit
    for unit in seawall-basebackup seawall-check; do
        systemctl start "$unit@shop.service" || { journalctl --no-pager -n 30 -u "$unit@shop" >&2; fail "$unit@shop failed"; }
    done
    [ -s /var/lib/seawall/check/shop.prom ] || fail "seawall-check@shop left no figures"
    journalctl --no-pager -u seawall-basebackup@shop -o cat | grep -q ': all is well' || fail "seawall-basebackup@shop verified nothing"
    [ ! -e /root/failed ] || fail "the hook was called: $(cat /root/failed)"
    systemctl start seawall-basebackup@nowhere.service && fail "a unit without a configuration succeeds"
    for _ in {1..50}; do [ -s /root/failed ] || sleep 0.1; done
    [ "$(cat /root/failed)" = 'seawall-basebackup@nowhere.service 3' ] || fail "the hook got: $(cat /root/failed)"
    rm /etc/seawall/on-failure /etc/seawall/shop.toml
    say "units of one of several clusters run, and a failed one calls the hook"
}

# A table is dropped; the moment before it comes back in a new volume, and the server archives no more until it is told to.
restore() {
    local target old
    sql 'CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number'
    sleep 1.1
    target=$(sql 'SELECT now()')
    sleep 1.1
    sql 'DROP TABLE kept'
    sql 'SELECT pg_switch_wal()' >/dev/null
    sleep 2
    cp -a /root/kept.key /etc/seawall/seawall.key
    old=$(find /var/backups/seawall -name '*.history*' | wc -l)
    # The last block has it archive again: what is before it is looked at first.
    blocks_of Restore
    cp "$work/blocks"/* "$work/" 2>/dev/null || true
    sed -i "s,^sudo timeout 300 .*,&\n[ ! -e $work/looked ] \&\& touch $work/looked \&\& bash $work/look," "$page"
    cat >"$work/look" <<'END'
set -eu
say() { sudo podman exec -u postgres postgres psql -Atqc "$1"; }
[ "$(say 'SELECT count(*) FROM kept')" = 1000 ]
[ "$(say 'SHOW archive_mode')" = off ]
[ "$(say 'SELECT pg_is_in_recovery()')" = f ]
END
    chmod 777 "$work"
    run_chapter newcomer Restore "TARGET=\"--target-time '$target'\""
    [ -e "$work/looked" ] || fail "the restored server was not looked at"
    sed -i "/looked/d" "$page"
    [ "$(sql 'SHOW archive_mode')" = on ] || fail "the restored server does not archive again"
    [ "$(find /var/backups/seawall -name '*.history*' | wc -l)" -gt "$old" ] || fail "the new timeline was not archived"
    podman volume exists postgres-data || fail "the old volume is gone"
    say "restored to a second before a DROP TABLE, into a new volume, with nothing of PostgreSQL on the host"
}

rehearse() {
    # The key is on this host here, as on the one where drills are made.
    sed -i 's,^#Volume=/etc/seawall,Volume=/etc/seawall,' /usr/share/doc/seawall/examples/quadlet/seawall-basebackup-drill.container
    sed -i '/^url = /a # the key is here' /etc/seawall/seawall.toml
    sed -i 's,^\[encryption\],&\nidentity_file = "/etc/seawall/seawall.key",' /etc/seawall/seawall.toml
    run_chapter newcomer Rehearse ''
    systemctl start seawall-basebackup-drill || { journalctl --no-pager -n 30 -u seawall-basebackup-drill >&2; fail "the drill failed"; }
    runuser -u postgres -- seawall check >"$work/check" || fail "check after a drill: $(cat "$work/check")"
    systemctl is-enabled --quiet seawall-basebackup-drill.timer || fail "the timer of drills is not switched on"
    say "the package's timer rehearses in a container"
    systemctl stop postgres
}

# Its one command, with nothing of quadlets there.
readme() {
    rm /etc/containers/systemd/postgres.*
    systemctl daemon-reload
    podman volume rm -f postgres-data >/dev/null
    podman secret rm postgres-password >/dev/null
    sed "s,^cluster = .*,cluster = \"readme\"," /etc/seawall/seawall.toml >/root/toml
    cat /root/toml >/etc/seawall/seawall.toml
    awk '/^## / { within = $0 == "## In containers" } within && sub(/^    /, "")' /root/README.md >"$work/readme"
    chmod 644 "$work/readme"
    as_newcomer bash -euo pipefail "$work/readme" </dev/null || fail "the README's command ends with $?"
    ready podman
    archive_by_sql
    podman restart -t 60 postgres >/dev/null
    ready podman
    sql 'SELECT pg_switch_wal()' >/dev/null
    sleep 2
    [ -n "$(find /var/backups/seawall/postgres/readme -path '*/wal/*' -name '*.zst.age')" ] || fail "the README's server archives nothing"
    podman rm -f -t 60 postgres >/dev/null
    say "the README's one command starts a server that archives"
}

# As the first lines of the file say, but for Redis, of which there is no image here.
compose() {
    mkdir /srv/shop
    cp /usr/share/doc/seawall/examples/compose.yaml /srv/shop/
    # The key does not lie in the configuration's place: the one job that needs it is given it.
    sed "s,^cluster = .*,cluster = \"compose\",; /^identity_file/d" /etc/seawall/seawall.toml >/root/toml
    cat /root/toml >/etc/seawall/seawall.toml
    install -d -o 999 -m 700 /var/backups/seawall /var/lib/seawall/compose
    install -o 999 -m 400 /root/kept.key /srv/shop/seawall.key
    (
        cd /srv/shop
        printf '%s' 'a long password' >postgres.password
        podman-compose up -d postgres
        timeout 120 sh -c 'until podman-compose exec -T -u postgres postgres pg_isready -q -h 127.0.0.1; do sleep 0.5; done'
        printf "ALTER SYSTEM SET %s;\n" "archive_mode = 'on'" "archive_command = '/usr/bin/wal-push \"%p\" %f'" |
            podman-compose exec -T -u postgres postgres psql -q
        podman-compose restart postgres
        timeout 120 sh -c 'until podman-compose exec -T -u postgres postgres pg_isready -q -h 127.0.0.1; do sleep 0.5; done'
        podman-compose --profile jobs run --rm -T basebackup
        podman-compose --profile jobs run --rm -T -v /srv/shop/seawall.key:/run/seawall.key:ro -e SEAWALL_ENCRYPTION_IDENTITY_FILE=/run/seawall.key drill
        podman-compose down -v
    ) </dev/null
    [ -n "$(find /var/backups/seawall/postgres/compose -name backup.json)" ] || fail "compose took no backup"
    say "podman-compose runs the server, takes a backup and rehearses it"
}

without_root() {
    podman save -q --multi-image-archive -o /home/app/images.tar docker.io/library/postgres:{17,18}
    chown app /home/app/images.tar
    # The user manager of somebody who is logged in.
    loginctl enable-linger app
    for _ in {1..300}; do
        if as_app systemctl --user is-system-running --wait >"$work/said" 2>&1 || grep -qx degraded "$work/said"; then break; fi
        sleep 0.2
    done
    as_app podman load -q -i images.tar >/dev/null
    not_checked='docs/containers.md, "Podman without root"'
    podman_works as_app || return 0
    walk app 'Podman without root'
    [ "$(app_sql 'SHOW archive_mode')" = on ] || fail "the user's server does not archive"
    [ -n "$(find /home/app/backups -path '*/wal/*' -name '*.zst' -user app)" ] || fail "no WAL of the user's server was archived, or it is not his"
    local unit
    for unit in seawall-basebackup seawall-basebackup-verify seawall-check; do
        as_app systemctl --user is-enabled --quiet "$unit.timer" || fail "the user's $unit.timer is not switched on"
        as_app systemctl --user start "$unit.service" || { journalctl --no-pager -n 30 _UID="$(id -u app)" >&2; fail "the user's $unit failed"; }
    done
    grep -qx 'seawall_state 0' /home/app/.local/state/seawall/check/seawall.prom || fail "the user's check is not content"
    app_sql 'CREATE TABLE kept AS SELECT 1'
    app_sql 'SELECT pg_switch_wal()' >/dev/null
    sleep 2
    restore_without_root
    say "the user's jobs ran under his own systemd, and his server came back, without root"
    SEAWALL_CLEAN_ROOT=yes bash /root/test-runbooks-inside.sh 'Podman without root'
    upgrade_without_root
}

# From a 17 in the place of the user's 18.
upgrade_without_root() {
    as_app bash -euo pipefail <<'END'
ready() { timeout 120 sh -c 'until podman exec postgres pg_isready -q -h 127.0.0.1; do sleep 0.5; done'; }
cd ~/.config
systemctl --user stop postgres
sed -i 's,^cluster = .*,cluster = "v17",' seawall/seawall.toml
sed -i 's,^Image=.*,Image=docker.io/library/postgres:17,; s,^Volume=postgres.volume:.*,Volume=postgres.volume:/var/lib/postgresql/data,' containers/systemd/postgres.container
sed -i 's,^VolumeName=.*,VolumeName=postgres-17,' containers/systemd/postgres.volume
systemctl --user daemon-reload
systemctl --user start postgres
ready
podman exec -i -u postgres postgres psql -q <<<"ALTER SYSTEM SET archive_mode = 'on'; ALTER SYSTEM SET archive_command = '/usr/bin/wal-push \"%p\" %f';"
systemctl --user restart postgres
ready
END
    SEAWALL_CLEAN_ROOT=yes bash /root/test-runbooks-inside.sh 'Podman without root' upgrade
}

# The lines of the chapter Restore, changed as its last paragraph says.
restore_without_root() {
    blocks_of Restore
    cat "$work/blocks"/* | sed "
        /IDENTITY:/d; s, --encryption-identity-file [^ ]*,,; s,sudo -u postgres ,,; s,sudo ,,g; /look/d
        s,systemctl ,systemctl --user ,; s,--user postgres,--userns keep-id:uid=999\,gid=999,
        s,-v /etc/seawall/seawall.toml:,-v \$HOME/.config/seawall/seawall.toml:,
        s,/var/backups/seawall:/var/backups/seawall,\$HOME/backups:\$HOME/backups,
        s,/etc/containers/systemd,\$HOME/.config/containers/systemd," >"$work/own"
    chmod 644 "$work/own"
    as_app bash -euo pipefail "$work/own" </dev/null || fail "the restore without root ends with $?"
    [ "$(app_sql 'SELECT count(*) FROM kept')" = 1 ] || fail "the user's table is not back"
    [ "$(app_sql 'SHOW archive_mode')" = on ] || fail "the user's server does not archive again"
}

make_images
prepare
not_checked='docs/containers.md'
podman_works env || exit 0
root_of_podman
program_in_container
timers
clusters_and_failures
SEAWALL_CLEAN_ROOT=yes bash /root/test-runbooks-inside.sh Podman
restore
rehearse
bucket
runbooks_of_losses
other_versions
readme
compose
taken
without_root
