//! Settings that are set and have no effect. What can only be a mistake is an error of the configuration
//! itself; these may be meant for another day.

use super::finding::{Finding, Mend};
use crate::config::{Config, Location, RedisAddress, Resolved, ValueOrigin};

pub fn idle_settings(resolved: &Resolved, config: &Config) -> Vec<Finding> {
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

/// A finding where somebody has set it.
fn idle(resolved: &Resolved, key: &str, why: &str) -> Option<Finding> {
    let (_, found) = resolved.values().find(|(name, _)| *name == key)?;
    let (_, origin) = found.filter(|(_, origin)| *origin != ValueOrigin::Default)?;
    let mend = match origin {
        ValueOrigin::File(path, line) => format!("# remove line {line} of {}", path.display()),
        other => format!("# remove {other}"),
    };
    Some(Finding::warning(key, format!("no effect: {why}")).mend(Mend::Line(mend)))
}

fn certificates(config: &Config) -> Vec<Finding> {
    let plain = config.repositories.iter().filter(|one| match &one.location {
        Location::S3(s3) => {
            let endpoint = s3.endpoint.as_deref().unwrap_or_default();
            s3.ca_file.is_some() && endpoint.starts_with("http:")
        }
        Location::Folder(_) => false,
    });
    let finding = |name: &str| {
        Finding::warning(format!("ca_file of {name}"), "no effect: the endpoint is not https://")
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
