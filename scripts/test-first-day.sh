#!/usr/bin/env bash
# Run by test-packages.sh, as root in a Debian root with PostgreSQL and sudo, which may have booted: walks docs/first-day.md, block by block, as
# somebody who may use sudo. At its end `seawall check` says OK, and the jobs of the timers do what they are for. Then it
# uninstalls as docs/install.md says.
case ${1:-} in -h | --help) exec awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# /, ""); print }' "$0" ;; esac
if [ -z "${SEAWALL_CLEAN_ROOT:-}" ]; then
    printf 'ERROR: this installs and removes things: it is not for a machine that is in use\nHINT: run scripts/test-packages.sh\n' >&2
    exit 1
fi
set -euo pipefail
deb=$1
page=$2
last_page=$3
# Only what the package brings counts, nothing from the shell outside.
unset "${!SEAWALL_@}" "${!PG@}"
export LC_ALL=C.UTF-8
home=/home/newcomer

say() { printf 'packages: %s\n' "$*"; }
fail() {
    printf 'ERROR: %s\n' "$*" >&2
    exit 1
}
now() { printf '%s\n' "${EPOCHREALTIME/,/.}"; }
seconds_since() { awk -v from="$1" -v to="$(now)" 'BEGIN { printf "%.1f", to - from }'; }

as_newcomer() { runuser -u newcomer -- env -C "$home" HOME="$home" "$@"; }

booted() { [ -d /run/systemd/system ]; }

# There is no systemd in a chroot. This takes its place for what the page asks of it, and units are the package's own.
make_systemctl() {
    cat >/usr/local/bin/systemctl <<'END'
#!/bin/sh
case "$1 $2 ${3:-}" in
"restart postgresql@"*) name=${2#postgresql@} && exec pg_ctlcluster "${name%%-*}" "${name#*-}" restart ;;
"enable --now "*) exec /usr/bin/systemctl enable --quiet "$3" ;;
*) exec /usr/bin/systemctl "$@" ;;
esac
END
    chmod 755 /usr/local/bin/systemctl
}

prepare() {
    useradd --create-home --groups sudo --shell /bin/bash newcomer
    echo 'newcomer ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/newcomer
    echo "127.0.0.1 $(uname -n)" >>/etc/hosts
    booted || make_systemctl
    # Nobody is there to be asked.
    echo 'APT::Get::Assume-Yes "true";' >/etc/apt/apt.conf.d/yes
    cp -- "$deb" "$home/"
    # Where this machine has a server of its own, the package has chosen another port.
    pg_conftool "$version" main set port 5432
    pg_conftool "$version" main set listen_addresses ''
    if booted; then
        systemctl restart "postgresql@$version-main"
        return
    fi
    pg_ctlcluster "$version" main start
    trap 'pg_ctlcluster --mode immediate "$version" main stop' EXIT
}

# The blocks of the page, a file each, with the version of this release.
make_blocks() {
    mkdir "$work/blocks"
    sed "s,15/main,$version/main,g; s,15-main,$version-main,g" "$page" | awk -v into="$work/blocks" '
        /^```/ { inside = !inside && /^```sh$/; if (inside) file = sprintf("%s/%02d", into, ++blocks); next }
        inside { print >file }'
    chmod -R go+rX "$work"
}

# How a block may end: doctor warns of the disk that holds everything here.
run_block() { # FILE
    local status=0 allowed=0
    if grep -q 'seawall init' "$1"; then
        # On a terminal, with an empty answer to each question.
        as_newcomer script --quiet --return --command "bash -eu $1" /dev/null < <(printf '\n%.0s' {1..10}) >"$work/init" || status=$?
        cat "$work/init"
    else
        as_newcomer bash -euo pipefail "$1" >"$work/said" 2>&1 </dev/null || status=$?
        cat "$work/said"
    fi
    if grep -q 'seawall doctor' "$1"; then allowed=1; fi
    [ "$status" -eq "$allowed" ] || fail "this block ends with $status, not $allowed: $(cat "$1")"
}

# A stumble before the first step, and what it says.
stumble() { # EXPECTED COMMAND...
    local said
    said=$(as_newcomer "${@:2}" 2>&1 </dev/null) && fail "$* did not fail"
    grep -qF -- "$1" <<<"$said" || fail "${*:2} says: $said"
}

walk() {
    local block started walked
    walked=$(now)
    for block in "$work/blocks"/*; do
        started=$(now)
        run_block "$block"
        say "  $(seconds_since "$started") s: $(head -n 1 "$block")"
        if [ "$block" = "$work/blocks/01" ]; then
            stumble 'Run it as root (sudo seawall init)' seawall init --repository /b --encrypt new
            stumble 'seawall init' sudo -u postgres seawall check
            stumble 'sudo -u postgres' seawall check
        elif [ "$block" = "$work/blocks/02" ]; then
            stumble 'it stays as it is' sudo seawall init --repository /b --encrypt new
            stumble 'sudo -u postgres' sudo basebackup create
            stumble 'archive_mode = off' sudo -u postgres basebackup create
        fi
    done
    [ "$(find "$work/blocks" -type f | wc -l)" -ge 9 ] || fail "the page has only $(ls "$work/blocks")"
    say "docs/first-day.md walked in $(seconds_since "$walked") s, with its mistakes"
}

# What the page has people type is what `seawall init` says is left to do, in its order.
check_same_lines() {
    tr -d '\r' <"$work/init" | sed -n 's/^    \(sudo \|ALTER \)/\1/p' >"$work/told"
    cat "$work/blocks"/* | sed -n "s/ <<'END'\$//; /^sudo apt\|^sudo seawall init/d; /^sudo \|^ALTER /p" >"$work/typed"
    diff "$work/told" "$work/typed" || fail "docs/first-day.md and seawall init say different things (above)"
}

# What this systemd, which is not everywhere the same, thinks of them.
check_units() {
    local unit units=() complaints
    for unit in /usr/lib/systemd/system/seawall-*; do
        unit=${unit##*/}
        units+=("${unit/@./@example.}")
    done
    complaints=$(systemd-analyze verify --man=no "${units[@]}" 2>&1) || fail "systemd-analyze verify: $complaints"
    [ -z "$complaints" ] || fail "systemd-analyze verify: $complaints"
    say "${#units[@]} units, $(systemctl --version | sed -n '1s/ (.*//p') has nothing against them"
}

# The job of a timer, as its user.
run_service() { # UNIT
    local unit=/usr/lib/systemd/system/$1 user command verify
    if booted; then
        systemctl start "$1" || {
            journalctl --no-pager --lines 30 --unit "$1"
            fail "$1 fails under its own confinement"
        }
        return
    fi
    user=$(sed -n 's/^User=//p' "$unit")
    sed -n 's/^StateDirectory=//p' "$unit" | while read -r folder; do install -d -o "$user" -m 755 "/var/lib/$folder"; done
    verify=$(sed -n 's/^Environment="\(VERIFY=.*\)"$/\1/p' "$unit")
    while read -r command; do
        runuser -u "$user" -- env ${verify:+"$verify"} sh -c "${command//\$\$/\$}" || fail "$1: $command ends with $?"
    done < <(sed -n 's/^ExecStart=//p' "$unit")
}

check_jobs() {
    local timer timers=0
    for timer in /etc/systemd/system/timers.target.wants/seawall-*.timer; do
        timer=${timer##*/}
        run_service "${timer%.timer}.service"
        timers=$((timers + 1))
    done
    [ "$timers" -eq 3 ] || fail "$timers timers are switched on, not three"
    grep -qx 'seawall_state 0' /var/lib/seawall/check/seawall.prom || fail "check is not content after the jobs have run"
    [ ! -e /etc/seawall/seawall.key ] || fail "the private key is still there"
    say "the jobs of $timers timers do what they are for, and seawall check is content"
}

# Without Seawall PostgreSQL keeps no WAL back, and what is the administrator's stays.
uninstall() {
    local waiting
    sed -n '/^## Uninstall/,$s/^    //p' "$last_page" >"$work/uninstall"
    grep '^ALTER' "$work/uninstall" | as_newcomer sudo -u postgres psql --quiet
    as_newcomer sudo systemctl restart "postgresql@$version-main"
    as_newcomer sudo -u postgres psql --quiet --command 'CREATE TABLE last ()' --command 'SELECT pg_switch_wal()' >/dev/null
    waiting=$(find "/var/lib/postgresql/$version/main/pg_wal/archive_status" -name '*.ready')
    [ -z "$waiting" ] || fail "PostgreSQL still wants to archive: $waiting"
    grep '^sudo' "$work/uninstall" >"$work/commands"
    as_newcomer bash -e "$work/commands" </dev/null
    [ ! -e /usr/bin/seawall ] || fail "the programs are still there"
    [ -z "$(find /etc/systemd/system -name 'seawall-*')" ] || fail "a timer is still switched on"
    if [ ! -e /etc/seawall/seawall.toml ] || [ ! -d /var/backups/seawall/postgres ]; then fail "the administrator's files are gone"; fi
    say "uninstalled as docs/install.md says"
}

version=$(pg_lsclusters --no-header | awk '$2 == "main" { print $1 }')
[ -n "$version" ] || fail "there is no cluster main"
work=$(mktemp -d)
prepare
make_blocks
walk
check_same_lines
! booted || check_units
check_jobs
uninstall
