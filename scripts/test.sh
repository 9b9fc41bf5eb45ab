#!/usr/bin/env bash
# Runs every check there is; stops at the first step that fails.
#
#   scripts/test.sh                        all steps, in the order below
#   scripts/test.sh --only STEP [ARG...]   one step; for `rust` and `fuzz` the arguments go on:
#       scripts/test.sh --only rust wal_fetch     tests with wal_fetch in their name
#       scripts/test.sh --only fuzz 600           every fuzz target for ten minutes
#
# It works as root too: the servers then run as the user postgres.
case $- in *p*) ;; *) exec bash -p -- "$0" "$@" ;; esac # see common.sh
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/common.sh"
help_if_asked "${1:-}"
check_machine

all_steps='servers format deny scripts lint fuzz-targets docs rust static foreign-hosts packages containers demo roots fuzz'
fuzz_seconds=13 # for each target, two at a time: with 28 targets three minutes

step_servers() { scripts/install-servers.sh; }
step_format() {
    cargo fmt --all --check
    if [ -e fuzz/Cargo.toml ]; then cargo fmt --check --manifest-path fuzz/Cargo.toml; fi
}
# What it could not check it says in lines that begin with NOT CHECKED, as the packages do.
step_deny() { scripts/deny.sh | tee -a "$log"; }
step_lint() {
    cargo clippy --workspace --all-targets --locked -- -D warnings
    shellcheck -x scripts/*.sh .ci/run
}
# They use what is public of the library: a change breaks them here, and not an hour later. `fuzz` takes what is built.
step_fuzz-targets() { scripts/fuzz.sh --build; }
step_docs() { RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --locked --document-private-items; }
# What the scripts say on a machine that is not prepared.
step_scripts() { scripts/test-scripts.sh | tee -a "$log"; }
# The tests drive the programs of the debug profile, against real servers. They mostly wait for these, so
# three of them share a core.
step_rust() {
    RUST_TEST_THREADS=${RUST_TEST_THREADS:-$((3 * $(nproc)))} cargo test --locked --no-fail-fast "$@" 2>&1 | tee -a "$log"
}
step_static() {
    scripts/build-static.sh
    # The static programs in a root directory with nothing else in it.
    SEAWALL_STATIC_BINARIES=$target_folder/$triple/release \
        cargo test --locked --test empty_root 2>&1 | tee -a "$log"
}
# The static programs where another C library and its modules are.
step_foreign-hosts() { scripts/test-foreign-hosts.sh "$target_folder/$triple/release" | tee -a "$log"; }
# The packages of the static programs, installed in a clean root.
step_packages() {
    scripts/build-packages.sh --binaries "$target_folder/$triple/release"
    scripts/test-packages.sh "$target_folder/packages" | tee -a "$log"
}
# The same packages where systemd has booted and podman runs the server.
step_containers() { scripts/test-containers.sh "$target_folder/packages" | tee -a "$log"; }
step_demo() { scripts/demo.sh --binaries "$target_folder/$triple/release"; }
# The demo where nothing is prepared, in two releases.
step_roots() { scripts/test-roots.sh "$target_folder/$triple/release" | tee -a "$log"; }
step_fuzz() { scripts/fuzz.sh "${@:-$fuzz_seconds}"; }

# As root with a checkout below /root, the servers could not start the programs that were built.
choose_target_folder() {
    local wanted_kib=6000000
    if am_root && [ "$target_folder" = "$repository_root/target" ] && ! as_stranger test -x "$repository_root"; then
        export CARGO_TARGET_DIR=/var/cache/seawall-target
        find_target_folder
        say "test: $repository_root is closed to the user postgres; building in $target_folder"
    fi
    if [ -e "$target_folder/debug" ]; then wanted_kib=1000000; fi
    check_folder 'what is built and tested' "$target_folder" "$wanted_kib" \
        'run again with CARGO_TARGET_DIR=/another/folder in front' as_stranger
}

# Rust comes without them in rustup's profile `minimal` and in packages of Debian.
check_components() {
    local tool
    for tool in fmt:rustfmt clippy:clippy; do
        cargo "${tool%:*}" --version >/dev/null 2>&1 ||
            fail "cargo has no ${tool%:*}" "run: rustup component add ${tool#*:}"
    done
}

# Tells the tests where the servers are.
load_servers() {
    set -a
    # shellcheck disable=SC1091 # written by install-servers.sh
    . "$(servers_folder)/env"
    set +a
}

checks_not_done() { grep -c '^NOT CHECKED: ' "$log" || true; }

run_step() { # STEP [ARG...]
    local name=$1 started not_done
    shift
    started=$(now)
    not_done=$(checks_not_done)
    say "== $name: begins at $(seconds_since "$test_started") s"
    current_step=$name
    "step_$name" "$@"
    not_done=$(($(checks_not_done) - not_done))
    if [ "$not_done" -eq 0 ]; then
        say "== $name: passed in $(seconds_since "$started") s"
    else
        say "== $name: passed in $(seconds_since "$started") s, BUT $not_done CHECK$([ "$not_done" -eq 1 ] || say S) NOT DONE (see above)"
    fi
    steps_passed=$((steps_passed + 1))
}

# The last line, in numbers; the counts come from cargo's `test result:` lines.
finish() {
    local status=$?
    awk -v steps="$steps_passed" -v failed_step="$([ "$status" -eq 0 ] || say "$current_step")" -v seconds="$(seconds_since "$test_started")" '
        /^NOT CHECKED: / { not_done++ }
        /^test result: / { passed += $4; failed += $6; ignored += $8 }
        END {
            printf "== steps passed %d, ", steps
            if (not_done) printf "checks NOT done %d, ", not_done
            if (failed_step != "") printf "failed at %s, ", failed_step
            printf "tests passed %d, failed %d, ignored %d, seconds %d\n", passed, failed, ignored, seconds
        }' "$log"
    rm -f -- "$log"
    exit "$status"
}

cd "$repository_root"
arguments=()
read -ra selected <<<"$all_steps"
if [ "$#" -gt 0 ]; then
    if [ "$1" != --only ] || [ "$#" -lt 2 ] || [[ " $all_steps " != *" $2 "* ]]; then
        fail "usage: $0 [--only STEP [ARG...]]" "a step is one of: $all_steps"
    fi
    selected=("$2")
    arguments=("${@:3}")
fi

check_user_name
need_cargo
check_components
choose_target_folder
log=$(mktemp)
test_started=$(now)
steps_passed=0
current_step=start
trap finish EXIT
if [ "${selected[0]}" = servers ]; then
    run_step servers
    selected=("${selected[@]:1}")
else
    # A single step needs the servers too; when they are there this costs a tenth of a second.
    scripts/install-servers.sh | sed '/^servers: have /d'
fi
load_servers
for name in "${selected[@]}"; do
    run_step "$name" "${arguments[@]}"
done
