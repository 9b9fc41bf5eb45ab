#!/usr/bin/env bash
# Asks cargo deny about the libraries of the programs and of the fuzz targets: their licences, where they come from, what
# deny.toml forbids, versions that were taken back, and advisories of the RustSec database. Fails when it finds something.
#
# The database is a git repository on GitHub. Where that is out of reach, the copy of an earlier run serves. Without any, or
# with an old one, the rest is checked all the same, and a line `NOT CHECKED: ...` says what was not; scripts/test.sh counts
# these in its last line.
#
#   SEAWALL_ADVISORY_DB=FOLDER_OR_URL   takes the database from a clone or a mirror, not from GitHub
#   SEAWALL_ADVISORIES=required         fails where there would be such a line: for releases
case $- in *p*) ;; *) exec bash -p -- "$0" "$@" ;; esac # see common.sh
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/common.sh"
help_if_asked "${1:-}"
check_machine

database_url=https://github.com/RustSec/advisory-db # as in deny.toml
fresh_days=30
fetch_seconds=120
# Asking for a name on a terminal would wait for somebody.
export GIT_TERMINAL_PROMPT=0

[ "$#" -eq 0 ] || fail "usage: $0" "it takes no argument; --help names the variables"
need_cargo
cd "$repository_root"
cargo_deny=$(cargo_deny_program)
[ -x "$cargo_deny" ] || fail "$cargo_deny is not there" "run: scripts/install-servers.sh"
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

# deny CHECK...: of both dependency trees. What it warns of is shown, and its last line, `advisories ok`, is not: that
# would not be true of a database that is not there.
deny() {
    local manifest
    for manifest in Cargo.toml fuzz/Cargo.toml; do
        "$cargo_deny" --config "$work/deny.toml" --manifest-path "$manifest" --locked check --hide-inclusion-graph "$@" >"$work/verdict" || {
            cat -- "$work/verdict" >&2
            fail "cargo deny has something against the libraries of $manifest" "see above; an exception goes into deny.toml, with its reason"
        }
    done
}

not_checked() { # WHAT HINT
    if [ "${SEAWALL_ADVISORIES:-}" = required ]; then fail "$1, and SEAWALL_ADVISORIES=required" "$2"; fi
    say "NOT CHECKED: $1"
    say "HINT: $2"
}

# Brings the database to $database, and says why when it can't. What was there before stays then.
fetch_database() {
    if [ -n "${SEAWALL_ADVISORY_DB:-}" ]; then
        database=$work/database
        git clone -q "$SEAWALL_ADVISORY_DB" "$database" ||
            fail "SEAWALL_ADVISORY_DB, which is $SEAWALL_ADVISORY_DB, is no git repository that can be read" "git's own words are above"
        return
    fi
    database=$(servers_folder)/advisory-db
    if [ -d "$database" ]; then
        timeout "$fetch_seconds" git -C "$database" fetch -q --depth 1 origin HEAD 2>"$work/git" &&
            git -C "$database" reset -q --hard FETCH_HEAD
    else
        timeout "$fetch_seconds" git clone -q --depth 1 "$database_url" "$work/database" 2>"$work/git" &&
            mv -T -- "$work/database" "$database"
    fi || say "deny: $database_url could not be fetched: $(grep -m 1 -E 'fatal|error' "$work/git" || say "no answer in $fetch_seconds s")"
}

# With this in place of the database, cargo deny looks for versions that were taken back and finds no advisory. It refuses
# an empty one.
make_empty_database() {
    database=$work/nothing
    mkdir -p -- "$database/crates/no-library"
    cat >"$database/crates/no-library/RUSTSEC-1970-0001.md" <<'ADVISORY'
```toml
[advisory]
id = "RUSTSEC-1970-0001"
package = "no-library"
date = "1970-01-01"
[versions]
patched = []
```

# Nothing

Nothing.
ADVISORY
    git -C "$database" init -q
    git -C "$database" add .
    git -C "$database" -c user.name=deny -c user.email=deny@example.org commit -q -m 'Nothing'
}

# git takes the copy for what lies at the address that deny.toml names.
use_database() {
    git -C "$database" branch -q -f main HEAD 2>/dev/null || true
    export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="url.file://$database.insteadOf" GIT_CONFIG_VALUE_0=$database_url
}

check_advisories() {
    local day age_days
    fetch_database
    if [ ! -d "$database" ]; then
        make_empty_database
        use_database
        deny advisories
        say "deny: no version was taken back"
        not_checked "advisories against the libraries: there is no RustSec database" \
            "set SEAWALL_ADVISORY_DB to a clone of $database_url, or run this where that can be reached"
        return
    fi
    use_database
    deny advisories
    day=$(git -C "$database" log -1 --format=%cs)
    age_days=$((($(date +%s) - $(git -C "$database" log -1 --format=%ct)) / 86400))
    say "deny: no version was taken back, and the RustSec database of $day has no advisory against one"
    [ "$age_days" -le "$fresh_days" ] ||
        not_checked "advisories since $day: the RustSec database is $age_days days old" \
            "fetch it anew: $database_url"
}

# cargo deny clones the database into its own folder, which is for this run.
sed "s,^db-urls,db-path = \"$work/advisory-dbs\"\n&," deny.toml >"$work/deny.toml"
deny licenses bans sources
say "deny: licences, sources and bans: nothing against the libraries of Cargo.toml and fuzz/Cargo.toml"
check_advisories
