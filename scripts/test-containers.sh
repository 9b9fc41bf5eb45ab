#!/usr/bin/env bash
# Walks docs/containers.md, the runbooks in their form for podman, and the README's one command in a Debian 13 of its own that has booted, with systemd and podman in it: the package is installed,
# quadlets and timers are started, with root's podman and with an ordinary user's. What the page says for a podman that knows no quadlets it
# walks in a Debian 12.
#
#   scripts/test-containers.sh FOLDER    FOLDER is what scripts/build-packages.sh filled
#
# The images are made here: the PostgreSQLs that the tests run on, with the entrypoint of the official image. It takes root, and a
# kernel that lets systemd-nspawn boot a system. Without that nothing is tested. $SEAWALL_S3S_FS is an S3 server (scripts/install-servers.sh).
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
shopt -s nullglob
debs=("$1"/*.deb)
[ "${#debs[@]}" -eq 1 ] || fail "$1 has not one .deb" "scripts/build-packages.sh makes it"
[ -x "${SEAWALL_S3S_FS:-}" ] || fail "SEAWALL_S3S_FS names no program" "run: scripts/test.sh --only containers, or set what $(servers_folder)/env says"
versions='15 16 17 18' # what the official image is tried with; 18 walks the whole page

not_checked() {
    say "NOT CHECKED: quadlets, timers and the restore of a server in a container: $1"
    exit 0
}

work=$(mktemp -d /var/tmp/seawall-containers.XXXXXX)
leave() {
    trap '' INT TERM HUP
    end_machine
    # What podman mounted there went with the mount namespace.
    rm -rf --one-file-system -- "$work"
}
trap leave EXIT
trap 'exit 130' INT TERM HUP

# The packages that the servers need where they were unpacked, which are this machine's.
libraries_of() { # FOLDER
    find "$1/bin" -type f -exec ldd {} + 2>/dev/null | awk '$3 ~ /^\// { print $3 }' | sort -u | xargs -r realpath |
        sed 'p; s,^/usr/lib/,/lib/,' | xargs -r dpkg-query --search 2>/dev/null | cut -d: -f1 | sort -u | paste -sd ,
}

# A tar file with all that the images share: a Debian of this release, the servers, the user of the official image, its entrypoint.
make_image() {
    local image=$work/image folder version root
    folder=$(tr : '\n' <<<"$SEAWALL_POSTGRES_BINDIRS" | head -n 1)
    root=$(debian_root debian-root-of-images "gosu,locales,$(libraries_of "${folder%/bin}")")
    mkdir -- "$image"
    tar -xf "$root" -C "$image" --exclude='./dev/*'
    for version in $versions; do
        folder=$(tr : '\n' <<<"$SEAWALL_POSTGRES_BINDIRS" | grep "/postgresql-$version\.")
        mkdir -p "$image/usr/lib/postgresql/$version"
        cp -a -- "${folder%/bin}"/{bin,lib,share} "$image/usr/lib/postgresql/$version/"
        # As the image's own has it, which is Debian's: the socket is there, and the server listens to all that reach the container.
        find "$image/usr/lib/postgresql/$version/share" -name postgresql.conf.sample -exec sh -c \
            "printf \"listen_addresses = '*'\nunix_socket_directories = '/var/run/postgresql, /tmp'\n\" >>\"\$1\"" sh {} \;
    done
    install -m 755 -t "$image/usr/local/bin" "$repository_root"/tests/fixtures/docker-library-postgres/*.sh
    chroot "$image" sh -euc '
        # What a standby streams with does not say where its library is.
        echo /usr/lib/postgresql/18/lib >/etc/ld.so.conf.d/libpq.conf
        ldconfig
        localedef -i en_US -c -f UTF-8 -A /usr/share/locale/locale.alias en_US.UTF-8
        groupadd -r postgres --gid=999
        useradd -r -g postgres --uid=999 --home-dir=/var/lib/postgresql --shell=/bin/bash postgres
        install -d -o postgres -g postgres -m 1777 /var/lib/postgresql
        install -d -o postgres -g postgres -m 3777 /var/run/postgresql
        mkdir /docker-entrypoint-initdb.d'
    tar -C "$image" -cf "$work/image.tar" .
    rm -rf --one-file-system -- "$image"
}

am_root || not_checked "it takes root; HINT: run as root: scripts/test-containers.sh FOLDER"
started=$(now)
need_nspawn || not_checked "$cannot_boot"
can_make_roots || fail "a root cannot be made: $(tail -n 1 "$work/log")" "see scripts/roots.sh"
make_image
# Boots a release, and runs a script of ours in it.
walk_in() { # RELEASE ROOT VERSIONS SCRIPT LIMIT
    local root=$work/host
    mkdir "$root"
    tar -xf "$2" -C "$root" --exclude='./dev/*'
    say seawall >"$root/etc/hostname"
    say 127.0.0.1 localhost seawall >"$root/etc/hosts"
    cp -r -- "${debs[0]}" "$repository_root"/{README.md,docs/containers.md,docs/runbooks} "$root/root/"
    cp -- "$repository_root"/scripts/*-inside.sh "$root/root/"
    install -m 755 -t "$root/usr/local/bin" "$SEAWALL_S3S_FS" "$(command -v age-keygen)"
    mv -- "$work/image.tar" "$root/root/"
    boot "$root" || not_checked "$cannot_boot"
    # Each block is waited for in there, and all of them together no longer than this.
    inside timeout "$5" bash "/root/$4" "$3" >"$work/log" 2>&1 </dev/null || {
        tail -n 100 "$work/log" >&2
        fail "docs/containers.md does not hold in $1" "the last lines are above"
    }
    sed -n '/^containers: /p; /^runbooks: /p; /^NOT CHECKED: /p' "$work/log"
    end_machine
    mv -- "$root/root/image.tar" "$work/"
    # What podman mounted there went with the mount namespace.
    rm -rf --one-file-system -- "$root"
}

packages=systemd,systemd-sysv,dbus,dbus-user-session,podman,crun,netavark,aardvark-dns,nftables,uidmap,iproute2,procps,postgresql-client,sudo
walk_in 'Debian 13' "$(debian_root debian-root-with-podman-compose "$packages,podman-compose,passt,polkitd" trixie)" "$versions" test-containers-inside.sh 1500
walk_in 'Debian 12' "$(debian_root debian-root-with-podman-and-runc "$packages,iptables,runc" bookworm)" 18 test-old-podman-inside.sh 400
say "containers: all is well, $(seconds_since "$started") s"
