#!/usr/bin/env bash
# Installs the .deb in a clean Debian root of its own, uses it there, and removes it again; in another one, with PostgreSQL,
# it walks docs/first-day.md, up to the end of docs/install.md. Compares the .rpm and the tarball with the .deb.
#
#   scripts/test-packages.sh FOLDER    FOLDER is what scripts/build-packages.sh filled
#
# Each root is of the same release as this machine, comes from the same mirror, and is gone at the end. As root it is a
# chroot; else it needs user namespaces, a range of subordinate ids (/etc/subuid) and Debian's package uidmap: without them
# the .deb is only unpacked.
set -euo pipefail
umask 022
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

[ "$#" -eq 1 ] || fail "usage: $0 FOLDER" "scripts/build-packages.sh fills such a folder"
packages=$(cd -- "$1" && pwd -P)
shopt -s nullglob
debs=("$packages"/*.deb)
rpms=("$packages"/*.rpm)
tarballs=("$packages"/*.tar.gz)
[ "${#debs[@]}.${#rpms[@]}.${#tarballs[@]}" = 1.1.1 ] ||
    fail "$packages has not one .deb, one .rpm and one tarball" "scripts/build-packages.sh makes them"

work=$(mktemp -d /var/tmp/seawall-packages.XXXXXX)
trap 'rm -rf -- "$work"' EXIT
trap 'exit 130' INT TERM HUP

# Lines `deb URI SUITE COMPONENT` for this machine's release, as its apt has them.
apt_sources() {
    local codename
    # shellcheck disable=SC1091
    codename=$(. /etc/os-release && say "$VERSION_CODENAME")
    apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
        awk -v codename="$codename" '$2 ~ "^" codename "(-updates|-security)?$" && $3 == "main" { print "deb", $1, $2, $3 }' | sort -u
}

check_deb() {
    LC_ALL=C lintian --fail-on error,warning --allow-root "${debs[0]}" || fail "lintian has something against ${debs[0]}" "see above"
    say "packages: lintian has nothing against ${debs[0]##*/}"
}

# The three hold the same files; licenses lie elsewhere in a .deb.
check_others() {
    local folder
    (cd "$packages" && sha256sum --quiet --check SHA256SUMS)
    dpkg-deb -c "${debs[0]}" | awk '$1 !~ /^d/ { print substr($6, 2) }' |
        grep -vE '/(copyright|changelog.Debian.gz)$|/lintian/' | sed 's,zsh/vendor-completions,zsh/site-functions,' | sort >"$work/deb.list"
    rpm -qpl "${rpms[0]}" | grep -v ^/usr/share/licenses/ | sort >"$work/rpm.list"
    diff "$work/deb.list" "$work/rpm.list" || fail "the .rpm and the .deb hold different files" "compare their tables in Cargo.toml"
    mkdir "$work/tarball"
    tar -xzf "${tarballs[0]}" -C "$work/tarball" --strip-components=1
    for folder in bin man/man1 systemd quadlet completions/bash completions/zsh completions/fish; do
        ls "$work/tarball/$folder"
    done | sort >"$work/tarball.list"
    grep -E '/(bin|man1|system|quadlet|completions|site-functions|vendor_completions.d)/' "$work/deb.list" | sed 's,.*/,,' | sort >"$work/deb.names"
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
    say "packages: no user namespaces here ($(tail -n 1 "$work/log")): the .deb was unpacked only, not installed"
    say "packages: run it as root for the rest, or see the first lines of $0 for what a user needs"
}

# Debian's own root as a tar file, the same for every run: made once, beside what scripts/install-servers.sh installs.
debian_root() { # MODE NAME PACKAGES
    local codename root
    # shellcheck disable=SC1091
    codename=$(. /etc/os-release && say "$VERSION_CODENAME")
    root=$(servers_folder)/$2-$codename.tar
    if [ ! -e "$root" ]; then
        apt_sources >"$work/sources.list"
        [ -s "$work/sources.list" ] || fail "apt has no source of this release" "run: apt-get update"
        mkdir -p -- "$(servers_folder)"
        mmdebstrap --quiet --mode="$1" --variant=minbase --include="$3" --format=tar --skip=output/mknod \
            --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"' '' "$work/root.tar" "$work/sources.list" >&2 ||
            fail "a clean Debian root could not be made" "its own words are above"
        mv -- "$work/root.tar" "$root"
    fi
    say "$root"
}

# In a root that is made for this and thrown away, in which nothing was but Debian's own.
in_a_clean_root() { # ROOT SCRIPT FILE...: the script is called there with the names of the files
    # What the other user owns there only he removes.
    "${as_root[@]}" bash -s -- "$work/clean" "$@" >"$work/log" 2>&1 <<'END' || {
set -euo pipefail
leave() {
    # A server that was started there, and did not end.
    for process in "$1"/proc/[0-9]*; do
        if [ "$(readlink "$process/root")" = "$1" ]; then kill -KILL "${process##*/}" || true; fi
    done 2>/dev/null
    umount --recursive --lazy "$1/proc" 2>/dev/null || true
    for node in null zero random urandom tty pts; do umount "$1/dev/$node" 2>/dev/null || true; done
    rm -rf --one-file-system -- "$1"
}
clean=$1
mkdir -- "$clean"
trap 'leave "$clean"' EXIT
tar -xf "$2" -C "$clean" --exclude='./dev/*'
# A device cannot be made here, but this machine's own can be shown; what is closed off does without.
for node in null zero random urandom tty; do
    : >"$clean/dev/$node"
    mount --bind "/dev/$node" "$clean/dev/$node" || chmod 666 "$clean/dev/$node"
done
ln -s /proc/self/fd "$clean/dev/fd"
# Terminals and shared memory.
mkdir "$clean/dev/pts" "$clean/dev/shm"
chmod 1777 "$clean/dev/shm"
ln -s pts/ptmx "$clean/dev/ptmx"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$clean/dev/pts" || true
# One of its own shows the processes as they are numbered here.
mount -t proc proc "$clean/proc" || mount --rbind /proc "$clean/proc" || true
shift 2
cp -- "$@" "$clean/root/"
files=("${@##*/}")
chroot "$clean" bash "${files[@]/#//root/}" </dev/null
END
        tail -n 100 "$work/log" >&2
        fail "the .deb does not do well in a clean root" "the last lines are above"
    }
    sed -n '/^packages: /p' "$work/log"
}

check_in_clean_roots() {
    local mode=root root
    as_root=(unshare --mount)
    if am_root; then
        # Where that is forbidden, the other way is as good.
        unshare --mount true 2>/dev/null || as_root=()
    else
        mode=unshare as_root=(mmdebstrap --unshare-helper)
        if ! "${as_root[@]}" true 2>"$work/log"; then
            check_unpacked
            return
        fi
    fi
    chmod go+rwx "$work"
    root=$(debian_root "$mode" debian-root systemd,man-db)
    in_a_clean_root "$root" "$repository_root/scripts/test-packages-inside.sh" "${debs[0]}"
    root=$(debian_root "$mode" debian-root-with-postgresql systemd,postgresql,sudo)
    in_a_clean_root "$root" "$repository_root/scripts/test-first-day.sh" "${debs[0]}" "$repository_root/docs/first-day.md" \
        "$repository_root/docs/install.md"
}

started=$(now)
check_deb
check_others
check_in_clean_roots
say "packages: all is well, $(seconds_since "$started") s"
