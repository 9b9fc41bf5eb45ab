#!/usr/bin/env bash
# Run by test-packages.sh, as root in a Debian root in which the package has never been: installs, looks, uses, removes.
case ${1:-} in -h | --help) exec awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# /, ""); print }' "$0" ;; esac
if [ -z "${SEAWALL_CLEAN_ROOT:-}" ]; then
    printf 'ERROR: this installs and removes things: it is not for a machine that is in use\nHINT: run scripts/test-packages.sh\n' >&2
    exit 1
fi
set -euo pipefail
deb=$1
# Only what the package brings counts, nothing from the shell outside.
unset "${!SEAWALL_@}" "${!PG@}"
export LC_ALL=C.UTF-8 MANWIDTH=80
programs='wal-push wal-fetch basebackup redis-backup media-backup seawall'

say() { printf 'packages: %s\n' "$*"; }
fail() {
    printf 'ERROR: %s\n' "$*" >&2
    exit 1
}

# All files of the root, with owner and mode, but for what dpkg and its helpers note for themselves.
listing() {
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /run -o -path /root -o -path /var/lib/dpkg -o -path /var/cache -o -path /var/log \) -prune \
        -o -printf '%p %u:%g %m\n' | sort
}

verbs_of() { # PROGRAM [VERB]: the verbs in its help
    "$@" --help | sed -n '/^Commands:/,/^$/{ s/^  \([a-z][a-z-]*\) .*/\1/p; s/^  \([a-z][a-z-]*\)$/\1/p }' | grep -v '^help$' || true
}

page_of() { # NAME: it is there, and groff finds nothing wrong with it
    local complaints
    # The name is looked up as a user would.
    complaints=$(man --warnings --encoding=UTF-8 -Tutf8 -Z "$1" 2>&1 >/dev/null) || fail "no man page $1"
    [ -z "$complaints" ] || fail "the man page $1: $complaints"
    pages=$((pages + 1))
}

# Where a verb has verbs of its own, those too.
pages_below() { # PROGRAM [VERB]
    local verb
    local words="$*"
    page_of "${words// /-}"
    "$@" --help >/dev/null
    for verb in $(verbs_of "$@"); do
        pages_below "$@" "$verb"
    done
}

check_programs() {
    local program
    pages=0
    for program in $programs; do
        [ "$("$program" --version | head -n 1)" = "$program $version" ] || fail "$program --version says $("$program" --version)"
        [ "$("$program" -V)" = "$program $version" ] || fail "$program -V says $("$program" -V)"
        pages_below "$program"
        bash -c ". /usr/share/bash-completion/completions/$program; complete -p $program" >/dev/null ||
            fail "bash does not load the completions of $program"
    done
    [ "$pages" -eq "$(find /usr/share/man/man1 -name '*.1.gz' | grep -cE "/($(tr ' ' '|' <<<"$programs"))(-[a-z-]+)?\.1\.gz$")" ] ||
        fail "$pages man pages are of verbs, but not all"
    # The library that a program has in it is the one whose notice comes with it.
    zgrep -qxF "$(seawall --version | sed -n 's/^\(OpenSSL [^ ]*\) .*/\1/p')" /usr/share/doc/seawall/NOTICES.gz ||
        fail "NOTICES.gz has another OpenSSL than $(seawall --version | grep OpenSSL)"
    say "six programs, $pages man pages, completions"
}

check_units() {
    local unit units=() complaints command
    for unit in /usr/lib/systemd/system/seawall-*; do
        unit=${unit##*/}
        units+=("${unit/@./@example.}")
    done
    [ "${#units[@]}" -gt 10 ] || fail "only ${#units[@]} units"
    complaints=$(systemd-analyze verify --man=yes "${units[@]}" 2>&1) || fail "systemd-analyze verify: $complaints"
    [ -z "$complaints" ] || fail "systemd-analyze verify: $complaints"
    # Every command of a unit is one that the program has.
    for unit in /usr/lib/systemd/system/seawall-*.service; do
        while read -r command; do
            # shellcheck disable=SC2086 # words
            ${command/\%i/example} --help >/dev/null || fail "${unit##*/}: $command --help"
        done < <(sed -n 's/^ExecStart=//p' "$unit" | grep -v ^/bin/sh
            sed -n "s/^ExecStart=.bin.sh -c '\([a-z]*-*backup create\).*/\1/p; s/^ExecStart=.*; \([a-z]*-*backup prune\) .*/\1/p" "$unit")
        case $unit in *seawall-failed@*) continue ;; esac
        systemd-analyze security --offline=true --threshold=30 --no-pager "$unit" >/tmp/security ||
            fail "${unit##*/} is hardened too little: $(tail -n 1 /tmp/security)"
    done
    say "${#units[@]} units, systemd-analyze has nothing against them"
}

# What a newcomer does first.
check_first_use() {
    local folder status=0
    [ ! -e /etc/seawall/seawall.toml ] || fail "a configuration is in force before anybody chose one"
    seawall config show --config /etc/seawall/seawall.toml.sample >/dev/null
    cp /etc/seawall/seawall.toml.sample /etc/seawall/seawall.toml
    seawall config show | grep -q /var/backups/seawall || fail "seawall config show does not tell the repository"
    mkdir /srv/files
    echo content >/srv/files/one
    printf '[media.files]\npaths = ["/srv/files"]\n' >>/etc/seawall/seawall.toml
    # As in the units: PostgreSQL's user owns the repository, root takes the snapshot.
    useradd --system postgres
    install -d -o postgres -m 700 /var/backups/seawall
    media-backup create
    media-backup verify
    rm /srv/files/one
    media-backup restore --yes
    [ "$(cat /srv/files/one)" = content ] || fail "the file did not come back"
    # In each folder below the repository that all share, the other user may write too.
    for folder in /var/backups/seawall/.seawall-tmp /var/backups/seawall/*/; do
        setpriv --reuid postgres --clear-groups test -w "$folder" || fail "root closed $folder"
    done
    basebackup list >/dev/null || status=$?
    [ "$status" -eq 0 ] || fail "basebackup list ends with $status"
    say "configured, a snapshot taken, verified and restored"
}

version=$(dpkg-deb -f "$deb" Version)
version=${version%-*}
# It is mounted already where that is possible, or it is done here and taken back.
if [ ! -e /proc/self ] && mount -t proc proc /proc 2>/dev/null; then trap 'umount /proc' EXIT; fi
rm -f /etc/dpkg/dpkg.cfg.d/*docker* # some images leave out man pages
listing >/tmp/before
dpkg -i "$deb"
[ "$(stat -c '%U:%G %a' /etc/seawall)" = 'root:root 750' ] || fail "/etc/seawall is $(stat -c '%U:%G %a' /etc/seawall)"
[ "$(stat -c '%U:%G %a' /var/lib/seawall)" = 'root:root 755' ] || fail "/var/lib/seawall is $(stat -c '%U:%G %a' /var/lib/seawall)"
[ ! -e /etc/systemd/system/timers.target.wants/seawall-check.timer ] || fail "a timer is switched on that nobody asked for"
check_programs
check_units

# Removed and purged without having been used, nothing is left.
systemctl enable --quiet seawall-basebackup.timer
dpkg --remove seawall
[ -e /etc/seawall/seawall.toml.sample ] || fail "removing took the configuration, which is for purging to do"
dpkg --purge seawall
listing >/tmp/after
diff /tmp/before /tmp/after >&2 || fail "purging leaves something, or took too much (above)"
say "purged without a trace"

# Used, it leaves what is the administrator's. PostgreSQL's group gets in.
dpkg -i "$deb"
check_first_use
dpkg -i "$deb"
[ "$(stat -c '%U:%G %a' /etc/seawall)" = 'root:postgres 750' ] || fail "/etc/seawall is $(stat -c '%U:%G %a' /etc/seawall)"
dpkg --purge seawall
[ -e /etc/seawall/seawall.toml ] || fail "purging took the administrator's configuration"
[ -d /var/backups/seawall/media/files ] || fail "purging took the repository"
[ ! -e /var/lib/seawall ] || fail "purging left /var/lib/seawall"
say "the administrator's configuration and the repository outlive the package"
