# What test-containers-inside.sh and test-old-podman-inside.sh share, as root in a Debian that has booted, with podman; sourced by them, never run.
# shellcheck shell=bash disable=SC2154 # $versions, $not_checked
page=/root/containers.md
work=$(mktemp -d)
chmod 755 "$work"

say() { printf 'containers: %s\n' "$*"; }
fail() {
    printf 'ERROR: %s\n' "$*" >&2
    exit 1
}
now() { printf '%s\n' "${EPOCHREALTIME/,/.}"; }
seconds_since() { awk -v from="$1" -v to="$(now)" 'BEGIN { printf "%.1f", to - from }'; }

# One image for each version, as the official one is.
make_images() {
    local version data volume
    # An old kernel's cgroups have limits that podman does not find.
    mkdir -p /etc/containers
    printf '[containers]\npids_limit = 0\n' >/etc/containers/containers.conf
    # The crun of Debian 12 wants to lock more memory than a machine in a machine may; that is not ours to try.
    if command -v runc >/dev/null; then printf '[engine]\nruntime = "runc"\n' >>/etc/containers/containers.conf; fi
    podman import -q /root/image.tar localhost/base >/dev/null
    for version in $versions; do
        data=/var/lib/postgresql/data volume=/var/lib/postgresql/data
        if [ "$version" -ge 18 ]; then data=/var/lib/postgresql/$version/docker volume=/var/lib/postgresql; fi
        rm -rf "$work/image"
        mkdir -p "$work/image/tree"
        install -d -o 999 -g 999 -m 1777 "$work/image/tree/var/lib/postgresql"
        [ "$version" -ge 18 ] || install -d -o 999 -g 999 -m 1777 "$work/image/tree$data"
        tar -C "$work/image/tree" -cf "$work/image/data.tar" .
        cat >"$work/image/Containerfile" <<END
FROM localhost/base
ENV LANG=en_US.utf8 PG_MAJOR=$version PGDATA=$data
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/$version/bin
ADD data.tar /
VOLUME $volume
ENTRYPOINT ["docker-entrypoint.sh"]
STOPSIGNAL SIGINT
CMD ["postgres"]
END
        podman build -q --format docker -t "docker.io/library/postgres:$version" "$work/image" >/dev/null
    done
    say "images of PostgreSQL $versions made, with the official entrypoint"
}

# Whether podman runs anything here, with a port as the quadlets have it: that is the kernel's to allow, not ours.
podman_works() { # COMMAND... that runs it as its user
    "$@" podman run --rm --publish 127.0.0.1:5432:5432 docker.io/library/postgres:18 true >"$work/probe" 2>&1 && return 0
    printf 'NOT CHECKED: %s: podman runs no container here (%s)\n' "$not_checked" "$(tail -n 1 "$work/probe")"
    return 1
}

# The blocks of a chapter, a file each, in order: from its heading to the next of the same rank.
blocks_of() { # CHAPTER
    rm -rf "$work/blocks"
    mkdir "$work/blocks"
    awk -v chapter="## $1" -v into="$work/blocks" '
        /^## / { within = $0 == chapter }
        !within { next }
        /^```/ { inside = !inside && /^```sh$/; if (inside) file = sprintf("%s/%02d", into, ++blocks); next }
        inside { print >file }' "$page"
    chmod -R go+rX "$work"
    [ -e "$work/blocks/01" ] || fail "docs/containers.md has no block in the chapter $1"
}

# How a block may end: doctor warns of the disk that holds everything here.
check_status() { # STATUS FILE
    local allowed=0
    if grep -q 'seawall doctor' "$2"; then allowed=1; fi
    [ "$1" -eq "$allowed" ] || fail "this block ends with $1, not $allowed: $(cat "$2")"
}

as_newcomer() { runuser -u newcomer -- env -C /home/newcomer HOME=/home/newcomer "$@"; }
as_app() {
    runuser -u app -- env -C /home/app HOME=/home/app USER=app XDG_RUNTIME_DIR="/run/user/$(id -u app)" \
        DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$(id -u app)/bus" "$@"
}

walk() { # USER CHAPTER
    local block started status walked
    walked=$(now)
    blocks_of "$2"
    for block in "$work/blocks"/*; do
        started=$(now) status=0
        if [ "$1" = newcomer ] && grep -q 'seawall init' "$block"; then
            # On a terminal, with an empty answer to each question.
            as_newcomer script --quiet --return --command "bash -eu $block" /dev/null < <(printf '\n%.0s' {1..9}) >"$work/init" || status=$?
            cat "$work/init"
        else
            "as_$1" bash -euo pipefail "$block" </dev/null || status=$?
        fi
        check_status "$status" "$block"
        say "  $(seconds_since "$started") s: $(head -n 1 "$block")"
    done
    say "\"$2\" walked in $(seconds_since "$walked") s"
}

# All blocks of a chapter in one shell, as at three in the morning.
run_chapter() { # USER CHAPTER SETTINGS
    blocks_of "$2"
    { cat "$work/blocks/01"; printf '%s\n' "$3"; find "$work/blocks" -type f ! -name 01 | sort | xargs -r cat; } >"$work/chapter"
    chmod 644 "$work/chapter"
    "as_$1" bash -euo pipefail "$work/chapter" </dev/null || fail "a block of $2 ends with $?"
}

sql() { podman exec -u postgres postgres psql -Atqc "$1"; }
app_sql() { as_app podman exec -u postgres postgres psql -Atqc "$1"; }

prepare() {
    useradd --create-home --groups sudo --shell /bin/bash newcomer
    useradd --create-home --shell /bin/bash app
    echo 'newcomer ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/newcomer
    echo 'APT::Get::Assume-Yes "true";' >/etc/apt/apt.conf.d/yes
    cp -- /root/*.deb /home/newcomer/
    # A user's own network needs it, and the machine around this one has closed it.
    if [ -e /dev/net/tun ]; then chmod 666 /dev/net/tun; fi
}

# Until the server takes connections; it does not take for ever.
ready() { # COMMAND... that runs podman as its user
    timeout 120 sh -c 'until "$@" exec postgres pg_isready -q -h 127.0.0.1; do sleep 0.5; done' sh "$@" || fail "the server takes no connections: $("$@" logs --tail 20 postgres 2>&1)"
}

archive_by_sql() {
    sql "ALTER SYSTEM SET archive_mode = 'on'"
    sql "ALTER SYSTEM SET archive_command = '/usr/bin/wal-push \"%p\" %f'"
}
