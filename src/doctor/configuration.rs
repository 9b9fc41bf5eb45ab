//! What is wrong with the configuration: files with secrets that others can get at, and settings that are set and have no
//! effect. What can only be a mistake is an error of the configuration itself; these may be meant for another day.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use bytesize::ByteSize;

use super::account::{Account, READ};
use super::finding::{Diagnosis, Mend};
use super::server::{Host, SeenServer};
use crate::config::{BANDWIDTH, Config, Location, RedisAddress, Resolved, ValueOrigin};

/// Looks at every file with a secret that the configuration names, and at the configuration itself.
pub fn secrets(
    config: &Config,
    file: Option<&Path>,
    server: Option<&SeenServer>,
) -> Vec<Diagnosis> {
    let host = server.and_then(|server| server.host.as_ref().ok());
    let mut findings = Vec::new();
    findings.extend(file.map(configuration_file));
    let identity = config.encryption.identity_file.as_deref();
    findings.extend(identity.map(|path| secret("encryption.identity_file", path, host)));
    let in_recovery = server.is_some_and(|server| server.in_recovery);
    if let Some(path) = identity.filter(|path| host.is_some() && !in_recovery && path.exists()) {
        findings.push(private_key(path));
    }
    let redis = &config.redis;
    let password = redis.password_file.as_deref();
    findings.extend(password.map(|path| secret("redis.password_file", path, host)));
    let key = redis.tls.certificate.as_ref();
    findings.extend(key.map(|(_, path)| secret("redis.key_file", path, host)));
    for repository in &config.repositories {
        let Location::S3(s3) = &repository.location else { continue };
        let Some(path) = s3.credentials_file.as_deref() else { continue };
        let what = format!("credentials_file of {}", repository.name);
        findings.push(secret(&what, path, host));
        findings.extend(host.and_then(|host| needed_by(&what, path, host)));
    }
    findings
}

/// Who may change it decides what runs with its hooks, and where backups go.
fn configuration_file(path: &Path) -> Diagnosis {
    let what = "configuration file";
    match fs::metadata(path) {
        Err(error) => Diagnosis::problem(what, format!("can't look at {path:?}: {error}")),
        Ok(metadata) if metadata.mode() & 0o022 != 0 => {
            let mode = metadata.mode() & 0o777;
            Diagnosis::problem(
                what,
                format!("{mode:04o}: others than its owner may change {path:?}"),
            )
            .mend(Mend::Shell(format!("chmod go-w {}", path.display())))
        }
        Ok(_) => Diagnosis::good(what, path.display().to_string()),
    }
}

fn secret(what: &str, path: &Path, host: Option<&Host>) -> Diagnosis {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => return Diagnosis::problem(what, format!("can't look at {path:?}: {error}")),
    };
    let mode = metadata.mode() & 0o777;
    let chmod = |change: &str| Mend::Shell(format!("chmod {change} {}", path.display()));
    if mode & 0o007 != 0 {
        let found = format!("{mode:04o}: everybody on this host can get at {path:?}");
        return Diagnosis::problem(what, found).mend(chmod("o="));
    }
    // A file of root's that the server has to read is its group's.
    let mut groups = host.map(|host| host.account.clone()).into_iter().chain(Account::own());
    let known = groups.any(|account| account.gid == metadata.gid());
    if mode & 0o020 != 0 || (mode & 0o040 != 0 && !known) {
        let found = format!("{mode:04o}: the group {} can get at {path:?}", metadata.gid());
        return Diagnosis::warning(what, found).mend(chmod("g="));
    }
    Diagnosis::good(what, format!("{mode:04o}"))
}

fn private_key(path: &Path) -> Diagnosis {
    let found = format!(
        "the private key {path:?} is on the database host: whoever breaks into the host can read every backup"
    );
    Diagnosis::warning("encryption.identity_file", found).advice(
        "Move it to where you restore, and keep it on paper too; here only recipients are needed.",
    )
}

/// The server's own `wal-push` reads it as well.
fn needed_by(what: &str, path: &Path, host: &Host) -> Option<Diagnosis> {
    let readable = host.account.may(path, READ).ok()?;
    let (user, group) = (host.account.name(), host.account.group_name());
    let path = path.display();
    (!readable).then(|| {
        Diagnosis::problem(
            what,
            format!("the user {user}, who runs the server, may not read {path}"),
        )
        .mend(Mend::Shell(format!("chgrp {group} {path} && chmod 0640 {path}")))
    })
}

/// Settings that are set and have no effect.
pub fn idle_settings(resolved: &Resolved, config: &Config) -> Vec<Diagnosis> {
    let mut findings = Vec::new();
    let clear = |encrypt: Option<bool>| encrypt == Some(false);
    if config.repositories.iter().all(|one| clear(one.encrypt)) {
        for key in ["encryption.recipients", "encryption.recipients_file"] {
            findings.extend(idle(resolved, key, "every repository has encrypt = false"));
        }
    }
    if let RedisAddress::Tcp { tls: false, .. } | RedisAddress::Unix(_) = config.redis.address {
        for key in ["redis.ca_file", "redis.cert_file", "redis.key_file"] {
            findings.extend(idle(resolved, key, "redis.url does not begin with rediss://"));
        }
    }
    if config.media.is_empty() {
        let media = |key: &str| {
            ["media_backup.", "objectives.media_", "drill.media_"]
                .iter()
                .any(|it| key.starts_with(it))
        };
        for (key, _) in resolved.values().filter(|(key, _)| media(key)) {
            findings.extend(idle(resolved, key, "there is no [media.NAME]"));
        }
    }
    if config.wal.look_ahead == 0 {
        findings.extend(idle(resolved, "wal.look_ahead_size", "wal.look_ahead is 0"));
    }
    if config.wal.prefetch == 0 {
        findings.extend(idle(resolved, "wal.prefetch_size", "wal.prefetch is 0"));
    }
    findings.extend(certificates(config));
    findings
}

/// What the bandwidth limit allows. A backup that takes longer than `prune` waits for one counts as given up.
pub fn bandwidth(config: &Config) -> Option<Diagnosis> {
    let rate = config.bandwidth?;
    let (shown, count) = (ByteSize(rate), config.repositories.len() as u64);
    let keeps = [
        ("basebackup", "retention", config.retention.keep.unfinished),
        ("media-backup", "media_backup", config.media_backup.keep.unfinished),
        ("redis-backup", "redis", config.redis.keep.unfinished),
    ];
    let (program, table, shortest) = keeps.into_iter().min_by_key(|(_, _, time)| *time)?;
    let most = ByteSize(rate.saturating_mul(shortest.as_secs()) / count.max(1));
    let whole = if count == 1 { "" } else { " over all repositories together" };
    let time = humantime::format_duration(shortest);
    Some(Diagnosis::note(
        BANDWIDTH,
        format!(
            "{shown} a second{whole}: a backup of more than {most} (as stored) takes longer than {table}.keep_unfinished ({time}), \
             and then `{program} prune` deletes it before it is finished"
        ),
    ))
}

/// A finding where somebody has set it.
fn idle(resolved: &Resolved, key: &str, why: &str) -> Option<Diagnosis> {
    let (_, found) = resolved.values().find(|(name, _)| *name == key)?;
    let (_, origin) = found.filter(|(_, origin)| *origin != ValueOrigin::Default)?;
    let mend = match origin {
        ValueOrigin::File(path, line) => format!("# remove line {line} of {}", path.display()),
        other => format!("# remove {other}"),
    };
    Some(Diagnosis::warning(key, format!("no effect: {why}")).mend(Mend::Line(mend)))
}

fn certificates(config: &Config) -> Vec<Diagnosis> {
    let plain = config.repositories.iter().filter(|one| match &one.location {
        Location::S3(s3) => {
            let endpoint = s3.endpoint.as_deref().unwrap_or_default();
            s3.ca_file.is_some() && endpoint.starts_with("http:")
        }
        Location::Folder(_) => false,
    });
    let finding = |name: &str| {
        Diagnosis::warning(format!("ca_file of {name}"), "no effect: the endpoint is not https://")
            .mend(Mend::Line("endpoint = \"https://…\"".to_owned()))
    };
    plain.map(|one| finding(&one.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::of_text;

    fn found(text: &str) -> Vec<String> {
        let resolved = of_text(&format!("{text}\n[[repository]]\nurl = \"/b\"\n")).unwrap();
        let config = Config::from_resolved(&resolved).unwrap();
        let findings = idle_settings(&resolved, &config);
        findings.into_iter().map(|it| format!("{}: {}", it.what, it.found)).collect()
    }

    #[test]
    fn what_has_no_effect_is_named_and_nothing_else() {
        assert_eq!(
            found("cluster = \"a\"\n[media.x]\npaths = [\"/x\"]\n[redis]\nuser = \"a\"\n"),
            [""; 0]
        );
        assert_eq!(
            found(
                "[wal]\nlook_ahead = 0\nlook_ahead_size = \"1MiB\"\n[objectives]\nmedia_age = \"1d\"\n"
            ),
            [
                "objectives.media_age: no effect: there is no [media.NAME]",
                "wal.look_ahead_size: no effect: wal.look_ahead is 0",
            ]
        );
        assert_eq!(
            found("[redis]\nca_file = \"/ca\"\n"),
            ["redis.ca_file: no effect: redis.url does not begin with rediss://"]
        );
    }

    #[test]
    fn a_bandwidth_limit_is_told_with_what_it_allows() {
        let said = |limits: &str| {
            let text = format!(
                "[limits]\n{limits}\n[[repository]]\nurl = \"/b\"\n[[repository]]\nurl = \"/c\"\n"
            );
            let config = Config::from_resolved(&of_text(&text).unwrap()).unwrap();
            bandwidth(&config).map(|it| it.found)
        };
        assert_eq!(said("attempts = 5"), None);
        assert_eq!(
            said("bandwidth = \"1MiB\"").unwrap(),
            "1.0 MiB a second over all repositories together: a backup of more than 42.2 GiB (as stored) takes longer than \
             retention.keep_unfinished (1day), and then `basebackup prune` deletes it before it is finished"
        );
    }

    #[test]
    fn recipients_for_nobody() {
        let text = "[encryption]\nrecipients = [\"age1\"]\n[[repository]]\nurl = \"/b\"\nencrypt = false\n";
        let resolved = of_text(text).unwrap();
        let config = Config::from_resolved(&resolved).unwrap();
        let mends: Vec<String> = idle_settings(&resolved, &config)
            .into_iter()
            .map(|it| format!("{}: {} | {}", it.what, it.found, it.mend.unwrap().text()))
            .collect();
        assert_eq!(
            mends,
            [
                "encryption.recipients: no effect: every repository has encrypt = false | # remove line 2 of "
            ]
        );
    }
}
