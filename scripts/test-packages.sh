#!/usr/bin/env bash
# Installs the .deb in a clean Debian root of its own, uses it there, and removes it again; compares the .rpm and the
# tarball with it.
#
#   scripts/test-packages.sh FOLDER    FOLDER is what scripts/build-packages.sh filled
#
# The root is of the same release as this machine, comes from the same mirror, and is gone at the end. As root it is a
# chroot; else it needs user namespaces and a range of subordinate ids (/etc/subuid): without them the .deb is only unpacked.
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
    say "packages: no user namespaces here ($(tail -n 1 "$work/log")): the .deb was unpacked only, not installed; run it as root for the rest"
}

# Debian's own root as a tar file, the same for every run: made once, beside what scripts/install-servers.sh installs.
debian_root() { # MODE
    local codename root
    # shellcheck disable=SC1091
    codename=$(. /etc/os-release && say "$VERSION_CODENAME")
    root=$(servers_folder)/debian-root-$codename.tar
    if [ ! -e "$root" ]; then
        apt_sources >"$work/sources.list"
        [ -s "$work/sources.list" ] || fail "apt has no source of this release" "run: apt-get update"
        mkdir -p -- "$(servers_folder)"
        mmdebstrap --quiet --mode="$1" --variant=minbase --include=systemd,man-db --format=tar --skip=output/mknod \
            --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"' '' "$work/root.tar" "$work/sources.list" >&2 ||
            fail "a clean Debian root could not be made" "its own words are above"
        mv -- "$work/root.tar" "$root"
    fi
    say "$root"
}

# In a root that is made for this and thrown away, in which nothing was but Debian's own.
check_in_a_clean_root() {
    local mode=root as_root=(unshare --mount) root
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
    root=$(debian_root "$mode")
    chmod go+rwx "$work"
    # What the other user owns there only he removes.
    "${as_root[@]}" bash -s -- "$work/clean" "$root" "${debs[0]}" "$repository_root/scripts/test-packages-inside.sh" >"$work/log" 2>&1 <<'END' || {
set -euo pipefail
leave() {
    umount --recursive --lazy "$1/proc" 2>/dev/null || true
    for node in null zero random urandom; do umount "$1/dev/$node" 2>/dev/null || true; done
    rm -rf --one-file-system -- "$1"
}
mkdir -- "$1"
trap 'leave "$1"' EXIT
tar -xf "$2" -C "$1" --exclude='./dev/*'
# A device cannot be made here, but this machine's own can be shown; what is closed off does without.
for node in null zero random urandom; do
    : >"$1/dev/$node"
    mount --bind "/dev/$node" "$1/dev/$node" || chmod 666 "$1/dev/$node"
done
ln -s /proc/self/fd "$1/dev/fd"
mount --rbind /proc "$1/proc" || true
cp -- "$3" "$1/root/seawall.deb" && cp -- "$4" "$1/root/inside.sh"
chroot "$1" bash /root/inside.sh /root/seawall.deb </dev/null
END
        tail -n 100 "$work/log" >&2
        fail "the .deb does not do well in a clean root" "the last lines are above"
    }
    sed -n '/^packages: /p' "$work/log"
}

started=$(now)
check_deb
check_others
check_in_a_clean_root
say "packages: all is well, $(seconds_since "$started") s"
