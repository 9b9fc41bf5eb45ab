//! The settings of a server on this host, and the name of its service.

use std::path::Path;

use super::Answers;
use crate::doctor::{Mend, Origins, archive_command, patroni_pair};
use crate::words::shell_word;

/// The settings of the server, and how it comes to know them.
pub fn settings(answers: &Answers, user: &str) -> String {
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
pub fn mends(answers: &Answers, command: &str) -> [Mend; 4] {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::next_steps::tests::answers;

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
