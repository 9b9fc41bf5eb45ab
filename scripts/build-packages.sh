#!/usr/bin/env bash
# Makes a .deb, a .rpm and a tarball of the static programs, with man pages, completions, units and samples.
#
#   scripts/build-packages.sh                      builds the programs first
#   scripts/build-packages.sh --binaries FOLDER    takes the programs from FOLDER, and compiles none of Seawall
#
# They land in target/packages, or where cargo is told to build, with SHA256SUMS; the last lines name them. The tools are built once, as
# crates.io has them, into the folder that scripts/install-servers.sh uses too.
case $- in *p*) ;; *) exec bash -p -- "$0" "$@" ;; esac # see common.sh
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/common.sh"
help_if_asked "${1:-}"
check_machine

cargo_deb_version=3.8.0
cargo_generate_rpm_version=0.21.1
programs='wal-push wal-fetch basebackup redis-backup media-backup seawall'

binaries=
case "$#:${1:-}" in
0:) ;;
2:--binaries)
    # shellcheck disable=SC2086 # words
    check_programs "$2" $programs
    binaries=$(cd -- "$2" && pwd)
    ;;
*) fail "usage: $0 [--binaries FOLDER]" "without --binaries the programs are built first" ;;
esac
need_cargo
need_build_packages
check_target_folder
cd "$repository_root"
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
packages=$target_folder/packages
stage=$target_folder/$triple/release/stage
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(source_date)}"
if [ -z "$binaries" ]; then
    scripts/build-static.sh
    binaries=$target_folder/$triple/release
fi

# cargo_tool NAME VERSION: its path; built when it is not there yet.
cargo_tool() {
    local folder
    folder=$(servers_folder)/$1-$2
    if [ ! -x "$folder/bin/$1" ]; then
        say "packages: building $1 $2, some minutes" >&2
        # From another folder and without our flags: this is not a part of our build.
        (cd / && env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS -u CARGO_BUILD_TARGET -u CARGO_TARGET_DIR -u CARGO_BUILD_TARGET_DIR \
            CARGO_PROFILE_RELEASE_LTO=off cargo install -q --locked "$1" --version "$2" --root "$folder") >&2 ||
            fail "$1 $2 could not be built" "is crates.io within reach? cargo's own words are above"
    fi
    say "$folder/bin/$1"
}

# stage_files FOLDER FILE...: copies for everybody to read.
stage_files() {
    install -d -m 755 "$stage/$1"
    install -m 644 -t "$stage/$1" -- "${@:2}"
}

# What all three packages have, in the order of the tarball.
lay_out() {
    local name
    rm -rf -- "$stage"
    install -d -m 755 "$stage/bin"
    for name in $programs; do
        install -m 755 "$binaries/$name" "$stage/bin/$name"
    done
    install -d -m 755 "$stage/man/man1" "$stage"/completions/{bash,zsh,fish}
    "$binaries/seawall" manuals "$stage" "$(date -u -d "@$SOURCE_DATE_EPOCH" +%F)" ||
        fail "$binaries/seawall does not write the man pages" "is it of this checkout? scripts/build-static.sh builds it"
    gzip -9n "$stage"/man/man1/*.1
    stage_files systemd packaging/*.service packaging/*.timer
    # What a user's own manager runs; the timers are the same.
    stage_files user packaging/user/*.service packaging/*.timer
    stage_files quadlet packaging/quadlet/*
    stage_files quadlet-user packaging/quadlet-user/*
    stage_files . packaging/seawall.toml packaging/compose.yaml
    stage_files doc README.md docs/*.md
    stage_files doc/runbooks docs/runbooks/*.md
    stage_files prometheus packaging/prometheus/seawall.rules.yml
    stage_files grafana packaging/grafana/seawall.json
    gzip -9nc CHANGELOG.md >"$stage/doc/NEWS.gz"
    # Whose work is linked in. A .deb has the licences in its file `copyright`.
    cargo run -q --locked -p seawall-notices -- "$work" "$triple"
    stage_files licenses LICENSE-APACHE LICENSE-MIT "$work/NOTICES"
    stage_files debian "$work/copyright"
    gzip -9nc "$work/NOTICES" >"$stage/debian/NOTICES.gz"
    printf 'seawall (%s-1) stable; urgency=medium\n\n  * What changed is told in NEWS.gz.\n\n -- %s  %s\n' "$version" \
        "$(sed -n 's/^maintainer = "\(.*\)"$/\1/p' Cargo.toml)" "$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$stage/debian/changelog.Debian.gz"
}

# cargo-deb writes a copyright file of its own, from the manifest alone, in the place of the one that names all that is linked in.
replace_copyright() { # DEB
    local root=$work/deb file=usr/share/doc/seawall/copyright
    command -v dpkg-deb >/dev/null || fail "dpkg-deb is not in PATH" "it comes with the package dpkg"
    dpkg-deb --raw-extract "$1" "$root"
    install -m 644 "$work/copyright" "$root/$file"
    touch -d "@$SOURCE_DATE_EPOCH" "$root/$file"
    dpkg-deb --root-owner-group -Zxz --build "$root" "$1" >/dev/null
}

make_tarball() {
    (cd "$stage" && find . -path ./debian -prune -o -type f -printf '%P\n' | sort | xargs -d '\n' sha256sum -- >"$work/SHA256SUMS")
    install -m 644 "$work/SHA256SUMS" "$stage/SHA256SUMS"
    local name=seawall-$version-$triple
    tar --create --gzip --file "$packages/$name.tar.gz" --directory "$stage" --sort=name --owner=0 --group=0 --numeric-owner \
        --mtime="@$SOURCE_DATE_EPOCH" --exclude=./debian --transform="flags=r;s,^\.,$name," .
}

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
mkdir -p -- "$target_folder"
exec {lock}>"$target_folder/packages.lock"
flock "$lock" # one at a time fills the folder
rm -rf -- "$packages"
mkdir -p -- "$packages"
cargo_deb=$(cargo_tool cargo-deb "$cargo_deb_version")
cargo_generate_rpm=$(cargo_tool cargo-generate-rpm "$cargo_generate_rpm_version")
lay_out
# Compressed lightly, because replace_copyright packs it anew.
"$cargo_deb" --quiet --no-build --no-strip --fast --target "$triple" --output "$packages/"
replace_copyright "$packages"/*.deb
"$cargo_generate_rpm" --target "$triple" --target-dir "$target_folder" --output "$packages/"
make_tarball
(cd "$packages" && sha256sum -- * >SHA256SUMS)
for file in "$packages"/*; do
    say "packages: $file, $(stat -c %s "$file") bytes"
done
