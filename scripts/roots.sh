# Clean Debian roots to try things in; this file is sourced, never run.
# shellcheck shell=bash disable=SC2154 # $work
#
# As root they are chroots; else it takes user namespaces, a range of subordinate ids (/etc/subuid) and Debian's package
# uidmap. $work is the caller's folder for temporary files, below /var/tmp.

# The release of this machine, such as bookworm.
this_release() {
    # shellcheck disable=SC1091
    (. /etc/os-release && say "$VERSION_CODENAME")
}

# One with another C library: programs that were built here meet it on other hosts.
other_release() {
    if [ "$(this_release)" = trixie ]; then say bookworm; else say trixie; fi
}

# Lines `deb URI SUITE COMPONENT` for a release, from the mirrors that this machine's apt has.
apt_sources() { # RELEASE
    local own
    own=$(this_release)
    # shellcheck disable=SC2016 # apt-get fills these in
    apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
        awk -v own="$own" -v release="$1" '$2 ~ "^" own "(-updates|-security)?$" && $3 == "main" && (own == release || $1 ~ /debian/) {
            sub(own, release, $2)
            print "deb", $1, $2, $3
        }' | sort -u
}

# Finds out how this user gets a root, for the functions below; fails where there is no way, which $work/log tells.
can_make_roots() {
    roots_mode=root
    # When this script is killed, all that runs in there is killed as well.
    as_root=(setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child)
    if am_root; then
        # Where that is forbidden, the other way is as good.
        "${as_root[@]}" true 2>/dev/null || as_root=()
    else
        roots_mode=unshare as_root=(mmdebstrap --unshare-helper)
        "${as_root[@]}" true 2>"$work/log" || return 1
    fi
    chmod go+rwx "$work"
}

# Debian's own root as a tar file, the same for every run: made once, beside what scripts/install-servers.sh installs. Where
# RELEASE is two, it is the first one, with packages that only the second one has, as after an upgrade of Debian. LATER are packages whose
# files lie in /root/later, to be installed there.
debian_root() { # NAME PACKAGES [RELEASE [LATER]]
    local release=${3:-$(this_release)} root one later=()
    root=$(servers_folder)/$1-${release// /-after-}.tar
    if [ ! -e "$root" ]; then
        for one in $release; do
            apt_sources "$one" >"$work/sources.of.one"
            if [ ! -s "$work/sources.of.one" ] && [ "$one" != "$(this_release)" ]; then
                say "deb http://deb.debian.org/debian $one main" >"$work/sources.of.one"
            fi
            cat "$work/sources.of.one"
        done >"$work/sources.list"
        if [ -n "${4:-}" ]; then
            later=(--customize-hook="mkdir -p \"\$1/root/later/partial\" && chroot \"\$1\" apt-get install --yes --no-install-recommends \
                --download-only --option Dir::Cache::archives=/root/later ${4//,/ }")
        fi
        [ -s "$work/sources.list" ] || fail "apt has no source of this release" "run: apt-get update"
        mkdir -p -- "$(servers_folder)"
        mmdebstrap --quiet --mode="$roots_mode" --variant=minbase --include="$2" --format=tar --skip=output/mknod \
            --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"' "${later[@]}" '' "$work/root.tar" "$work/sources.list" >&2 ||
            fail "a clean Debian root could not be made" "its own words are above"
        mv -- "$work/root.tar" "$root"
    fi
    say "$root"
}

# In a root that is made for this and thrown away, in which nothing was but Debian's own. What it says of itself, in lines
# that begin with WORD and a colon, is passed on. Folders named in the array `shown` are in its /opt, and read-only.
shown=()
in_a_clean_root() { # ROOT WORD SCRIPT FILE...: the script is called there with the names of the files
    local root=$1 word=$2
    # Without a mount namespace of its own it would stay mounted when this is killed.
    if [ "${#shown[@]}" -gt 0 ] && [ "${#as_root[@]}" -eq 0 ]; then
        fail "a folder cannot be shown in a clean root here: no mount namespace" "run it where unshare --mount works"
    fi
    shift 2
    # What the other user owns there only he removes.
    "${as_root[@]}" bash -s -- "$work/clean" "$root" "${#shown[@]}" "${shown[@]}" "$@" >"$work/log" 2>&1 <<'END' || {
set -euo pipefail
leave() {
    # A server that was started there, and did not end.
    for process in "$1"/proc/[0-9]*; do
        if [ "$(readlink "$process/root")" = "$1" ]; then kill -KILL "${process##*/}" || true; fi
    done 2>/dev/null
    umount --recursive --lazy "$1/proc" 2>/dev/null || true
    for node in null zero random urandom tty pts; do umount "$1/dev/$node" 2>/dev/null || true; done
    # What is shown there is on the same file system, and not for us to remove.
    for folder in "$1"/opt/*; do
        if mountpoint --quiet "$folder" && ! umount --lazy "$folder"; then return 1; fi
    done
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
count=$3
shift 3
for folder in "${@:1:$count}"; do
    mkdir "$clean/opt/${folder##*/}"
    mount --bind "$folder" "$clean/opt/${folder##*/}"
    mount -o remount,bind,ro "$clean/opt/${folder##*/}"
done
shift "$count"
cp -- "$@" "$clean/root/"
files=("${@##*/}")
chroot "$clean" env SEAWALL_CLEAN_ROOT=yes bash "${files[@]/#//root/}" </dev/null
END
        tail -n 100 "$work/log" >&2
        fail "${1##*/} fails in a clean root" "the last lines are above"
    }
    sed -n "/^$word: /p" "$work/log"
}
