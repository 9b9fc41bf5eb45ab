# What a script asks of the machine before it downloads, installs or builds anything; sourced by common.sh, never run.
# shellcheck shell=bash

# Bash reads what a command says through /dev/fd.
check_proc() {
    [ -e /proc/self/fd ] || fail "there is no /proc/self/fd" "Is /proc mounted? mount -t proc proc /proc"
    [ -e /dev/fd ] || fail "there is no /dev/fd" "ln -s /proc/self/fd /dev/fd"
}

# PostgreSQL does not start for a number without a name, as in a container with --user 4242.
check_user_name() {
    id -un >/dev/null 2>&1 ||
        fail "the user that runs this has only a number, $(id -u), and no name; PostgreSQL wants one" "run it as a user of /etc/passwd"
}

# Compilers and all the rest put files there.
check_temporary_folder() {
    local folder=${TMPDIR:-/tmp}
    local hint='run again with TMPDIR=/var/tmp in front'
    case $folder in
    /*) ;;
    *) fail "the folder for temporary files is not an absolute path: TMPDIR=$folder" "$hint" ;;
    esac
    [ -d "$folder" ] || fail "the folder for temporary files is not there: $folder" "make it, or $hint"
    { [ -w "$folder" ] && [ -x "$folder" ]; } || fail "the folder for temporary files cannot be written to: $folder" "$hint"
}

# existing_folder PATH: the path, or the nearest one above it that there is.
existing_folder() {
    local path=$1
    until [ -d "$path" ]; do path=$(dirname -- "$path"); done
    say "$path"
}

# Somebody else who cannot go everywhere: the servers' user, or nobody as long as PostgreSQL's package has not made it.
as_stranger() {
    local user=nobody
    if am_root; then
        if id postgres >/dev/null 2>&1; then user=postgres; fi
        runuser -u "$user" -- "$@"
    else
        "$@"
    fi
}

# check_folder WHAT FOLDER KIB HINT [as_stranger]: it can be made or written to, has that much room, and programs run there, if
# need be for the servers' user.
check_folder() {
    local what=$1 folder free_kib probe said=
    folder=$(existing_folder "$2")
    [ -w "$folder" ] || fail "$2, for $what, cannot be made or written to" "$4"
    free_kib=$(df -Pk -- "$folder" | awk 'NR == 2 { print $4 }')
    [ "$free_kib" -ge "$3" ] || fail "$2, for $what, has $free_kib KiB free, and $3 are wanted" "$4"
    if [ "$#" -eq 5 ] && ! "$5" test -x "$folder"; then
        fail "$2, for $what, is closed to the user postgres, who runs the servers" "$4"
    fi
    probe=$(mktemp -d "$folder/.seawall-probe.XXXXXX") || fail "$2, for $what, cannot be written to" "$4"
    printf '#!/bin/sh\n' >"$probe/program"
    chmod 755 "$probe" "$probe/program"
    said=$("${@:5}" "$probe/program" 2>&1) || said="no program runs there: ${said##*$'\n'}"
    rm -rf -- "$probe"
    [ -z "$said" ] || fail "$2, for $what: $said" "is it mounted with noexec? $4"
}

# check_programs FOLDER NAME...: they are there, and run.
check_programs() {
    local folder=$1 name said
    local hint="scripts/build-static.sh builds them, and its last lines name such a folder"
    [ -d "$folder" ] || fail "--binaries: there is no folder $folder" "$hint"
    for name in "${@:2}"; do
        [ -f "$folder/$name" ] || fail "--binaries: $folder has no $name" "$hint"
        said=$("$folder/$name" --version 2>&1) || fail "--binaries: $folder/$name does not run: $said" "$hint"
    done
}
