#!/usr/bin/env bash
# Installs the .deb in a clean Debian root of its own, uses it there, and removes it again; in another one, with PostgreSQL,
# it walks docs/first-day.md, up to the end of docs/install.md. In a Debian 12 that has booted it does what the pages of docs/runbooks say, and has
# people told by mail; in a Debian 13 that has booted it walks the first day again, and upgrades the PostgreSQL of Debian 12 to that of 13.
# Compares the .rpm and the tarball with the .deb.
#
#   scripts/test-packages.sh FOLDER    FOLDER is what scripts/build-packages.sh filled
#
# The roots that do not boot are of the release of this machine. All come from its mirror, and are gone at the end; scripts/roots.sh says
# what a user needs for it. Without that the .deb is only unpacked.
case $- in *p*) ;; *) exec bash -p -- "$0" "$@" ;; esac # see common.sh
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/common.sh"
# shellcheck source-path=SCRIPTDIR source=roots.sh
. "$repository_root/scripts/roots.sh"
# shellcheck source-path=SCRIPTDIR source=machines.sh
. "$repository_root/scripts/machines.sh"
help_if_asked "${1:-}"
check_machine

[ "$#" -eq 1 ] || fail "usage: $0 FOLDER" "scripts/build-packages.sh fills such a folder"
packages=$(cd -- "$1" && pwd -P)
shopt -s nullglob
debs=("$packages"/*.deb)
rpms=("$packages"/*.rpm)
tarballs=("$packages"/*.tar.gz)
[ "${#debs[@]}.${#rpms[@]}.${#tarballs[@]}" = 1.1.1 ] ||
    fail "$packages has not one .deb, one .rpm and one tarball" "scripts/build-packages.sh makes them"

work=$(mktemp -d /var/tmp/seawall-packages.XXXXXX)
trap 'end_machine; rm -rf --one-file-system -- "$work"' EXIT
trap 'exit 130' INT TERM HUP

check_deb() {
    LC_ALL=C lintian --fail-on error,warning --allow-root "${debs[0]}" || fail "lintian has something against ${debs[0]}" "see above"
    say "packages: lintian has nothing against ${debs[0]##*/}"
}

# In its panics a program names the crates that they come from: each has to be in NOTICES, and is one that is really
# linked in, whatever cargo says.
check_notices() {
    local program crate
    dpkg-deb --fsys-tarfile "${debs[0]}" | tar -xO ./usr/share/doc/seawall/NOTICES.gz | gzip -dc >"$work/NOTICES"
    cmp "$work/NOTICES" "$work/tarball/licenses/NOTICES" || fail "the tarball and the .deb have other notices" "see scripts/build-packages.sh"
    rpm2archive - <"${rpms[0]}" | tar -xzO ./usr/share/licenses/seawall/NOTICES | cmp - "$work/NOTICES" ||
        fail "the .rpm and the .deb have other notices" "see scripts/build-packages.sh"
    for program in "$work/tarball/bin"/*; do
        grep -aoE 'index\.crates\.io-[0-9a-f]+/[A-Za-z0-9_.+-]+' "$program"
    done | sed 's,.*/,,; s/-\([0-9]\+\.[0-9]\+\..*\)$/ \1/' | sort -u >"$work/crates"
    [ "$(wc -l <"$work/crates")" -gt 50 ] || fail "the programs name only $(wc -l <"$work/crates") crates" "are their paths stripped?"
    while read -r crate; do
        grep -qxF "$crate" "$work/NOTICES" || fail "NOTICES does not name $crate, which is linked in" "see packaging/notices"
    done <"$work/crates"
    say "packages: NOTICES names all $(wc -l <"$work/crates") crates that the programs name"
}

# The three hold the same files; licenses lie elsewhere in a .deb.
check_others() {
    local folder
    (cd "$packages" && sha256sum --quiet --check SHA256SUMS)
    dpkg-deb -c "${debs[0]}" | awk '$1 !~ /^d/ { print substr($6, 2) }' |
        grep -vE '/(copyright|NOTICES.gz|changelog.Debian.gz)$|/lintian/' | sed 's,zsh/vendor-completions,zsh/site-functions,' | sort >"$work/deb.list"
    rpm -qpl "${rpms[0]}" | grep -v ^/usr/share/licenses/ | sort >"$work/rpm.list"
    diff "$work/deb.list" "$work/rpm.list" || fail "the .rpm and the .deb hold different files" "compare their tables in Cargo.toml"
    mkdir "$work/tarball"
    tar -xzf "${tarballs[0]}" -C "$work/tarball" --strip-components=1
    for folder in bin man/man1 systemd user quadlet quadlet-user completions/bash completions/zsh completions/fish; do
        ls "$work/tarball/$folder"
    done | sort >"$work/tarball.list"
    grep -E '/(bin|man1|system|user|quadlet|quadlet-user|completions|site-functions|vendor_completions.d)/' "$work/deb.list" | sed 's,.*/,,' | sort >"$work/deb.names"
    diff "$work/deb.names" "$work/tarball.list" || fail "the tarball and the .deb hold different files" "see scripts/build-packages.sh"
    "$work/tarball/bin/seawall" --version >/dev/null
    say "packages: the .rpm and the tarball hold the same $(wc -l <"$work/deb.list") files"
}

# Where a user gets no namespaces: less than the clean root, and said so.
check_unpacked() {
    local program
    dpkg-deb -x "${debs[0]}" "$work/unpacked"
    for program in "$work/unpacked/usr/bin"/*; do
        "$program" --version >/dev/null
        "$program" --help >/dev/null
    done
    say "NOT CHECKED: the packages in a clean root: no user namespaces here ($(tail -n 1 "$work/log")); the .deb was unpacked only"
    say "HINT: run it as root for the rest, or see the first lines of scripts/roots.sh for what a user needs"
}

check_in_clean_roots() {
    local root
    if ! can_make_roots; then
        check_unpacked
        verdict='all is well but for what was not checked'
        return
    fi
    root=$(debian_root debian-root systemd,man-db)
    in_a_clean_root "$root" packages "$repository_root/scripts/test-packages-inside.sh" "${debs[0]}"
    root=$(debian_root debian-root-with-postgresql systemd,postgresql,sudo)
    in_a_clean_root "$root" packages "$repository_root/scripts/test-first-day.sh" "${debs[0]}" "$repository_root/docs/first-day.md" \
        "$repository_root/docs/install.md"
}

# A Debian that has booted, with the .deb and what is tried there.
machine_of() { # ROOT FILE...
    local root=$work/host
    mkdir -- "$root"
    tar -xf "$1" -C "$root" --exclude='./dev/*'
    say seawall >"$root/etc/hostname"
    say 127.0.0.1 localhost seawall >"$root/etc/hosts"
    cp -r -- "${debs[0]}" "${@:2}" "$root/root/"
    boot "$root"
}

# What a script in there says of itself is passed on.
in_the_machine() { # WHAT_HOLDS WORD SCRIPT [ARGUMENT...]
    inside timeout 600 bash "/root/$3" "${@:4}" >"$work/log" 2>&1 </dev/null || {
        tail -n 100 "$work/log" >&2
        fail "$1" "the last lines are above"
    }
    sed -n "/^$2: /p" "$work/log"
}

leave_machine() {
    end_machine
    rm -rf --one-file-system -- "$work/host"
}

# Where systemd starts the server, its settings lie in /etc, and units are confined.
check_in_machines() {
    local packages_of_a_host=systemd,dbus,dbus-user-session,libpam-systemd,postgresql,sudo
    if ! need_nspawn; then
        say "NOT CHECKED: docs/runbooks, mail and the first day on a Debian with systemd: $cannot_boot"
        return
    fi
    if ! machine_of "$(debian_root debian-root-with-mail-and-age "$packages_of_a_host,age,postfix" bookworm exim4-daemon-light)" \
        "$repository_root"/docs/{runbooks,notify.md} "$repository_root"/scripts/test-{runbooks,mail}-inside.sh; then
        say "NOT CHECKED: docs/runbooks, mail and the first day on a Debian with systemd: $cannot_boot"
        return
    fi
    in_the_machine "docs/runbooks do not hold on a Debian with systemd" runbooks test-runbooks-inside.sh 'Debian and Ubuntu'
    in_the_machine "docs/notify.md does not hold under the units' confinement" mail test-mail-inside.sh
    leave_machine
    # A Debian 13 that was a Debian 12: with the PostgreSQL of both.
    if ! machine_of "$(debian_root debian-root-with-two "$packages_of_a_host,postgresql-15" 'trixie bookworm')" \
        "$repository_root"/docs/{runbooks,first-day.md,install.md} "$repository_root"/scripts/test-{runbooks-inside,first-day}.sh; then
        say "NOT CHECKED: the first day and a new major version on Debian 13 with systemd: $cannot_boot"
        return
    fi
    in_the_machine "docs/first-day.md does not hold on Debian 13 with systemd" packages test-first-day.sh "/root/${debs[0]##*/}" \
        /root/first-day.md /root/install.md
    in_the_machine "docs/runbooks/major-upgrade.md does not hold on Debian" runbooks test-runbooks-inside.sh 'Debian and Ubuntu' upgrade
    leave_machine
}

started=$(now)
verdict='all is well'
check_deb
check_others
check_notices
check_in_clean_roots
check_in_machines
say "packages: $verdict, $(seconds_since "$started") s"
