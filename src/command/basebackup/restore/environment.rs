//! What `wal-fetch` would find in this environment, and a server that something else starts does not have in its own.

use super::options::RestoreOptions;
use crate::basebackup::restore::{OwnWal, RestorePlan};
use crate::config::{Config, ENDPOINT_VARIABLES, Location, S3Config, endpoint};

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

/// Says what the server lacks. One that this program starts has its environment, and needs it until it has recovered.
pub(super) fn needed(options: &RestoreOptions<'_>, plan: &RestorePlan<'_>) -> Option<String> {
    let own = options.restore_command.is_none() && options.recovery;
    let fetches = own && plan.own_wal(&options.target) != OwnWal::All;
    let has_it = options.start && !options.standby;
    if !fetches || has_it {
        return None;
    }
    let names =
        used(options.config, |name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let names = Some(names).filter(|names| !names.is_empty())?.join(", ");
    Some(format!(
        "the server fetches its WAL with its own environment, which has to have what this one has: {names}. Or write \
         credentials_file, region, endpoint and ca_file into the configuration"
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
