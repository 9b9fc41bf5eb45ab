#!/usr/bin/env bash
# Run by test-packages.sh, as root in a Debian that has booted, with postfix, after test-runbooks-inside.sh: has seawall-check tell people by mail,
# as docs/notify.md says, under the unit's own confinement, as a unit of the system and of a user. Then the same with exim, whose packages lie in /root/later.
case ${1:-} in -h | --help) exec awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# /, ""); print }' "$0" ;; esac
if [ -z "${SEAWALL_CLEAN_ROOT:-}" ]; then
    printf 'ERROR: this installs and removes things: it is not for a machine that is in use\nHINT: run scripts/test-packages.sh\n' >&2
    exit 1
fi
set -euo pipefail
# Only what the package brings counts, nothing from the shell outside.
unset "${!SEAWALL_@}" "${!PG@}"
export LC_ALL=C.UTF-8
page=/root/notify.md
box=/var/mail/ops

say() { printf 'mail: %s\n' "$*"; }
fail() {
    journalctl --no-pager --lines 40 >&2
    printf 'ERROR: %s\n' "$*" >&2
    exit 1
}
now() { printf '%s\n' "${EPOCHREALTIME/,/.}"; }
seconds_since() { awk -v from="$1" -v to="$(now)" 'BEGIN { printf "%.1f", to - from }'; }

as_ops() {
    runuser -u ops -- env -C /home/ops HOME=/home/ops XDG_RUNTIME_DIR="/run/user/$(id -u ops)" \
        DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$(id -u ops)/bus" "$@"
}

prepare() {
    useradd --create-home ops
    # The repository that the runbooks have left, for each of the two. How full the disk of this machine is counts for nothing here.
    printf '[[repository]]\nurl = "/var/backups/mailed"\n\n[objectives]\nfree_space = 0\n\n' >/etc/seawall/without-mail
    local url
    url=$(sed -n 's/^url = "\(\/.*\)"/\1/p' /etc/seawall/seawall.toml | head -n 1)
    cp -a "$url" /var/backups/mailed
    # shellcheck disable=SC2016 # for the hook to fill in
    printf '#!/bin/sh\necho "$1 $MONITOR_EXIT_STATUS" >>/root/failed\n' >/etc/seawall/on-failure
    chmod 755 /etc/seawall/on-failure
    loginctl enable-linger ops
    for _ in {1..100}; do [ ! -S "/run/user/$(id -u ops)/bus" ] || break; sleep 0.1; done
    cp -a "$url" /home/ops/mailed
    chown -R ops: /home/ops/mailed
    install -d -o ops /home/ops/.config /home/ops/.config/seawall /home/ops/.local /home/ops/.local/state /home/ops/.local/state/seawall
    { echo 'state_directory = "/home/ops/.local/state/seawall"' && sed 's,/var/backups/mailed,/home/ops/mailed,' /etc/seawall/without-mail; } \
        >/home/ops/.config/seawall/without-mail
}

# The first block of a chapter of the page, for who reads mail here, and no word of warnings.
settings() { # FILE [LINES_LEFT_OUT]
    cat "${1%/*}/without-mail" >"$1"
    awk '$0 == "## Mail" { within = 1 } within && sub(/^    /, "") { print; found = 1; next } found { exit }' "$page" |
        sed "s/ops@example.org/ops@localhost/; /${2:-^$}/d" >>"$1"
    printf 'warnings = false\n' >>"$1"
    grep -q '^mail_to = \["ops@localhost"\]' "$1" || fail "docs/notify.md has no mail_to below its heading Mail"
}

mails() { grep -c '^Subject: ' "$box" 2>/dev/null || true; }
has_come() { # COUNT WORDS: so many mails, and the last one has these words
    for _ in {1..100}; do [ "$(mails)" -lt "$1" ] || break; sleep 0.1; done
    [ "$(mails)" -eq "$1" ] || fail "expected $1 mails, found $(mails)"
    tac "$box" | sed '/^Subject: /q' | grep -q "$2" || fail "the last mail does not say $2: $(cat "$box")"
}

# A run as the timer has it.
check() { # STATUS COMMAND... that starts units
    local status
    "${@:2}" start seawall-check.service 2>/dev/null || true
    status=$("${@:2}" show --property ExecMainStatus --value seawall-check.service)
    [ "$status" = "$1" ] || fail "seawall-check ends with $status, not $1"
}

# Nobody has rehearsed a restore on this host: that is a warning, which is not told.
status_when_well() { # COMMAND... that starts units
    local status
    "$@" start seawall-check.service >/dev/null 2>&1 || true
    status=$("$@" show --property ExecMainStatus --value seawall-check.service)
    case $status in 0 | 1) echo "$status" ;; *) fail "the check is not well before anything is broken: $status" ;; esac
}

# Told once that the repository is gone, not again, and once that it is there.
is_told() { # WHO FOLDER STATE STATUS COMMAND... that starts units; STATUS is that of a check when nothing is broken
    local folder=$2 state=$3 who=$1 status=$4
    shift 4
    rm -f "$box" "$state"/told-*
    mv "$folder" "$folder.away"
    check 2 "$@"
    has_come 1 '^Subject: .*CRITICAL: '
    check 2 "$@"
    mv "$folder.away" "$folder"
    check "$status" "$@"
    has_come 2 '^Subject: .*OK: it is well again'
    say "$who: told of trouble once, and of its end"
}

# A sendmail that cannot queue, and a server that is down, are said aloud; who was not told is told when it is up.
is_said_aloud() { # MAIL_SERVER UNIT
    settings /etc/seawall/seawall.toml ^smtp
    rm -f "$box" /var/lib/seawall/check/told-* /root/failed
    mv /var/backups/mailed /var/backups/mailed.away
    check 3 systemctl
    journalctl --no-pager --output cat --unit seawall-check --since "$began" | grep -q \
        'could not tell ops@localhost by mail: /usr/sbin/sendmail .* HINT: Its unit keeps it from changing its user or group' || fail "the sendmail of $1 is not told of"
    settings /etc/seawall/seawall.toml
    systemctl stop "$2"
    check 3 systemctl
    journalctl --no-pager --output cat --unit seawall-check --since "$began" | grep -q \
        'could not tell ops@localhost by mail: could not connect to the mail server at 127.0.0.1:25: Connection refused' || fail "nothing is said of a mail server that is down"
    for _ in {1..50}; do [ "$(wc -l </root/failed)" -lt 2 ] || break; sleep 0.1; done
    [ "$(sort -u /root/failed)" = 'seawall-check.service 3' ] || fail "the hook got: $(cat /root/failed)"
    systemctl start "$2"
    for _ in {1..100}; do ! bash -c ': </dev/tcp/127.0.0.1/25' 2>/dev/null || break; sleep 0.1; done
    check 2 systemctl
    has_come 1 '^Subject: .*CRITICAL: '
    mv /var/backups/mailed.away /var/backups/mailed
    check "$well" systemctl
    # Not to be taken for one of the next chapter, which begins with an empty box.
    has_come 2 '^Subject: .*OK: it is well again'
    say "$1: its sendmail in the unit, and a mail server that is down, are said aloud; told when it is up"
}

# As the page has it, and the wording of the trial.
is_tried_out() {
    awk '/^```/ { inside = !inside && /^```sh$/; next } inside' "$page" >/root/trial
    rm -f "$box"
    [ "$(bash -e /root/trial </dev/null)" = 'told ops@localhost by mail' ] || fail "the trial of docs/notify.md fails"
    has_come 1 'seawall notify tries it out: this way works'
}

with() { # MAIL_SERVER UNIT
    began=$(date '+%Y-%m-%d %H:%M:%S')
    is_said_aloud "$1" "$2"
    is_told "$1, unit of the system" /var/backups/mailed /var/lib/seawall/check "$well" systemctl
    settings /home/ops/.config/seawall/seawall.toml
    is_told "$1, unit of a user" /home/ops/mailed /home/ops/.local/state/seawall/check "$well_of_user" as_ops systemctl --user
    is_tried_out
}

started=$(now)
prepare
cp /etc/seawall/without-mail /etc/seawall/seawall.toml
cp /home/ops/.config/seawall/without-mail /home/ops/.config/seawall/seawall.toml
well=$(status_when_well systemctl)
well_of_user=$(status_when_well as_ops systemctl --user)
with postfix postfix
DEBIAN_FRONTEND=noninteractive dpkg --purge postfix >/dev/null 2>&1
DEBIAN_FRONTEND=noninteractive dpkg --install /root/later/*.deb >/dev/null 2>&1 || fail "exim could not be installed"
systemctl restart exim4
for _ in {1..100}; do ! bash -c ': </dev/tcp/127.0.0.1/25' 2>/dev/null || break; sleep 0.1; done
with exim exim4
say "all is well, $(seconds_since "$started") s"
