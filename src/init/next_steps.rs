use std::path::Path;

use super::{Answers, Encryption};
use crate::config::DEFAULT_FILE;
use crate::doctor::{Account, Mend, archive_command};

/// The timers that packages bring; those of Redis and media only where there is something to do for them.
const TIMERS: [&str; 4] = ["basebackup", "basebackup-verify", "basebackup-drill", "check"];
const REDIS: [&str; 2] = ["redis", "redis-verify"];
const MEDIA: [&str; 2] = ["media", "media-verify"];

/// What is left to do, in order, as lines to type. `owner` is whom the data directory belongs to.
pub fn next_steps(answers: &Answers, owner: Option<&Account>) -> String {
    let user = owner.map_or("postgres".to_owned(), Account::name);
    let server = if answers.container { quadlet(answers) } else { settings(answers, &user) };
    let steps = [keep_key(answers), folders(answers, owner, &user), Some(server)];
    let steps = steps.into_iter().flatten().chain([timers(answers), first_backup(answers, &user)]);
    let number = |(at, step): (usize, String)| format!("\n{}. {step}", at + 1);
    format!("What is left to do:\n{}", steps.enumerate().map(number).collect::<String>())
}

fn keep_key(answers: &Answers) -> Option<String> {
    let path = answers.identity_file.display();
    (answers.encryption == Encryption::NewKey).then(|| {
        format!(
            "Move the private key off this host: without it no backup can be opened, and who has it opens all of them.\n\
             \n    {path}\n\n\
             Keep it twice, apart from the backups: in a password manager, and printed on paper. Then\n\
             \n    shred -u {path}\n"
        )
    })
}

fn folders(answers: &Answers, owner: Option<&Account>, user: &str) -> Option<String> {
    let group = owner.map_or("postgres".to_owned(), Account::group_name);
    let folders = answers.repositories.iter().filter(|place| !place.is_bucket());
    let line = |url: &str| {
        let path = url.strip_prefix("file://").unwrap_or(url);
        format!("    install -d -m 0700 -o {user} -g {group} {path}\n")
    };
    let lines: String = folders.map(|place| line(&place.url)).collect();
    (!lines.is_empty()).then(|| format!("Make the folders, for the user that archives:\n\n{lines}"))
}

fn settings(answers: &Answers, user: &str) -> String {
    let timeout = format!("{}s", archive_timeout(answers));
    let command = archive_command(Some(&answers.output));
    let mends = [
        Mend::alter_system("wal_level", "replica", true),
        Mend::alter_system("archive_mode", "on", true),
        Mend::alter_system("archive_command", &command, false),
        Mend::alter_system("archive_timeout", &timeout, false),
    ];
    let lines: String = mends.iter().map(|mend| format!("    {}\n", mend.text())).collect();
    format!(
        "Tell PostgreSQL, with psql as a superuser (sudo -u {user} psql), and restart it:\n\n{lines}"
    )
}

fn timers(answers: &Answers) -> String {
    let mut names: Vec<String> =
        TIMERS.iter().map(|name| format!("seawall-{name}.timer")).collect();
    if answers.redis_url.is_some() {
        names.extend(REDIS.iter().map(|name| format!("seawall-{name}.timer")));
    }
    let mut sets: Vec<&String> = answers.media.iter().map(|(name, _)| name).collect();
    sets.sort();
    sets.dedup();
    for set in sets {
        names.extend(MEDIA.iter().map(|name| format!("seawall-{name}@{set}.timer")));
    }
    let lines: String =
        names.iter().map(|name| format!("    systemctl enable --now {name}\n")).collect();
    format!(
        "Have it done by itself, by the units of the package (from a checkout: packaging/seawall-* into \
         /etc/systemd/system):\n\n{lines}"
    )
}

/// A setting on the command line of a container is stronger than `ALTER SYSTEM`. In a unit `%` is written twice.
fn quadlet(answers: &Answers) -> String {
    let config = answers.output.display();
    let timeout = archive_timeout(answers);
    let folders = answers.repositories.iter().filter(|place| !place.is_bucket()).map(|place| {
        let path = place.url.strip_prefix("file://").unwrap_or(&place.url);
        format!("    Volume={path}:{path}:z\n")
    });
    format!(
        "Let the server's container archive: packaging/quadlet/postgres.container and .volume go to\n\
         /etc/containers/systemd, with these lines in the place of its own; then `systemctl daemon-reload` and\n\
         `systemctl restart postgres`:\n\n    \
         Exec=postgres -c archive_mode=on -c archive_timeout={timeout} -c \"archive_command=/usr/bin/wal-push %%p %%f\"\n    \
         Environment=SEAWALL_CONFIG={config}\n    \
         Volume={config}:{config}:ro\n{}",
        folders.collect::<String>()
    )
}

/// Half of what may be lost, in seconds, and a minute where that is more than enough.
fn archive_timeout(answers: &Answers) -> u64 {
    let rpo = humantime::parse_duration(&answers.rpo).unwrap_or_default();
    (rpo.as_secs() / 2).clamp(1, 60)
}

fn first_backup(answers: &Answers, user: &str) -> String {
    let elsewhere = answers.output != Path::new(DEFAULT_FILE);
    let config = elsewhere.then(|| format!(" --config {}", answers.output.display()));
    let config = config.unwrap_or_default();
    format!(
        "Take the first base backup, and look whether all is well:\n\n    \
         sudo -u {user} basebackup create{config}\n    sudo -u {user} seawall doctor{config}\n    \
         sudo -u {user} seawall check{config}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Place;

    #[test]
    fn a_container_is_told_by_its_unit() {
        let folder =
            Place { url: "/b".to_owned(), endpoint: None, region: None, credentials_file: None };
        let answers = Answers {
            data_directory: None,
            cluster: "main".to_owned(),
            repositories: vec![folder],
            encryption: Encryption::None,
            rpo: "1m".to_owned(),
            rto: "1h".to_owned(),
            connection: None,
            redis_url: None,
            media: vec![],
            output: DEFAULT_FILE.into(),
            identity_file: "/key".into(),
            container: true,
        };
        let text = next_steps(&answers, None);
        for line in [
            "Exec=postgres -c archive_mode=on -c archive_timeout=30 -c \"archive_command=/usr/bin/wal-push %%p %%f\"",
            "Volume=/b:/b:z",
            "Environment=SEAWALL_CONFIG=/etc/seawall/seawall.toml",
            "systemctl enable --now seawall-check.timer",
            "sudo -u postgres basebackup create",
        ] {
            assert!(text.lines().any(|found| found.trim() == line), "no {line}: {text}");
        }
        assert!(!text.contains("ALTER SYSTEM") && !text.contains("private key"), "{text}");
    }
}
