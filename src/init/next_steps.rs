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
    let steps = [keep_key(answers), folders(answers, owner, &user), settings(answers, &user)];
    let units = if answers.container { quadlets() } else { timers(answers) };
    let steps = steps.into_iter().flatten().chain([units, first_backup(answers, &user)]);
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

fn settings(answers: &Answers, user: &str) -> Option<String> {
    let rpo = humantime::parse_duration(&answers.rpo).ok()?.as_secs();
    let timeout = format!("{}s", (rpo / 2).clamp(1, 60));
    let command = archive_command(Some(&answers.output));
    let mends = [
        Mend::alter_system("wal_level", "replica", true),
        Mend::alter_system("archive_mode", "on", true),
        Mend::alter_system("archive_command", &command, false),
        Mend::alter_system("archive_timeout", &timeout, false),
    ];
    let lines: String = mends.iter().map(|mend| format!("    {}\n", mend.text())).collect();
    Some(format!(
        "Tell PostgreSQL, with psql as a superuser (sudo -u {user} psql), and restart it:\n\n{lines}"
    ))
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

fn quadlets() -> String {
    "Give the server's container the programs and the configuration, and let timers on the host do the rest:\n\n    \
     cp packaging/quadlet/* /etc/containers/systemd/\n    systemctl daemon-reload\n"
        .to_owned()
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
