#!/usr/bin/env bash
# Installs the .deb in a clean Debian root of its own, uses it there, and removes it again; in another one, with PostgreSQL,
# it walks docs/first-day.md, up to the end of docs/install.md; in a third, which has booted, it does what the pages of docs/runbooks say.
# Compares the .rpm and the tarball with the .deb.
#
#   scripts/test-packages.sh FOLDER    FOLDER is what scripts/build-packages.sh filled
#
# Each root is of the same release as this machine, comes from the same mirror, and is gone at the end; scripts/roots.sh says
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

# Where systemd starts the server, and its settings lie in /etc.
walk_runbooks() {
    local root=$work/host
    if ! need_nspawn; then
        say "NOT CHECKED: docs/runbooks on a Debian with systemd: $cannot_boot"
        return
    fi
    mkdir -- "$root"
    tar -xf "$(debian_root debian-root-with-postgresql systemd,postgresql,sudo)" -C "$root" --exclude='./dev/*'
    say seawall >"$root/etc/hostname"
    say 127.0.0.1 localhost seawall >"$root/etc/hosts"
    cp -r -- "${debs[0]}" "$repository_root/docs/runbooks" "$repository_root/scripts/test-runbooks-inside.sh" "$root/root/"
    if ! boot "$root"; then
        say "NOT CHECKED: docs/runbooks on a Debian with systemd: $cannot_boot"
        return
    fi
    inside timeout 600 bash /root/test-runbooks-inside.sh 'Debian and Ubuntu' >"$work/log" 2>&1 </dev/null || {
        tail -n 100 "$work/log" >&2
        fail "docs/runbooks do not hold on a Debian with systemd" "the last lines are above"
    }
    sed -n '/^runbooks: /p' "$work/log"
    end_machine
}

started=$(now)
verdict='all is well'
check_deb
check_others
check_notices
check_in_clean_roots
walk_runbooks
say "packages: $verdict, $(seconds_since "$started") s"
