#!/usr/bin/env bash
# Run by test-containers.sh, as root in a Debian 12 that has booted, whose podman knows no quadlets: walks what docs/containers.md says for it, with a
# restore and a rehearsal.
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

# The page's chapter of podman with systemd, in which this chapter's first block takes the place of the one that copies quadlets.
put_unit_in_place() {
    blocks_of 'Podman before 4.4'
    cp "$work/blocks/01" "$work/unit"
    cp "$work/blocks/02" "$work/drill"
    awk -v unit="$work/unit" '
        /^```sh$/ { block = ""; inside = 1 }
        inside { block = block $0 "\n"; if (/^```$/) { inside = 0; if (block ~ /quadlet\/postgres\.\*/) { block = "```sh\n"; while ((getline line <unit) > 0) block = block line "\n"; block = block "```\n" } printf "%s", block } next }
        { print }' "$page" >"$work/page"
    sed "s,^sudo shred,sudo cp -a /etc/seawall/seawall.key /root/kept.key\n&," "$work/page" >"$page"
    grep -q '^ExecStart=/usr/bin/podman run' "$page" || fail "the unit is not in the page"
}

set_up() {
    put_unit_in_place
    walk newcomer 'Podman with systemd'
    [ "$(sql 'SHOW archive_mode')" = on ] || fail "the server does not archive"
    [ -n "$(find /var/backups/seawall -path '*/wal/*' -name '*.zst.age')" ] || fail "no WAL was archived"
    local unit
    for unit in seawall-basebackup seawall-check; do
        systemctl start "$unit.service" || { journalctl --no-pager -n 30 -u "$unit" >&2; fail "$unit failed"; }
    done
    systemctl restart postgres
    ready podman
    say "podman $(podman --version | sed 's/.* //') runs the server by a plain unit, and it archives"
}

restore() {
    local target
    sql 'CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number'
    sleep 1.1
    target=$(sql 'SELECT now()')
    sleep 1.1
    sql 'DROP TABLE kept'
    sql 'SELECT pg_switch_wal()' >/dev/null
    sleep 1
    cp -a /root/kept.key /etc/seawall/seawall.key
    run_chapter newcomer Restore "TARGET=\"--target-time '$target'\""
    [ "$(sql 'SELECT count(*) FROM kept')" = 1000 ] || fail "the table is not back"
    [ "$(sql 'SHOW archive_mode')" = on ] || fail "the restored server does not archive again"
    say "the plain unit's server was restored to a second before a DROP TABLE, into a new volume"
}

rehearse() {
    sed -i 's,/var/backups/seawall:z,& -v /etc/seawall/seawall.key:/etc/seawall/seawall.key:ro,; s,basebackup drill$,& --encryption-identity-file /etc/seawall/seawall.key,' "$work/drill"
    chmod 644 "$work/drill"
    as_newcomer bash -euo pipefail "$work/drill"
    systemctl start seawall-basebackup-drill || { journalctl --no-pager -n 30 -u seawall-basebackup-drill >&2; fail "the drill failed"; }
    systemctl is-enabled --quiet seawall-basebackup-drill.timer || fail "the timer of drills is not switched on"
    say "the package's timer rehearses by a plain unit"
    systemctl stop postgres
}

make_images
prepare
not_checked='docs/containers.md, "Podman before 4.4"'
podman_works env || exit 0
set_up
restore
rehearse
