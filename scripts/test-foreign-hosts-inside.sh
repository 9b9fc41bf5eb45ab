#!/usr/bin/env bash
# Run by test-foreign-hosts.sh, as root in a Debian root whose C library is another one than the programs were built with: a
# module of this host would bring it along, and the program would die.
case ${1:-} in -h | --help) exec awk 'NR > 1 && !/^#/ { exit } NR > 1 { sub(/^# /, ""); print }' "$0" ;; esac
if [ -z "${SEAWALL_CLEAN_ROOT:-}" ]; then
    printf 'ERROR: this changes settings of the system: it is not for a machine that is in use\nHINT: run scripts/test-foreign-hosts.sh\n' >&2
    exit 1
fi
set -euo pipefail
built_with=$(<"$1")
# Only what stands here counts, nothing from the shell outside.
unset "${!SEAWALL_@}" "${!PG@}" "${!OPENSSL_@}" "${!AWS_@}"
export LC_ALL=C.UTF-8 AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret
calls=0

say() { printf 'foreign hosts: %s\n' "$*"; }
fail() {
    printf 'ERROR: %s\n' "$*" >&2
    exit 1
}

# expect STATUS TEXT COMMAND...: it ends with this status, a regular expression, and says this.
expect() {
    local status=0 said
    said=$("${@:3}" 2>&1) || status=$?
    calls=$((calls + 1))
    [[ "$status" =~ ^($1)$ && "$said" = *"$2"* ]] ||
        fail "$host: expected status $1 and \"$2\", found status $status and \"$said\" of: ${*:3}"
}

as_postgres() { runuser -u postgres -- env -C "$data" "$@"; }

prepare() {
    local program
    for program in "$@"; do install -m 755 "$program" /usr/local/bin/; done
    here=$(getconf GNU_LIBC_VERSION)
    [ "$here" != "$built_with" ] || fail "this root has the C library of the build, $here, and would prove nothing"
    version=$(basename /usr/lib/postgresql/*)
    data=/var/lib/postgresql/$version/main
    wal=$(basename "$data"/pg_wal/0000000100000000????????)
    mkdir -p /etc/seawall /srv/media /srv/backups
    : >/srv/media/file
    chown postgres: /srv/backups
    cat >/etc/seawall/seawall.toml <<'END'
limits = { attempts = 1 }
media_backup = { state_directory = "/tmp/media-state" }
[[repository]]
url = "s3://bucket/prefix"
endpoint = "http://store.nowhere.invalid:9"
[postgres]
connection = "host=server.nowhere.invalid user=backup"
[redis]
url = "redis://cache.nowhere.invalid"
[media.files]
paths = ["/srv/media"]
END
}

# What each host writes into its nsswitch.conf, as it is installed.
for_each_host() { # COMMAND
    local name hosts users
    while IFS='|' read -r name hosts users; do
        host=$name
        printf 'hosts: %s\npasswd: %s\ngroup: %s\nshadow: %s\ninitgroups: %s\nservices: db files sss\nnetworks: files dns\nprotocols: db files\nnetgroup: nis sss\n' \
            "$hosts" "$users" "$users" "$users" "$users" >/etc/nsswitch.conf
        "$@"
    done <<'END'
Debian with modules|files myhostname mymachines resolve [!UNAVAIL=return] dns|files systemd
Fedora|files myhostname resolve [!UNAVAIL=return] dns|files sss systemd
Arch|mymachines resolve [!UNAVAIL=return] files myhostname dns|files systemd
RHEL|files dns myhostname|sss files systemd
Active Directory|files sss dns|files sss
LDAP|files ldap|files ldap
mDNS|files mdns4_minimal [NOTFOUND=return] dns|compat systemd
END
    rm /etc/nsswitch.conf
    host="no nsswitch.conf"
    "$@"
}

# Each program asks for a name that nobody knows; where a source is left out because an earlier one answered, no module is asked.
names() {
    local unknown='failed to lookup address information'
    expect 8 "$unknown" as_postgres wal-push "pg_wal/$wal" "$wal"
    expect 208 "$unknown" wal-fetch --system-identifier 7 "$wal" /tmp/fetched
    expect 8 'could not translate host name' basebackup create
    expect 8 "$unknown" basebackup list
    expect 8 "$unknown" redis-backup create
    expect 8 "$unknown" media-backup create --set files
    expect '[123]' 'nowhere.invalid' seawall check
    expect '[123]' 'nowhere.invalid' seawall doctor
    # libpq asks for the name of a user that the file of users lacks.
    expect 8 'does not exist' setpriv --reuid=4242 --regid=4242 --clear-groups \
        env -u HOME basebackup create --postgres-connection host=/var/run/postgresql
}

start_server() {
    local port
    port=$((20000 + RANDOM % 10000))
    pg_conftool "$version" main set port "$port"
    pg_ctlcluster "$version" main start
    trap 'pg_ctlcluster --mode immediate "$version" main stop' EXIT
    runuser -u postgres -- psql -qp "$port" -c "CREATE ROLE backup LOGIN SUPERUSER REPLICATION PASSWORD 'secret'"
    export PGPASSWORD=secret SEAWALL_REPOSITORY=/srv/backups
    connection="host=127.0.0.1 port=$port user=backup sslmode=require"
    rm /etc/seawall/seawall.toml
}

# A provider that Debian has as a file, switched on, as for old PKCS#12 files; and the same by a variable.
tls() {
    local conf=/etc/ssl/openssl.cnf key=/etc/ssl/private/ssl-cert-snakeoil.key
    printf 'openssl_conf = all\n[all]\nproviders = those\n[those]\ndefault = on\nlegacy = on\n[on]\nactivate = 1\n' >$conf
    openssl list -providers | grep -q legacy || fail "the legacy provider is not switched on"
    for host in "legacy provider" "legacy provider by OPENSSL_CONF"; do
        expect 0 'base backup done' basebackup create --standalone --postgres-connection "$connection"
        expect '[012]' 'base backup' seawall check --postgres-connection "$connection"
        expect '[012]' 'archive_mode' seawall doctor --postgres-connection "$connection"
        cp -- $conf /srv/openssl.cnf
        : >$conf
        export OPENSSL_CONF=/srv/openssl.cnf
    done
    host="an engine for the key"
    expect 8 'could not load SSL engine' basebackup create --standalone \
        --postgres-connection "$connection sslcert=/etc/ssl/certs/ssl-cert-snakeoil.pem sslkey=loader_attic:$key"
    host="another character set"
    expect 0 'base backup done' env LC_ALL=de_DE.ISO-8859-15 LANG=de_DE.ISO-8859-15 basebackup create --standalone \
        --postgres-connection "$connection"
}

prepare "${@:2}"
for_each_host names
start_server
tls
say "built with $built_with, run with $here: $calls calls, none loads a module"
