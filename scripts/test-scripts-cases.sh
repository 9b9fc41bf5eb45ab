# The cases of test-scripts.sh, which sources this: a function for each kind of stumble.
# shellcheck shell=bash disable=SC2016,SC2034,SC2154 # much is quoted for another shell, and test-scripts.sh shares the variables

rustup_hint="install the Rust toolchain as https://rustup.rs says, then open a new shell"
own_hint='run again with CARGO_TARGET_DIR=/another/folder in front'
tmpdir_hint='run again with TMPDIR=/another/folder in front'
needs_rust='demo build-static build-packages fuzz test install-servers'

check_calls() {
    local script name
    ln -s "$work/a checkout/scripts/demo.sh" "$work/link"
    for script in "$work/a checkout/scripts"/*.sh; do
        [ -x "$script" ] || continue
        name=${script##*/}
        set_up
        run "$script" -h
        [ "$status" -eq 0 ] || wrong "$name -h ends with $status"
        run sh "$script" --help
        [ "$status" -eq 0 ] || wrong "sh $name --help ends with $status"
        [ -s "$work/out" ] || wrong "$name --help explains nothing"
        [ ! -s "$work/err" ] || wrong "$name --help complains"
    done
    run "$work/link" --help
    grep -q 'scripts/demo.sh --keep' "$work/out" || wrong "demo.sh does not work through a link"
    run "$work/link" --keep -h
    [ "$status" -eq 0 ] || wrong "demo.sh --keep -h ends with $status"
    stumbles 'unknown option: --nonsense' 'usage: scripts/demo.sh [--binaries FOLDER] [--keep]' demo --nonsense
}

# What somebody's shell has set.
check_shells() {
    set_up
    printf 'set -o noclobber -o noglob\nshopt -s failglob\ncd() { echo astray; }\nexport -f cd\nexport SHELLOPTS CDPATH=/:/usr IFS=/\numask 077\n' >"$work/nasty"
    chmod 644 "$work/nasty"
    variables=(BASH_ENV="$work/nasty" POSIXLY_CORRECT=1)
    run "$work/a checkout/scripts/demo.sh" --help
    [ ! -s "$work/err" ] || wrong "BASH_ENV has a say"
    stumbles "cargo is not in PATH" "$rustup_hint" demo < <(rm "$work/bin/cargo")
    set_up
    # As after `su`, and without HOME.
    run env -u HOME -u SEAWALL_SERVERS PATH="$work/tools" bash -p -c '. "$1/scripts/common.sh"; say "$(servers_folder) $(umask) $(type -P runuser)"' - "$work/a checkout"
    [[ $status:$(<"$work/out") =~ ^0:/.*/seawall-servers\ 0022\ /.*/runuser$ ]] || wrong "HOME, umask or sbin"
}

check_rust() {
    local script
    for script in $needs_rust; do
        set_up
        stand_in rustc <<<"printf 'rustc 1.85.1 (4eb161250 2025-03-15) (built from a source tarball)\nhost: x86_64-unknown-linux-gnu\n'"
        stumbles "Rust 1.95 or newer is needed, this is 1.85.1 of $work/bin/cargo" "$rustup_hint" "$script"
        rm "$work/bin/cargo"
        stumbles 'cargo is not in PATH' "$rustup_hint" "$script"
    done
    stand_in rustup <<<''
    stumbles 'cargo is not in PATH' 'run: rustup update stable && rustup default stable' demo
    mkdir -p "$work/home/.cargo/bin"
    install -m 755 /dev/null "$work/home/.cargo/bin/cargo"
    stumbles 'cargo is not in PATH' "there is one in $work/home/.cargo/bin: run \`. ~/.cargo/env\` or open a new shell" demo
    set_up
    stand_in rustc <<<'echo "error: rustup could not choose a version of rustc to run" >&2; exit 1'
    stand_in rustup <<<''
    stumbles 'the Rust compiler does not run: error: rustup could not choose a version of rustc to run' 'run: rustup update stable && rustup default stable' demo
    # A newer one is as good, a nightly too.
    stand_in rustc <<<"printf 'rustc 1.103.0-nightly (4eb161250 2026-10-15)\nhost: x86_64-unknown-linux-gnu\n'"
    in_checkout 'need_cargo; say "$triple $target_folder"'
    prints "x86_64-unknown-linux-gnu $work/target"
    # The scripts, the manifest and the page agree.
    grep -q "Rust $(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$repository_root/Cargo.toml")" "$repository_root/README.md" ||
        fail "README.md does not name the oldest Rust that does" "it is rust-version in Cargo.toml"
    set_up
    stand_in cargo <<<"case \$1 in metadata) echo '{\"target_directory\":\"$work/target\"}' ;; *) exit 101 ;; esac"
    stumbles 'cargo has no fmt' 'run: rustup component add rustfmt' test
}

# With sudo the administrator's PATH is another one.
check_sudo() {
    set_up
    stand_in id <<<'case $1 in -u) echo 0 ;; *) echo root ;; esac'
    stand_in runuser <<<'shift 3; exec "$@"'
    stand_in getent <<<"echo anna:x:1000:1000::$work/their:/bin/bash"
    mkdir -p "$work/their/.cargo/bin"
    install -m 755 /dev/null "$work/their/.cargo/bin/cargo"
    rm "$work/bin/cargo"
    variables=(SUDO_USER=anna)
    stumbles 'cargo is not in PATH' 'anna has one: run it without sudo; it says what an administrator must do' demo
    # The servers' user cannot enter it.
    set_up
    stand_in id <<<'case $1 in -u) echo 0 ;; *) echo root ;; esac'
    stand_in runuser <<<'exit 1'
    variables=(TMPDIR="$work/temporary")
    stumbles "$work/temporary, for the demo's server, is closed to the user postgres, who runs the servers" "$tmpdir_hint" demo
    # In a container with --user 4242.
    set_up
    stand_in id <<<'case $1 in -u) echo 4242 ;; *) exit 1 ;; esac'
    stumbles 'the user that runs this has only a number, 4242, and no name; PostgreSQL wants one' 'run it as a user of /etc/passwd' demo
}

check_packages() {
    local build='gcc pkg-config libssl-dev zlib1g-dev libzstd-dev' script
    local line="apt-get update && apt-get install -y --no-install-recommends"
    [ -e /usr/include/stdio.h ] || build='gcc libc6-dev pkg-config libssl-dev zlib1g-dev libzstd-dev'
    set_up
    rm "$work/bin/cc" "$work/bin/pkg-config"
    for script in build-static build-packages fuzz demo; do
        stumbles "these Debian packages are missing: $build" "an administrator must run: $line $build" "$script"
    done
    # As Debian 13's OpenSSL: what it was built with is asked for only where it is missing.
    set_up
    stand_in pkg-config <<<'case $* in *--static*) echo "-lcrypto -lz -lzstd -ldl -pthread " ;; esac'
    stumbles 'these Debian packages are missing: zlib1g-dev libzstd-dev' "an administrator must run: $line zlib1g-dev libzstd-dev" build-static
    stand_in cc <<<'case $1 in *libz.a) echo /usr/lib/libz.a ;; *) echo "${1#*=}" ;; esac'
    stumbles 'these Debian packages are missing: libzstd-dev' "an administrator must run: $line libzstd-dev" build-static
    # Whoever copies the line gets no server that starts at every boot.
    in_checkout 'fail_for_packages zstd postgresql'
    local folder=/etc/postgresql-common/createcluster.d
    grep -qxF "HINT: an administrator must run: mkdir -p $folder && echo 'create_main_cluster = false' >$folder/seawall-install.conf && $line zstd postgresql; rm -f $folder/seawall-install.conf" \
        "$work/err" || wrong 'the line makes a cluster'
    rm "$work/bin/apt-get"
    in_checkout 'fail_for_packages zstd'
    grep -q '^ERROR: .* there is no apt-get: zstd$' "$work/err" || wrong 'no apt-get'
}

# A server that has just booted, with one source of packages that is broken, and with a sudo that asks nothing.
check_apt() {
    set_up
    stand_in sleep <<<''
    stand_in sudo <<<'shift; case $1 in tee) cat >/dev/null ;; env) exec "$@" ;; esac'
    stand_in apt-get <<END
[ "\$1" = update ] || exit 0
case \$(grep -c '^apt-get update' '$work/calls') in
[12]) echo 'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt-get)'; exit 100 ;;
*) echo "E: The repository 'http://broken trixie Release' does not have a Release file."; exit 100 ;;
esac
END
    in_checkout 'apt_log=$(mktemp); trap remove_leftovers_of_apt EXIT; apt_install age postgresql'
    prints 'servers: installing Debian packages: age postgresql
servers: another apt is at work, waiting for it'
    grep -q 'rm -f .*seawall-install.conf' "$work/calls" || wrong "what keeps the package from making a cluster stays behind"
    stand_in apt-get <<<'echo "E: Unable to locate package age"; exit 100'
    in_checkout 'apt_log=$(mktemp); trap remove_leftovers_of_apt EXIT; apt_install age'
    grep -q '^E: Unable to locate' "$work/err" || wrong "apt-get's words are lost"
    grep -qx "ERROR: apt-get could not install: age" "$work/err" || wrong 'a failed installation'
}

check_folders() {
    local script
    for script in $needs_rust test-packages test-scripts; do
        set_up
        variables=(TMPDIR="$work/gone")
        stumbles "the folder for temporary files is not there: $work/gone" 'make it, or run again with TMPDIR=/var/tmp in front' "$script"
        variables=(TMPDIR=temporary)
        stumbles 'the folder for temporary files is not an absolute path: TMPDIR=temporary' 'run again with TMPDIR=/var/tmp in front' "$script"
    done
    variables=(TMPDIR="$work/closed")
    stumbles "the folder for temporary files cannot be written to: $work/closed" 'run again with TMPDIR=/var/tmp in front' demo
    mkdir "$work/with space"
    variables=(TMPDIR="$work/with space")
    chmod 777 "$work/with space"
    stumbles "the folder for temporary files has an unusual or long name: $work/with space" 'run again with TMPDIR=/var/tmp in front' demo
    set_up
    variables=(TMPDIR="$work/temporary")
    stand_in df <<<"printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\ntmpfs 512000 0 512000 0%% /x\n'"
    stumbles "$work/temporary, for the demo's server, has 512000 KiB free, and 1000000 are wanted" "$tmpdir_hint" demo
    stumbles "$work/target, for what is built, has 512000 KiB free, and 1200000 are wanted" "$own_hint" build-static
    stumbles "$work/target, for what is built and tested, has 512000 KiB free, and 6000000 are wanted" "$own_hint" test
    stumbles "$work/servers, for the servers of the tests, has 512000 KiB free, and 2000000 are wanted" 'set SEAWALL_SERVERS to another folder' install-servers
    set_up
    variables=(HOME="$work/closed/home")
    stumbles "cargo cannot keep what it downloads: $work/closed/home/.cargo cannot be made or written to" 'run again with CARGO_HOME=/another/folder in front' build-static
    set_up
    stand_in cargo <<<"echo '{\"target_directory\":\"$work/closed/target\"}'"
    stumbles "$work/closed/target, for what is built, cannot be made or written to" "$own_hint" build-packages
}

check_mounts() {
    set_up
    variables=(TMPDIR="$work/temporary")
    if ! mounted "$work/temporary" noexec,mode=1777 "$work/a checkout/scripts/demo.sh"; then
        say "NOT CHECKED: folders mounted with noexec, and /proc that is not there: no mount namespace for this user"
        say "HINT: run it as root for the rest"
        return
    fi
    grep -qx "ERROR: $work/temporary, for the demo's server: no program runs there: .*Permission denied" "$work/err" || wrong noexec
    grep -qx "HINT: is it mounted with noexec? $tmpdir_hint" "$work/err" || wrong noexec
    mounted /proc mode=755 "$work/a checkout/scripts/install-servers.sh"
    [ "$status:$(<"$work/err")" = $'1:ERROR: there is no /proc/self/fd\nHINT: Is /proc mounted? mount -t proc proc /proc' ] || wrong 'no /proc'
}

check_binaries() {
    local hint='scripts/build-static.sh builds them, and its last lines name such a folder' script
    for script in demo build-packages; do
        set_up
        stumbles "--binaries: there is no folder $work/gone" "$hint" "$script" --binaries "$work/gone"
        stumbles "--binaries: $work/tools has no wal-push" "$hint" "$script" --binaries "$work/tools"
        stand_in wal-push <<<'echo "Exec format error"; exit 126'
        stumbles "--binaries: $work/bin/wal-push does not run: Exec format error" "$hint" "$script" --binaries "$work/bin"
    done
    stumbles '--binaries wants a folder' 'scripts/demo.sh --binaries target/release' demo --binaries
}

# The real cargo, asked where it builds.
builds_in() { # EXPECTED VARIABLE...
    local found
    cases=$((cases + 1))
    found=$(cd "$work/temporary" && env -u CARGO_TARGET_DIR -u CARGO_BUILD_TARGET_DIR "${@:2}" bash -p -c '. "$1/scripts/common.sh"; need_cargo; say "$target_folder"' - "$repository_root")
    [ "$found" = "$1" ] || fail "with ${*:2} the target folder is $found" "it is $1"
}

check_target_folders() {
    builds_in "$repository_root/target" CARGO_HOME="$work/cargo"
    builds_in "$work/temporary/tgt" CARGO_TARGET_DIR=tgt
    builds_in "$work/temporary/tgt 2" CARGO_BUILD_TARGET_DIR="tgt 2"
    mkdir -p "$work/cargo"
    printf '[build]\ntarget-dir = "/nowhere/at all"\n' >"$work/cargo/config.toml"
    builds_in '/nowhere/at all' CARGO_HOME="$work/cargo"
}

check_memory() {
    set_up
    in_checkout 'nproc() { say 16; }; free_memory_kib() { say 6500000; }; limit_jobs; say "$CARGO_BUILD_JOBS"'
    prints 3
    in_checkout 'nproc() { say 2; }; free_memory_kib() { say 1500000; }; limit_jobs; say "$CARGO_BUILD_JOBS"'
    prints 1
    grep -q 'a build wants 2 GB' "$work/err" || wrong 'too little memory is not told'
    in_checkout 'nproc() { say 3; }; free_memory_kib() { say 6500000; }; limit_jobs; say "${CARGO_BUILD_JOBS:-all}"'
    prints all
    in_checkout '[ "$(free_memory_kib)" -gt 1000 ] && say some'
    prints some
}

# Two builds of one commit: in somebody else's checkout, and from a tarball.
check_dates() {
    set_up
    mkdir "$work/commit" "$work/tarball"
    cp -r "$work/a checkout/." "$work/commit/"
    mkdir "$work/commit"/{src,docs,packaging}
    touch "$work/commit"/{CHANGELOG.md,README.md} "$work/commit"/{src,docs,packaging}/file
    git -C "$work/commit" init -q
    git -C "$work/commit" add .
    GIT_COMMITTER_DATE='1234567890 +0000' git -C "$work/commit" -c user.name=x -c user.email=x@example.org commit -q -m x
    git -C "$work/commit" archive HEAD | tar -x -C "$work/tarball"
    for folder in commit tarball; do
            [ "$(GIT_TEST_ASSUME_DIFFERENT_OWNER=1 bash -p -c '. "$1/scripts/common.sh"; source_date' - "$work/$folder")" = 1234567890 ] ||
            fail "the date of a $folder is not that of the commit" "see source_date in scripts/common.sh"
        cases=$((cases + 1))
    done
}

# Ctrl-C while its server runs, with programs that archive nothing.
check_interrupt() {
    local name deadline=$((SECONDS + 30))
    set_up
    for name in wal-push wal-fetch basebackup; do stand_in "$name" <<<''; done
    # A job in the background would not be told of Ctrl-C.
    "${ordinary[@]}" env -i --default-signal=INT -C "$work" PATH="$work/bin:$work/tools" HOME="$work/home" TMPDIR="$work/temporary" \
        setsid "$work/a checkout/scripts/demo.sh" --binaries "$work/bin" >"$work/out" 2>"$work/err" &
    demo_id=$!
    until grep -qs . "$work"/temporary/seawall-demo.*/data/postmaster.pid; do
        kill -0 "$demo_id" 2>/dev/null || wrong 'the demo ended too early'
        [ "$SECONDS" -lt "$deadline" ] || wrong 'the demo starts no server'
        sleep 0.1
    done
    kill -INT -- "-$demo_id"
    status=0
    wait "$demo_id" || status=$?
    demo_id=
    cases=$((cases + 1))
    [ "$status" -eq 130 ] || wrong "interrupted, the demo ends with $status"
    [ -z "$(ls -A "$work/temporary")" ] || wrong "interrupted, the demo leaves $(ls -A "$work/temporary")"
    # shellcheck disable=SC2009 # by what is written on the command line
    if grep -qsaF "$work/temporary" /proc/[0-9]*/cmdline; then wrong 'interrupted, the demo leaves a server'; fi
}
