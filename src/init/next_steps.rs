//! What is left to do after a first configuration, in order, as lines to type.

mod host;
mod places;

use super::{Answers, Encryption};
use crate::config::{DEFAULT_FILE, own_file};
use crate::doctor::Account;
use host::{settings, timers};
use places::{Typist, credentials, folders};

const HEAD: &str = "\
What is left to do, in this order; docs/first-day.md (a package has it in /usr/share/doc/seawall) shows what each
step prints:
";

/// What is left to do, in order, as lines to type: up to a `seawall check` that has nothing to say. `owner` is
/// whom the data directory belongs to.
pub(crate) fn next_steps(answers: &Answers, owner: Option<&Account>) -> String {
    let user = owner.map_or("postgres".to_owned(), Account::name);
    let hands = Typist::of(answers, &user);
    let server = if answers.container {
        host::container_server(answers, &hands)
    } else {
        settings(answers, &user)
    };
    let steps = [
        answers.rootless.then(linger),
        folders(answers, owner, &hands),
        credentials(answers, owner, &hands),
        Some(server),
        Some(first_backups(answers, &hands)),
        Some(first_drills(answers, &user, &hands)),
        keep_key(answers, &hands),
        Some(look(answers, &hands)),
        Some(timers(answers, &hands)),
    ];
    let number = |(at, step): (usize, String)| format!("\n{}. {step}", at + 1);
    let steps: String = steps.into_iter().flatten().enumerate().map(number).collect();
    format!("{HEAD}{steps}")
}

/// The names of the sets of media files, each once.
fn sets(answers: &Answers) -> Vec<&String> {
    let mut sets: Vec<&String> = answers.media.iter().map(|(name, _)| name).collect();
    sets.sort();
    sets.dedup();
    sets
}

/// Where the programs do not look by themselves.
fn config(answers: &Answers) -> String {
    let own = own_file().filter(|_| answers.rootless);
    let usual = own.unwrap_or_else(|| DEFAULT_FILE.into());
    if answers.output == usual {
        return String::new();
    }
    format!(" --config {}", answers.output.display())
}

fn linger() -> String {
    "Let your services run while you are not logged in:\n\n    loginctl enable-linger \"$USER\"\n"
        .to_owned()
}

fn first_backups(answers: &Answers, hands: &Typist) -> String {
    format!("Take the first backup:\n\n{}", of_each(answers, hands, "create", "", None))
}

/// Without a drill `seawall check` is not content: nobody knows whether a restore works.
fn first_drills(answers: &Answers, user: &str, hands: &Typist) -> String {
    let path = answers.identity_file.display();
    let drill = answers.container.then(|| host::container_drill(answers, hands));
    let drills = |more: &str| of_each(answers, hands, "drill", more, drill.as_deref());
    match &answers.encryption {
        Encryption::None => format!("Rehearse a restore of it:\n\n{}", drills("")),
        Encryption::NewKey => {
            let chown = hands.host(&format!("chown {user} {path}"));
            let chown = if answers.rootless { String::new() } else { chown };
            format!(
                "Rehearse a restore of it, as long as the private key is here:\n\n{chown}{}",
                drills(&format!(" --encryption-identity-file {path}"))
            )
        }
        Encryption::To(_) => format!(
            "Rehearse a restore of it, on a host that has the private key and this configuration:\n\n{}",
            of_each(answers, hands, "drill", " --encryption-identity-file FILE", None)
        ),
    }
}

/// As the users of the units do it: media files belong to anybody. `basebackup` is another way to the first line.
fn of_each(
    answers: &Answers,
    hands: &Typist,
    verb: &str,
    more: &str,
    basebackup: Option<&str>,
) -> String {
    let more = format!("{more}{}", config(answers));
    let usual = || hands.server(&format!("basebackup {verb}{more}"));
    let mut lines = basebackup.map_or_else(usual, str::to_owned);
    if answers.redis_url.is_some() {
        lines += &hands.server(&format!("redis-backup {verb}{more}"));
    }
    for set in sets(answers) {
        lines += &hands.host(&format!("media-backup {verb} --set {set}{more}"));
    }
    lines
}

fn keep_key(answers: &Answers, hands: &Typist) -> Option<String> {
    let path = answers.identity_file.display();
    (answers.encryption == Encryption::NewKey).then(|| {
        format!(
            "Take the private key off this host: without it nobody can read a backup, and whoever \
             has it can read all of them. Keep two copies of what this prints, apart from the \
             backups: one in a password manager, one on paper.\n\n{}\n\
             Then remove it here:\n\n{}",
            hands.host(&format!("cat {path}")),
            hands.host(&format!("shred -u {path}"))
        )
    })
}

fn look(answers: &Answers, hands: &Typist) -> String {
    let config = config(answers);
    format!(
        "Check that all is well. `seawall check` says OK, and ends with status 0:\n\n{}{}",
        hands.server(&format!("seawall doctor{config}")),
        hands.server(&format!("seawall check{config}"))
    )
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::init::RepositoryPlace;

    pub fn answers() -> Answers {
        let folder = RepositoryPlace {
            url: "/b".to_owned(),
            endpoint: None,
            region: None,
            credentials_file: None,
        };
        Answers {
            data_directory: Some("/var/lib/postgresql/15/main".into()),
            cluster: "main".to_owned(),
            repositories: vec![folder],
            needed: None,
            encryption: Encryption::None,
            rpo: "1m".to_owned(),
            rto: "1h".to_owned(),
            reaches_back: "7d".into(),
            connection: None,
            redis_url: None,
            media: vec![],
            output: DEFAULT_FILE.into(),
            identity_file: "/key".into(),
            container: false,
            rootless: false,
            state_directory: None,
        }
    }

    /// The lines to type, without their indentation.
    fn typed(answers: &Answers) -> Vec<String> {
        let text = next_steps(answers, None);
        text.lines().filter_map(|line| line.strip_prefix("    ").map(str::to_owned)).collect()
    }

    #[test]
    fn a_container_is_told_by_its_unit_and_from_within() {
        let lines = typed(&Answers { container: true, ..answers() });
        for line in [
            "Volume=/usr/bin/wal-push:/usr/bin/wal-push:ro",
            "Volume=/etc/seawall/seawall.toml:/etc/seawall/seawall.toml:ro",
            "Volume=/b:/b:z",
            "sudo systemctl start postgres",
            "sudo podman exec -it -u postgres postgres psql",
            "ALTER SYSTEM SET archive_mode = 'on';  -- restart needed",
            "sudo -u postgres basebackup create",
            "sudo podman run --rm --user postgres --network none \\",
            "    -v /usr/bin/basebackup:/usr/bin/basebackup:ro \\",
            "    basebackup drill",
            "sudo systemctl enable --now seawall-check.timer",
        ] {
            assert!(lines.iter().any(|found| found == line), "no {line}: {lines:?}");
        }
        // On the command line it would be stronger than what a restore sets.
        assert!(!lines.iter().any(|line| line.contains("-c archive_mode")), "{lines:?}");
        assert!(!lines.iter().any(|line| line.contains("/key")), "{lines:?}");
        assert!(!lines.iter().any(|line| line.contains("seawall-basebackup-drill")), "{lines:?}");
    }

    #[test]
    fn a_user_who_runs_all_of_it_needs_nobody() {
        let encryption = Encryption::NewKey;
        let own = Answers { container: true, rootless: true, encryption, ..answers() };
        let lines = typed(&own);
        assert!(!lines.iter().any(|line| line.contains("sudo")), "{lines:?}");
        for line in [
            "loginctl enable-linger \"$USER\"",
            "install -d -m 0700 /b",
            "systemctl --user start postgres",
            "podman run --rm --userns keep-id:uid=999,gid=999 --network none \\",
            "    -v /key:/key:ro \\",
            "    basebackup drill --encryption-identity-file /key",
            "shred -u /key",
            "systemctl --user enable --now seawall-basebackup.timer",
        ] {
            assert!(lines.iter().any(|found| found == line), "no {line}: {lines:?}");
        }
    }

    #[test]
    fn the_order_leads_to_a_check_that_has_nothing_to_say() {
        let media = vec![("up".to_owned(), "/srv".into()), ("up".to_owned(), "/srv2".into())];
        let redis_url = Some("redis://db".to_owned());
        let connection = Some("host=/run/postgresql port=5433".to_owned());
        let lines = typed(&Answers { media, redis_url, connection, ..answers() });
        let expected = [
            "sudo install -d -m 0700 -o postgres -g postgres /b",
            "sudo -u postgres psql 'host=/run/postgresql port=5433'",
            "ALTER SYSTEM SET wal_level = 'replica';  -- restart needed",
            "ALTER SYSTEM SET archive_mode = 'on';  -- restart needed",
            "ALTER SYSTEM SET archive_command = 'wal-push \"%p\" %f';",
            "ALTER SYSTEM SET archive_timeout = '30s';",
            "\\q",
            "sudo systemctl restart postgresql@15-main",
            "sudo -u postgres basebackup create",
            "sudo -u postgres redis-backup create",
            "sudo media-backup create --set up",
            "sudo -u postgres basebackup drill",
            "sudo -u postgres redis-backup drill",
            "sudo media-backup drill --set up",
            "sudo -u postgres seawall doctor",
            "sudo -u postgres seawall check",
            "sudo systemctl enable --now seawall-basebackup.timer",
            "sudo systemctl enable --now seawall-basebackup-verify.timer",
            "sudo systemctl enable --now seawall-basebackup-drill.timer",
            "sudo systemctl enable --now seawall-redis.timer",
            "sudo systemctl enable --now seawall-redis-verify.timer",
            "sudo systemctl enable --now seawall-redis-drill.timer",
            "sudo systemctl enable --now seawall-media@up.timer",
            "sudo systemctl enable --now seawall-media-verify@up.timer",
            "sudo systemctl enable --now seawall-media-drill@up.timer",
            "sudo systemctl enable --now seawall-check.timer",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn what_a_repository_is_owed_is_paid_by_a_timer() {
        let timer = "sudo systemctl enable --now seawall-settle.timer".to_owned();
        assert!(typed(&Answers { needed: Some(1), ..answers() }).contains(&timer));
        assert!(!typed(&answers()).contains(&timer));
    }

    #[test]
    fn a_bucket_wants_credentials_and_no_folder() {
        let bucket = |file: &str| RepositoryPlace {
            url: "s3://shop/backups".to_owned(),
            endpoint: None,
            region: None,
            credentials_file: Some(file.into()),
        };
        let of = |file: &str, container| {
            typed(&Answers { repositories: vec![bucket(file)], container, ..answers() })
        };
        let lines = of("/nowhere/s3", false);
        let expected = [
            "sudo install -m 0600 -o postgres -g postgres /dev/null /nowhere/s3",
            "sudoedit /nowhere/s3",
            "[default]",
            "aws_access_key_id = …",
            "aws_secret_access_key = …",
            "sudo -u postgres psql",
        ];
        assert_eq!(lines[..expected.len()], expected);
        let there = of("/etc/passwd", false);
        assert_eq!(there[0], "sudo -u postgres psql", "{there:?}");
        let lines = of("/etc/passwd", true);
        assert!(lines.contains(&"Volume=/etc/passwd:/etc/passwd:ro".to_owned()), "{lines:?}");
        // What lies in a bucket is fetched over the network.
        assert!(!lines.iter().any(|line| line.contains("--network none")), "{lines:?}");
    }

    #[test]
    fn a_new_key_is_there_for_the_drill_and_then_goes() {
        let connection = Some("host=db user=backup password=x".to_owned());
        let of = |encryption| {
            let connection = connection.clone();
            typed(&Answers { encryption, connection, output: "/etc/other".into(), ..answers() })
        };
        let lines = of(Encryption::NewKey);
        let at = lines.iter().position(|line| line == "sudo chown postgres /key").unwrap();
        let expected = [
            "sudo chown postgres /key",
            "sudo -u postgres basebackup drill --encryption-identity-file /key --config /etc/other",
            "sudo cat /key",
            "sudo shred -u /key",
            "sudo -u postgres seawall doctor --config /etc/other",
            "sudo -u postgres seawall check --config /etc/other",
        ];
        assert_eq!(lines[at..at + expected.len()], expected);
        assert!(lines.contains(&"sudo -u postgres psql".to_owned()), "{lines:?}");
        let elsewhere = of(Encryption::To(vec!["age1x".to_owned()]));
        for lines in [lines, elsewhere] {
            assert!(!lines.iter().any(|line| line.contains("-drill.timer")), "{lines:?}");
        }
    }
}
