# Packages of Debian and Ubuntu; sourced by common.sh, never run.
# shellcheck shell=bash disable=SC2154 # apt_log is the caller's

# While this is there, the package `postgresql` makes no cluster, which would start at every boot.
no_cluster=/etc/postgresql-common/createcluster.d/seawall-install.conf
made_no_cluster=no
apt_lock_seconds=300

# fail_for_packages PACKAGE...: says what an administrator must do.
fail_for_packages() {
    local line="apt-get update && apt-get install -y --no-install-recommends $*"
    case " $* " in
    *' postgresql '*)
        line="mkdir -p ${no_cluster%/*} && echo 'create_main_cluster = false' >$no_cluster && $line; rm -f $no_cluster"
        ;;
    esac
    type -P apt-get >/dev/null ||
        fail "these Debian packages are missing, and there is no apt-get: $*" "install the same programs by hand, PostgreSQL into /usr/lib/postgresql/VERSION/bin"
    fail "these Debian packages are missing: $*" "an administrator must run: $line"
}

# apt_install PACKAGE...: as root, or with a sudo that asks nothing. $apt_log is a file for what it says.
apt_install() {
    local as_administrator=()
    type -P apt-get >/dev/null || fail_for_packages "$@"
    if ! am_root; then
        sudo -n true 2>/dev/null || fail_for_packages "$@"
        as_administrator=(sudo -n)
    fi
    say "servers: installing Debian packages: $*"
    "${as_administrator[@]}" mkdir -p "${no_cluster%/*}"
    made_no_cluster=yes
    say 'create_main_cluster = false' | "${as_administrator[@]}" tee "$no_cluster" >/dev/null
    refresh_package_lists
    if ! "${as_administrator[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C \
        apt-get install -y -qq --no-install-recommends -o "DPkg::Lock::Timeout=$apt_lock_seconds" "$@" >>"$apt_log" 2>&1; then
        cat -- "$apt_log" >&2
        fail "apt-get could not install: $*" "its own words are above"
    fi
}

# A server that has just booted does so itself, and apt-get does not wait for the other. Where one of several sources is
# broken, what is wanted may be there all the same: installing says.
refresh_package_lists() {
    local deadline=$((SECONDS + apt_lock_seconds)) waiting=no
    until "${as_administrator[@]}" env LC_ALL=C apt-get update -qq >"$apt_log" 2>&1; do
        grep -q 'Could not get lock' "$apt_log" || return 0
        [ "$SECONDS" -lt "$deadline" ] || fail "apt's lists are locked for $apt_lock_seconds s: $(sed -n 1p "$apt_log")" "wait for that process, then run this again"
        [ "$waiting" = yes ] || say "servers: another apt is at work, waiting for it"
        waiting=yes
        sleep 2
    done
}

# To be called at the end, however it comes. What another run has made is left to it.
remove_leftovers_of_apt() {
    rm -f -- "$apt_log"
    if [ "$made_no_cluster" = no ]; then return; fi
    if am_root; then rm -f "$no_cluster"; else sudo -n rm -f "$no_cluster"; fi
}
