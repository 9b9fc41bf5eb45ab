//! Who called a restore. The server that it brings back fetches its WAL in an environment of its own, and may lack what is in
//! the caller's. And where Patroni called, for a replica or for a new cluster, whether the server archives is Patroni's to say:
//! `archive_mode = 'off'` in `postgresql.auto.conf` would count more than what Patroni writes, be carried to every node that is
//! made of this one, and show only once it leads.

use std::fs;
use std::path::Path;

use super::options::RestoreOptions;
use super::plan_text::Archiving;
use crate::basebackup::restore::{OwnWal, RestorePlan};
use crate::config::{Config, ENDPOINT_VARIABLES, Location, S3Config, endpoint};
use crate::error::{Class, Error, Result};

/// Where keys may come from, for a bucket whose repository names neither a file nor a profile.
const KEYS: [&str; 12] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
];
const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];
const WAY: [&str; 5] = ["AWS_CA_BUNDLE", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// Says what the server lacks of what `wal-fetch` would find in this environment. One that this program starts has its environment, and needs it until it has recovered.
pub(super) fn needed_environment(
    options: &RestoreOptions<'_>,
    plan: &RestorePlan<'_>,
) -> Option<String> {
    let own = options.restore_command.is_none() && options.recovery;
    let fetches = own && plan.own_wal(&options.wanted.target) != OwnWal::All;
    let has_it = options.start && !options.standby;
    if !fetches || has_it {
        return None;
    }
    let names =
        used(options.config, |name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let names = Some(names).filter(|names| !names.is_empty())?.join(", ");
    Some(format!(
        "the server fetches its WAL with its own environment, which must have these variables of \
         this shell: {names}. Or write credentials_file, region, endpoint and ca_file into the configuration"
    ))
}

fn used(config: &Config, variable: impl Fn(&str) -> Option<String>) -> Vec<&'static str> {
    let buckets = config.repositories.iter().filter_map(|it| match &it.location {
        Location::S3(s3) => Some(&**s3),
        Location::Folder(_) => None,
    });
    let of_bucket = |s3: &S3Config| {
        let keys = KEYS.into_iter().filter(|_| s3.credentials_file.is_none());
        let regions = REGIONS.into_iter().filter(|_| s3.region.is_none());
        let way = WAY.into_iter().filter(|name| *name != "AWS_CA_BUNDLE" || s3.ca_file.is_none());
        // One that the file names counts more, and is another one.
        let endpoints = ENDPOINT_VARIABLES.into_iter().filter(|name| {
            variable(name).is_some_and(|url| endpoint(&url, name).ok() == s3.endpoint)
        });
        keys.chain(regions).chain(way).chain(endpoints).collect::<Vec<_>>()
    };
    let mut names: Vec<&str> = buckets.flat_map(of_bucket).collect();
    names.retain(|name| variable(name).is_some());
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(*name));
    names
}

/// More are not between Patroni and a command of its configuration.
const GENERATIONS: usize = 8;

/// A node of Patroni's archives as Patroni says, and never otherwise behind its back.
pub(super) fn refuse_patroni(archiving: Archiving) -> Result<()> {
    if archiving != Archiving::Off || !called_by_patroni() {
        return Ok(());
    }
    let message = "Patroni called this restore without --standby and without --archive: the new node would never archive, \
                   whatever Patroni says";
    let hint = "Write --standby into the command of a method in create_replica_methods, --archive into that of bootstrap. \
                Whether the node archives is up to archive_mode in Patroni's configuration then.";
    Err(Error::new(Class::Usage, message).hint(hint))
}

/// It runs commands as its children; a script may be in between.
fn called_by_patroni() -> bool {
    let mut process = rustix::process::getppid().map(|it| it.as_raw_pid());
    for _ in 0..GENERATIONS {
        let Some(id) = process.filter(|id| *id > 0) else { return false };
        let words = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        if is_patroni(&words) {
            return true;
        }
        process = parent(id);
    }
    false
}

/// `patroni FILE`, `python3 /usr/bin/patroni FILE`, `python3 -m patroni FILE`.
fn is_patroni(command_line: &[u8]) -> bool {
    let words = command_line.split(|byte| *byte == 0).take(3).map(String::from_utf8_lossy);
    let words: Vec<_> = words.collect();
    let named = |word: &str, name: &str| Path::new(word).file_name().is_some_and(|it| it == name);
    let begins = |word: &str, name: &str| {
        Path::new(word).file_name().is_some_and(|it| it.to_string_lossy().starts_with(name))
    };
    match words.as_slice() {
        [first, ..] if named(first, "patroni") => true,
        [first, second, ..] if begins(first, "python") => {
            let module = second == "-m" && words.get(2).is_some_and(|it| it == "patroni");
            module || named(second, "patroni") || named(second, "patroni.py")
        }
        _ => false,
    }
}

fn parent(id: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patroni_is_known_by_its_command_line() {
        let of = |words: &[&str]| is_patroni(words.join("\0").as_bytes());
        for words in [
            &["/usr/bin/python3", "/usr/bin/patroni", "/etc/patroni.yml"][..],
            &["/opt/bin/python3.11", "/opt/bin/patroni", "/etc/patroni.yml"],
            &["python3", "-m", "patroni", "/etc/patroni.yml"],
            &["python", "/patroni/patroni.py", "/etc/patroni.yml"],
            &["/usr/bin/patroni", "/etc/patroni.yml"],
        ] {
            assert!(of(words), "{words:?}");
        }
        for words in [
            &["/usr/bin/python3", "/usr/bin/patronictl", "list"][..],
            &["vi", "/etc/patroni"],
            &["python3", "-c", "patroni"],
            &["bash"],
            &[],
        ] {
            assert!(!of(words), "{words:?}");
        }
    }
}
