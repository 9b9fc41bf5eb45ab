#!/usr/bin/env bash
# Runs every fuzz target in fuzz/fuzz_targets for some seconds, two at a time. Fails on the first
# crash found by any of them, keeps the input that did it and says how to replay it.
#
#   scripts/fuzz.sh [SECONDS [TARGET...]]      60 seconds and all targets by default
#   scripts/fuzz.sh --build                    builds all targets and runs none
#
# It takes the stable toolchain and no cargo-fuzz: the compiler flags below are the ones that
# cargo-fuzz gives, without the sanitizers, which only the nightly toolchain has, and without the dead
# code, which would put the whole S3 SDK into each program (one target has it, s3_answers). Ours is safe
# Rust; what is looked for are panics, overflows, hangs and memory without limit. Without the
# address sanitizer libFuzzer does not see what a string is compared with, so give it
# fuzz/seeds/TARGET/ (whole inputs) and fuzz/seeds/TARGET.dict (words, in libFuzzer's format).
case $- in *p*) ;; *) exec bash -p -- "$0" "$@" ;; esac # see common.sh
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/common.sh"
help_if_asked "${1:-}"
check_machine

at_a_time=2
input_limit_bytes=16384 # two WAL pages
input_limit_seconds=10
memory_limit_mib=512        # really used
address_space_limit_mib=1024 # asked for, used or not

build_only=
if [ "${1:-}" = --build ]; then
    [ "$#" -eq 1 ] || fail "--build builds all targets, and takes no more words" "usage: $0 --build"
    build_only=yes
    shift
fi
seconds=${1:-60}
[ "$#" -eq 0 ] || shift
[[ $seconds =~ ^[1-9][0-9]*$ ]] || fail "not a number of seconds: $seconds" "usage: $0 [SECONDS [TARGET...]]"

need_cargo
need_build_packages
cd "$repository_root"
target=$repository_root/fuzz/target
crashes=$target/crashes
if [ "$#" -gt 0 ]; then
    targets=("$@")
else
    mapfile -t targets < <(find fuzz/fuzz_targets -name '*.rs' -printf '%f\n' | sed 's/\.rs$//' | sort)
fi
[ "${#targets[@]}" -gt 0 ] || fail "there is no fuzz target in fuzz/fuzz_targets" "a target is one file there and one [[bin]] in fuzz/Cargo.toml"

build_targets() {
    local flags=(
        --cfg fuzzing
        -Cpasses=sancov-module
        -Cllvm-args=-sanitizer-coverage-level=4
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
        -Cllvm-args=-sanitizer-coverage-pc-table
        -Cllvm-args=-sanitizer-coverage-trace-compares
        -Cdebug-assertions
        -Coverflow-checks
        -Ccodegen-units=1
    )
    local name bins=()
    for name in "${targets[@]}"; do bins+=(--bin "$name"); done
    RUSTFLAGS="${flags[*]}" cargo build --manifest-path fuzz/Cargo.toml --locked --release \
        --target "$triple" --target-dir "$target" "${bins[@]}"
}

# Starts one target in the background.
start() { # TARGET
    local program=$target/$triple/release/$1 words=()
    mkdir -- "$work/$1"
    if [ -d "fuzz/seeds/$1" ]; then cp -- "fuzz/seeds/$1"/* "$work/$1/"; fi
    if [ -e "fuzz/seeds/$1.dict" ]; then words=(-dict="fuzz/seeds/$1.dict"); fi
    # The folder comes last on the command line: libFuzzer writes what it learns there.
    (
        ulimit -v "$((address_space_limit_mib * 1024))"
        exec timeout --kill-after=10 "$((seconds + 60))" "$program" \
            -max_total_time="$seconds" -max_len="$input_limit_bytes" -timeout="$input_limit_seconds" \
            -rss_limit_mb="$memory_limit_mib" -artifact_prefix="$crashes/$1-" "${words[@]}" "$work/$1" \
            >"$work/$1.log" 2>&1
    ) &
    running[$!]=$1
}

# Waits for one target and reports on it.
finish() {
    local pid status=0 name log
    wait -n -p pid || status=$?
    name=${running[$pid]}
    unset "running[$pid]"
    log=$work/$name.log
    if [ "$status" -ne 0 ]; then
        tail -n 40 "$log" >&2
        printf 'ERROR: fuzz target %s failed with status %s; its last words are above\n' "$name" "$status" >&2
        find "$crashes" -name "$name-*" -printf "HINT: replay it with: $target/$triple/release/$name %p\n" >&2
        failed=$((failed + 1))
    elif ! grep -q 'INFO: Loaded .* inline 8-bit counters' "$log"; then
        printf 'ERROR: fuzz target %s runs without coverage\nHINT: do the compiler flags still work?\n' "$name" >&2
        failed=$((failed + 1))
    else
        say "fuzz: $name: $(sed -n 's/^Done //p' "$log"), $(grep -o 'cov: [0-9]*' "$log" | tail -n 1)"
    fi
}

stop_all() {
    if [ "${#running[@]}" -gt 0 ]; then kill "${!running[@]}" 2>/dev/null || true; fi
    rm -rf -- "$work"
}

build_targets
if [ -n "$build_only" ]; then exit 0; fi
failed=0
declare -A running=() # process id: target
work=$(mktemp -d)
trap stop_all EXIT
trap 'exit 130' INT TERM
rm -rf -- "$crashes"
mkdir -p -- "$crashes"

for name in "${targets[@]}"; do
    [ "${#running[@]}" -lt "$at_a_time" ] || finish
    start "$name"
done
while [ "${#running[@]}" -gt 0 ]; do finish; done
[ "$failed" -eq 0 ] || fail "fuzz targets that failed: $failed of ${#targets[@]}" "mend it, and keep the input in fuzz/seeds/TARGET/"
say "fuzz: ${#targets[@]} targets, $seconds seconds each, no crash"
