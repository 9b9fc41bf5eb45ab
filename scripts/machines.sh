# Debian roots that have booted, with systemd in them; this file is sourced after scripts/roots.sh, never run.
# shellcheck shell=bash disable=SC2154,SC2034 # $work; $cannot_boot is for the caller
#
# It takes root, and a kernel that lets systemd-nspawn boot a system. $work is the caller's folder for temporary files, below
# /var/tmp. The caller calls end_machine when it leaves, however it does.
machine=
leader=
cannot_boot= # why not, for people

need_nspawn() {
    local install
    if ! am_root; then
        cannot_boot="it takes root; HINT: run as root: $0 FOLDER"
        return 1
    fi
    command -v systemd-nspawn >/dev/null && return 0
    install=(env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends systemd-container)
    # The lists of packages may be older than the archive.
    "${install[@]}" >"$work/log" 2>&1 || { apt-get update -qq && "${install[@]}"; } >"$work/log" 2>&1 && return 0
    cannot_boot="systemd-nspawn is not here ($(tail -n 1 "$work/log")); HINT: apt-get install systemd-container"
    return 1
}

# systemd refuses a unit that starts for the sixth time within 10 s. A page that is typed by a person never gets there; the tests,
# which do in seconds what takes that person minutes, do where the machine is fast.
never_too_often() { # ROOT
    local manager
    for manager in system user; do
        mkdir -p -- "$1/etc/systemd/$manager.conf.d"
        printf '[Manager]\nDefaultStartLimitBurst=1000\n' >"$1/etc/systemd/$manager.conf.d/no-start-limit.conf"
    done
}

# Waits for the system in there; what it says at the boot is in $work/boot.
boot() { # ROOT
    leader=
    # What it holds is of another machine, booted before.
    rm -f -- "$work/state"
    never_too_often "$1"
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --register=no --keep-unit --boot --private-network --capability=all \
        --system-call-filter='@keyring bpf landlock_create_ruleset landlock_add_rule landlock_restrict_self' --machine=seawall --hostname=seawall -D "$1" >"$work/boot" 2>&1 </dev/null &
    machine=$!
    for _ in {1..600}; do
        leader=$(pgrep -P "$machine" | head -n 1) || true
        if [ -n "$leader" ] && inside systemctl is-system-running --wait >"$work/state" 2>&1; then return 0; fi
        # `degraded` is a system that has booted, without a module of the kernel, say.
        if grep -qx degraded "$work/state" 2>/dev/null; then return 0; fi
        kill -0 "$machine" 2>/dev/null || break
        sleep 0.2
    done
    cannot_boot="systemd-nspawn boots no system here ($(tail -n 1 "$work/boot" | tr -d '\r')); HINT: the kernel or a container around this forbids it"
    return 1
}

inside() {
    nsenter --target "$leader" --all -- /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        HOME=/root LANG=C.UTF-8 SEAWALL_CLEAN_ROOT=yes "$@"
}

# The whole machine ends with its first process.
end_machine() {
    if [ -z "$machine" ] || ! kill -0 "$machine" 2>/dev/null; then return 0; fi
    kill -KILL "$leader" 2>/dev/null || true
    for _ in {1..100}; do kill -0 "$machine" 2>/dev/null && sleep 0.1; done
    kill -KILL "$machine" 2>/dev/null || true
    wait "$machine" 2>/dev/null || true
}
