# Rust, the C compiler, and where they put what they build; sourced by common.sh, never run.
# shellcheck shell=bash disable=SC2154 # repository_root is common.sh's

rustup_page=https://rustup.rs

# The likeliest way to a Rust that does.
rust_hint() {
    local theirs=
    if am_root && [ -n "${SUDO_USER:-}" ]; then theirs=$(getent passwd "$SUDO_USER" | cut -d : -f 6); fi
    if [ -n "$theirs" ] && [ -x "$theirs/.cargo/bin/cargo" ]; then
        say "$SUDO_USER has one: run it without sudo; it says what an administrator must do"
    elif [ -x "$HOME/.cargo/bin/cargo" ] && [ "$(type -P cargo)" != "$HOME/.cargo/bin/cargo" ]; then
        say "there is one in $HOME/.cargo/bin: run \`. ~/.cargo/env\` or open a new shell"
    elif type -P rustup >/dev/null; then
        say "run: rustup update stable && rustup default stable"
    else
        say "install the Rust toolchain as $rustup_page says, then open a new shell"
    fi
}

# Cargo and a compiler that is new enough. Sets $triple, the triple of this machine, such as x86_64-unknown-linux-gnu (naming
# it with --target keeps RUSTFLAGS away from build scripts and procedural macros), and $target_folder, where cargo puts
# what it builds.
need_cargo() {
    local needed said
    needed=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$repository_root/Cargo.toml")
    type -P cargo >/dev/null || fail "cargo is not in PATH" "$(rust_hint)"
    # In the checkout: which toolchain it is may depend on the folder.
    said=$(cd -- "$repository_root" && "${RUSTC:-rustc}" -vV 2>&1) ||
        fail "the Rust compiler does not run: ${said%%$'\n'*}" "$(rust_hint)"
    [[ $said =~ ^rustc\ ([0-9.]+) ]] || fail "the Rust compiler does not tell its version: ${said%%$'\n'*}" "$(rust_hint)"
    [ "$(printf '%s\n' "$needed" "${BASH_REMATCH[1]}" | sort -V | sed -n 1p)" = "$needed" ] ||
        fail "Rust $needed or newer is needed, this is ${BASH_REMATCH[1]} of $(type -P cargo)" "$(rust_hint)"
    triple=$(sed -n 's/^host: //p' <<<"$said")
    check_cargo_home
    find_target_folder
    limit_jobs
}

# A service's user may have a HOME that is not there.
check_cargo_home() {
    local folder=${CARGO_HOME:-$HOME/.cargo}
    [ -d "$folder/registry" ] || [ -w "$(existing_folder "$folder")" ] ||
        fail "cargo cannot keep what it downloads: $folder cannot be made or written to" "run again with CARGO_HOME=/another/folder in front"
}

# Variables say where, or a configuration file of somebody's own: only cargo knows them all.
find_target_folder() {
    local said
    said=$(cd -- "$repository_root" && cargo metadata --no-deps --format-version 1) ||
        fail "cargo metadata fails in $repository_root" "its own words are above"
    target_folder=$(printf '%s' "$said" | grep -o '"target_directory":"[^"]*"' | cut -d '"' -f 4)
    case $target_folder in
    /*\\*) fail "cargo builds in a folder with a quote or a backslash in its name: $target_folder" "run again with CARGO_TARGET_DIR=/another/folder in front" ;;
    /*) ;;
    *) fail "cargo metadata does not say where cargo builds" "is this cargo's own? $(type -P cargo)" ;;
    esac
}

free_memory_kib() {
    local limit
    {
        sed -n 's/^MemAvailable: *\([0-9]*\) kB$/\1/p' /proc/meminfo
        # What a container or a unit may have.
        for limit in /sys/fs/cgroup/memory.max "/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/memory.max"; do
            awk '/^[0-9]+$/ { printf "%d\n", $1 / 1024 }' "$limit" 2>/dev/null || true
        done
    } | sort -n | sed -n 1p
}

# Cargo takes every core. A large crate, and each program while it is linked, takes 1.2 to 2 GB of memory.
limit_jobs() {
    local free_kib jobs
    free_kib=$(free_memory_kib)
    jobs=$((${free_kib:-0} / 2000000))
    if [ -n "${CARGO_BUILD_JOBS:-}" ] || [ -z "$free_kib" ] || [ "$jobs" -ge "$(nproc)" ]; then return; fi
    export CARGO_BUILD_JOBS=$((jobs > 0 ? jobs : 1))
    say "memory: $((free_kib / 1024)) MiB are free: building with -j $CARGO_BUILD_JOBS" >&2
    if [ "$jobs" -eq 0 ]; then say "memory: a build wants 2 GB; if it is killed, add swap or build elsewhere" >&2; fi
}

# Room for one build of the release, when there is none yet.
check_target_folder() {
    local wanted_kib=1200000
    if [ -e "$target_folder/$triple/release/wal-push" ]; then wanted_kib=300000; fi
    check_folder 'what is built' "$target_folder" "$wanted_kib" 'run again with CARGO_TARGET_DIR=/another/folder in front'
}

# What a static libcrypto wants besides itself, a name a line: zlib and zstd where the distribution built it
# with them, as Debian 13 does and Debian 12 does not.
libraries_of_libcrypto() {
    pkg-config --static --libs-only-l libcrypto 2>/dev/null | tr ' ' '\n' | sed -n 's/^-l//p' | grep -vxE 'crypto|dl|pthread|' || true
}

has_static_library() { [[ $(cc -print-file-name="lib$1.a" 2>/dev/null) == /* ]]; }

package_of_library() {
    case $1 in
    z) say zlib1g-dev ;;
    *) say "lib$1-dev" ;;
    esac
}

# The Debian packages that a build lacks.
missing_build_packages() {
    local library
    type -P cc >/dev/null || say gcc
    [ -e /usr/include/stdio.h ] || say libc6-dev
    # libpq is built with the programs, and wants OpenSSL's headers.
    type -P pkg-config >/dev/null || say pkg-config
    if pkg-config --exists libssl 2>/dev/null; then
        for library in $(libraries_of_libcrypto); do
            has_static_library "$library" || package_of_library "$library"
        done
    else
        # Whether it wants the others is known when it is there.
        printf '%s\n' libssl-dev zlib1g-dev libzstd-dev
    fi
}

need_build_packages() {
    local missing
    mapfile -t missing < <(missing_build_packages)
    [ "${#missing[@]}" -eq 0 ] || fail_for_packages "${missing[@]}"
}
