//! The steps on the host of the server: its settings and service, its container, and the timers.
//!
//! A server in a container has no service that could be told anything: then its unit, its volumes and a drill
//! in its image are shown.

use std::path::{Path, PathBuf};

use super::places::{Typist, credentials_of, folders_of};
use super::{Answers, Encryption, sets};
use crate::config::DEFAULT_FILE;
use crate::doctor::{Mend, Origins, archive_command, patroni_pair};
use crate::words::shell_word;

/// The settings of the server, and how it comes to know them.
pub(super) fn settings(answers: &Answers, user: &str) -> String {
    let command = archive_command(Some(&answers.output));
    if answers.data_directory.as_deref().is_some_and(Origins::by_patroni_in) {
        return of_patroni(answers, &command);
    }
    let lines: String =
        mends(answers, &command).iter().map(|mend| format!("    {}\n", mend.text())).collect();
    let unit = unit(answers.data_directory.as_deref());
    format!(
        "Tell PostgreSQL, with psql as a superuser:\n\n    sudo -u {user} psql{}\n{lines}    \\q\n\n\
         and restart it. Before that nothing is archived; every session ends.\n\n    sudo systemctl restart {unit}\n",
        address(answers)
    )
}

/// The servers of a Patroni, all of them at once. It sees to `wal_level` itself.
fn of_patroni(answers: &Answers, command: &str) -> String {
    let scope = shell_word(&answers.cluster);
    let timeout = format!("{}s", archive_timeout(answers));
    let settings =
        [("archive_mode", "always"), ("archive_command", command), ("archive_timeout", &timeout)];
    let pairs = settings.map(|(name, value)| patroni_pair(name, value)).join(" ");
    format!(
        "Tell Patroni, on any node; {scope} is its scope. docs/patroni.md has the whole of it:\n\n    \
         patronictl edit-config {scope} {pairs}\n\n\
         and have it restart the servers. Before that nothing is archived; every session ends.\n\n    \
         patronictl restart {scope}\n"
    )
}

/// What `ALTER SYSTEM` has to say.
pub(super) fn mends(answers: &Answers, command: &str) -> [Mend; 4] {
    let timeout = format!("{}s", archive_timeout(answers));
    [
        Mend::alter_system("wal_level", "replica", true),
        Mend::alter_system("archive_mode", "on", true),
        Mend::alter_system("archive_command", command, false),
        Mend::alter_system("archive_timeout", &timeout, false),
    ]
}

/// What a superuser, who is not the role that takes backups, has to say beside `psql` to reach that server.
fn address(answers: &Answers) -> String {
    let leads = |word: &str| word.starts_with("host=") || word.starts_with("port=");
    match answers.connection.as_deref() {
        None | Some("host=/var/run/postgresql" | "host=/run/postgresql" | "host=/tmp") => {
            String::new()
        }
        Some(text) if text.split_whitespace().all(leads) => format!(" '{text}'"),
        Some(_) => String::new(),
    }
}

/// The service of the server, as the packages of Debian and of PostgreSQL itself call it by the place of its data.
fn unit(data_directory: Option<&Path>) -> String {
    let path = data_directory.and_then(Path::to_str).unwrap_or_default();
    let plain = |name: &&str| !name.is_empty() && !name.contains('/');
    let debian = path.strip_prefix("/var/lib/postgresql/").and_then(|rest| rest.split_once('/'));
    if let Some((version, cluster)) = debian.filter(|(_, cluster)| plain(cluster)) {
        return format!("postgresql@{version}-{cluster}");
    }
    let pgdg = path.strip_prefix("/var/lib/pgsql/").and_then(|rest| rest.strip_suffix("/data"));
    pgdg.filter(plain).map_or("postgresql".to_owned(), |version| format!("postgresql-{version}"))
}

/// Half of what may be lost, in seconds, and a minute where that is more than enough.
fn archive_timeout(answers: &Answers) -> u64 {
    let rpo = humantime::parse_duration(&answers.rpo).unwrap_or_default();
    (rpo.as_secs() / 2).clamp(1, 60)
}

/// Of the official image that quadlets name.
const IMAGE: &str = "docker.io/library/postgres:18";
const NAME: &str = "postgres";

/// Archiving is not on the container's command line, which is stronger than what a restore sets.
pub(super) fn container_server(answers: &Answers, hands: &Typist) -> String {
    let (from, to) = if answers.rootless {
        ("quadlet-user", "~/.config/containers/systemd")
    } else {
        ("quadlet", "/etc/containers/systemd")
    };
    let volumes = volumes(answers, &["wal-push", "wal-fetch", "seawall"]);
    let volumes: String = volumes.map(|volume| format!("    Volume={volume}\n")).collect();
    let secret = hands.host("podman secret create postgres-password -");
    let made = format!("    printf '%s' 'a long password' | {}", secret.trim_start());
    let copy = hands.host(&format!("cp /usr/share/doc/seawall/examples/{from}/{NAME}.* {to}/"));
    let command = archive_command(Some(Path::new(DEFAULT_FILE)));
    let settings: String =
        mends(answers, &command).iter().map(|mend| format!("    {}\n", mend.text())).collect();
    format!(
        "Make the container, whose unit has these lines, beside others (docs/containers.md tells of them):\n\n{volumes}\n\
         {made}{copy}{}{}\n\
         and tell PostgreSQL in it, with psql, before it is started again:\n\n{}{settings}    \\q\n{}",
        hands.systemctl("daemon-reload"),
        hands.systemctl(&format!("start {NAME}")),
        hands.host(&format!("podman exec -it -u postgres {NAME} psql")),
        hands.systemctl(&format!("restart {NAME}")),
    )
}

/// In the image of the server, because the host has no PostgreSQL.
pub(super) fn container_drill(answers: &Answers, hands: &Typist) -> String {
    let who = if answers.rootless { "--userns keep-id:uid=999,gid=999" } else { "--user postgres" };
    // A restore out of a folder has no use for the network.
    let bucket = answers.repositories.iter().any(|place| place.is_bucket());
    let network = if bucket { "" } else { " --network none" };
    let key = matches!(answers.encryption, Encryption::NewKey)
        .then(|| answers.identity_file.display().to_string());
    let mut lines: Vec<String> = volumes(answers, &["basebackup", "wal-fetch"]).collect();
    lines.extend(key.iter().map(|key| format!("{key}:{key}:ro")));
    let lines: String = lines.iter().map(|volume| format!("        -v {volume} \\\n")).collect();
    let option = key.map_or(String::new(), |key| format!(" --encryption-identity-file {key}"));
    let run = hands.host(&format!("podman run --rm {who}{network} \\"));
    format!("{run}{lines}        {IMAGE} \\\n        basebackup drill{option}\n")
}

/// What the container is shown: programs, the configuration where all of them look, repositories, credentials.
fn volumes<'a>(answers: &'a Answers, programs: &'a [&str]) -> impl Iterator<Item = String> + 'a {
    let programs = programs.iter().map(|name| {
        let path = beside(name);
        format!("{0}:{0}:ro", path.display())
    });
    let config = format!("{}:{DEFAULT_FILE}:ro", answers.output.display());
    let folders = folders_of(answers).map(|path| format!("{path}:{path}:z"));
    let secrets = credentials_of(answers).into_iter().map(|path| {
        let path = path.display();
        format!("{path}:{path}:ro")
    });
    programs.chain([config]).chain(folders).chain(secrets)
}

/// A program of ours, where this one is.
fn beside(name: &str) -> PathBuf {
    let own = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.join(name)));
    own.filter(|path| path.exists()).unwrap_or_else(|| Path::new("/usr/bin").join(name))
}

/// The timers that packages bring, for what there is.
pub(super) fn timers(answers: &Answers, hands: &Typist) -> String {
    // What is encrypted is rehearsed where the private key is, and that is not here. A drill of PostgreSQL needs its programs,
    // which a host with containers has not.
    let here = answers.encryption == Encryption::None;
    let postgres = here && !answers.container;
    let mut names = Vec::new();
    names.extend(timers_of("basebackup", "", postgres));
    if answers.redis_url.is_some() {
        names.extend(timers_of("redis", "", here));
    }
    for set in sets(answers) {
        names.extend(timers_of("media", &format!("@{set}"), here));
    }
    names.push("seawall-check.timer".to_owned());
    names.extend(answers.needed.map(|_| "seawall-settle.timer".to_owned()));
    let lines: String =
        names.iter().map(|name| hands.systemctl(&format!("enable --now {name}"))).collect();
    let elsewhere = if here && answers.container {
        "\nA drill of PostgreSQL is not among them: it runs in the server's image, with its own quadlet (docs/containers.md,\n\
         \"Rehearse\").\n"
    } else if here {
        ""
    } else {
        "\nThe drill is not among them, because it needs the private key. Run it on a host that has the key, with this configuration;\n\
         `seawall check` warns when the last drill is older than objectives.drill_age, 35 days.\n"
    };
    let (source, folder) = if answers.rootless {
        ("user/seawall-*", "~/.config/systemd/user")
    } else {
        ("seawall-*", "/etc/systemd/system")
    };
    format!(
        "Have it done by itself, by the units of the package (from a checkout: packaging/{source} into\n\
         {folder}):\n\n{lines}{elsewhere}"
    )
}

fn timers_of(job: &str, set: &str, drill: bool) -> impl Iterator<Item = String> {
    let drill = drill.then_some("-drill");
    let kinds = ["", "-verify"].into_iter().chain(drill);
    kinds.map(move |kind| format!("seawall-{job}{kind}{set}.timer"))
}

#[cfg(test)]
mod tests {
    use crate::init::next_steps::tests::answers;

    use super::*;

    #[test]
    fn a_server_of_patroni_is_told_by_patroni() {
        let place = tempfile::tempdir().unwrap();
        let answers = Answers { data_directory: Some(place.path().to_owned()), ..answers() };
        assert!(settings(&answers, "postgres").contains("ALTER SYSTEM"));
        std::fs::write(place.path().join("patroni.dynamic.json"), "{}").unwrap();
        let text = settings(&answers, "postgres");
        let line = "    patronictl edit-config main --pg archive_mode=always --pg 'archive_command=wal-push \"%p\" %f' --pg \
                    archive_timeout=30s\n";
        assert!(text.contains(line), "{text}");
        assert!(text.ends_with("    patronictl restart main\n"), "{text}");
        assert!(!text.contains("ALTER SYSTEM"), "{text}");
    }

    #[test]
    fn the_service_is_known_by_the_place_of_its_data() {
        for (path, expected) in [
            ("/var/lib/postgresql/15/main", "postgresql@15-main"),
            ("/var/lib/pgsql/18/data", "postgresql-18"),
            ("/var/lib/pgsql/data", "postgresql"),
            ("/var/lib/postgresql/18/main/below", "postgresql"),
            ("/srv/data", "postgresql"),
        ] {
            assert_eq!(unit(Some(Path::new(path))), expected, "{path}");
        }
        assert_eq!(unit(None), "postgresql");
    }
}
