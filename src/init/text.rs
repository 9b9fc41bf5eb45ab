//! The configuration of `seawall init` as text, with comments.
//!
//! It is written for somebody who will read and change it; a setting that has its default is left out.

use super::{Answers, RepositoryPlace};
use crate::config::Value;

const HEAD: &str = "\
# Written by `seawall init`. The user that runs PostgreSQL has to be able to read it.
# Every setting, its default and its environment variable: docs/configuration.md.
# `seawall config show` prints what is in force and where it came from; `seawall doctor` looks whether it works.

# A folder in each repository; give every cluster that archives there a name of its own.
";

const STATE: &str = "
# What jobs remember from one run to the next.
";

const REPOSITORIES: &str = "
# Every push goes to all repositories; every read tries them in this order.
";

const NEEDED: &str = "
# A push succeeds when this many repositories have the file. The others are owed it, and get it when they are back.
# `seawall check` tells what is owed. docs/needed.md says what you promise with it.
";

const ENCRYPTION: &str = "
# Everything is encrypted to these public keys. The private key belongs to where one restores: there
# identity_file = \"/its/path\", and nowhere else.
[encryption]
";

const OBJECTIVES: &str = "
# What `seawall check` and `seawall doctor` measure against: how much may be lost, how long a restore may take, and how far back
# any second can be restored (as far as retention.wal_window keeps it).
[objectives]
";

const RETENTION: &str = "
# What `basebackup prune` keeps: back to any second of these days, and every base backup of them. Below are the defaults for
# how many of the newest of each day, week and month stay behind that.
[retention]
";

const KEPT: &str = "\
#keep_daily = 7
#keep_weekly = 4
#keep_monthly = 12
";

/// The configuration, with comments. `recipients` are the public keys to encrypt to.
pub(crate) fn text(answers: &Answers, recipients: &[String]) -> String {
    let mut text = format!("{HEAD}{}", line("cluster", &answers.cluster));
    if let Some(path) = &answers.state_directory {
        text += &format!("{STATE}{}", line("state_directory", &path.display().to_string()));
    }
    if let Some(needed) = answers.needed {
        text += &format!("{NEEDED}needed = {needed}\n");
    }
    text += REPOSITORIES;
    let tables: Vec<String> = answers.repositories.iter().map(repository).collect();
    text += &tables.join("\n");
    if recipients.is_empty() {
        text += "\n# Without recipients nothing is encrypted: who can read a repository can read the database.\n";
        text += "#[encryption]\n#recipients = [\"age1…\"]\n";
    } else {
        let list = Value::List(recipients.to_vec());
        text += &format!("{ENCRYPTION}recipients = {list}\n");
    }
    if let Some(connection) = &answers.connection {
        text += &format!(
            "\n# How to reach the server.\n[postgres]\n{}",
            line("connection", connection)
        );
    }
    text += OBJECTIVES;
    text += &(line("rpo", &answers.rpo) + &line("rto", &answers.rto));
    text += &line("reaches_back", &answers.reaches_back);
    let kept = ["wal_window", "keep_within"].map(|key| line(key, &answers.reaches_back));
    text += &format!("{RETENTION}{}{KEPT}", kept.concat());
    if let Some(url) = &answers.redis_url {
        text += &format!("\n[redis]\n{}", line("url", url));
        text += "#user = \"backup\"\n#password_file = \"/etc/seawall/redis.password\"\n";
    }
    text + &media(answers)
}

fn repository(place: &RepositoryPlace) -> String {
    let mut table = format!("[[repository]]\n{}", line("url", &place.url));
    if !place.is_bucket() {
        return table;
    }
    let credentials = place.credentials_file.as_ref().map(|path| path.display().to_string());
    let values = [
        ("endpoint", place.endpoint.clone()),
        ("region", place.region.clone()),
        ("credentials_file", credentials),
    ];
    for (key, value) in values {
        table += &value.map(|value| line(key, &value)).unwrap_or_default();
    }
    table
}

fn media(answers: &Answers) -> String {
    let mut names: Vec<&String> = answers.media.iter().map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    let table = |name: &String| {
        let paths = answers.media.iter().filter(|(of, _)| of == name);
        let paths = paths.map(|(_, path)| path.display().to_string()).collect();
        let bare = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        let key = if name.chars().all(bare) { name.clone() } else { quoted(name) };
        format!("\n[media.{key}]\npaths = {}\n", Value::List(paths))
    };
    names.into_iter().map(table).collect()
}

fn line(key: &str, value: &str) -> String {
    format!("{key} = {}\n", quoted(value))
}

fn quoted(text: &str) -> String {
    Value::Text(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use crate::config::{Config, NeededCopies, of_text};
    use crate::init::Encryption;

    use super::*;

    fn answers() -> Answers {
        let bucket = RepositoryPlace {
            url: "s3://shop/backups".to_owned(),
            endpoint: Some("https://s3.example.com".to_owned()),
            region: None,
            credentials_file: Some("/etc/seawall/s3".into()),
        };
        let folder = RepositoryPlace {
            url: "/var/backups/se\"awall".to_owned(),
            endpoint: None,
            region: None,
            credentials_file: None,
        };
        Answers {
            data_directory: None,
            cluster: "shop".to_owned(),
            repositories: vec![folder, bucket],
            needed: Some(1),
            encryption: Encryption::None,
            rpo: "2m".to_owned(),
            rto: "1h".to_owned(),
            reaches_back: "30d".to_owned(),
            connection: Some("host=db user=backup".to_owned()),
            redis_url: Some("redis://db:6379".to_owned()),
            media: vec![
                ("b".into(), "/srv/b".into()),
                ("a".into(), "/srv/a".into()),
                ("b".into(), "/srv/c".into()),
            ],
            output: "/etc/seawall/seawall.toml".into(),
            identity_file: "/etc/seawall/key".into(),
            container: false,
            rootless: false,
            state_directory: None,
        }
    }

    #[test]
    fn every_answer_comes_back_from_the_configuration() {
        let text = text(&answers(), &["age1x".to_owned()]);
        let config = Config::from_resolved(&of_text(&text).unwrap()).unwrap();
        let urls: Vec<&str> = config.repositories.iter().map(|it| it.url.as_str()).collect();
        assert_eq!(urls, ["/var/backups/se\"awall", "s3://shop/backups"]);
        assert_eq!(
            (config.cluster.as_str(), config.connection.as_str()),
            ("shop", "host=db user=backup")
        );
        assert_eq!(config.needed, NeededCopies::AtLeast(NonZeroUsize::MIN));
        assert_eq!(config.encryption.recipients, ["age1x"]);
        assert_eq!((config.objectives.rpo.as_secs(), config.objectives.rto.as_secs()), (120, 3600));
        let month = std::time::Duration::from_secs(30 * 86_400);
        assert_eq!(config.objectives.reaches_back, Some(month));
        assert_eq!((config.retention.wal_window, config.retention.keep.within), (month, month));
        assert_eq!(config.redis.address.to_string(), "redis://db:6379");
        let sets: Vec<(&str, usize)> =
            config.media.iter().map(|set| (set.name.as_str(), set.paths.len())).collect();
        assert_eq!(sets, [("a", 1), ("b", 2)]);
    }

    #[test]
    fn what_was_not_asked_for_is_not_set() {
        let bare =
            Answers { needed: None, connection: None, redis_url: None, media: vec![], ..answers() };
        let resolved = of_text(&text(&bare, &[])).unwrap();
        let config = Config::from_resolved(&resolved).unwrap();
        assert!(config.encryption.recipients.is_empty() && config.media.is_empty());
        assert_eq!(config.needed, NeededCopies::All);
        assert_eq!(config.redis.address.to_string(), "redis://127.0.0.1:6379");
    }
}
