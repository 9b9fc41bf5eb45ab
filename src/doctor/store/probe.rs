//! The order of the probes: what later ones need is found out first.

use std::ops::ControlFlow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

use super::objects::{self, Objects};
use super::protection;
use crate::config::RepositoryConfig;
use crate::doctor::finding::Finding;
use crate::error::{Class, Error};
use crate::storage::Storage;

/// Everything a probe writes lies below it, each in a folder of its own.
pub const FOLDER: &str = "seawall-doctor";

/// Probes of others that are younger may still be at work.
const ABANDONED: Duration = Duration::from_secs(3600);

/// The length of the large object, in bytes: three parts of a multipart upload. Where it can't be removed
/// again, one part and a little.
const LARGE: usize = 20 << 20;
const LARGE_TO_STAY: usize = (8 << 20) + 1024;

pub fn probe(storage: &dyn Storage, config: &RepositoryConfig) -> Vec<Finding> {
    let folder = format!("{FOLDER}/{}", unique());
    let mut objects = Objects::new(storage, &folder);
    let mut findings = match objects.write() {
        Ok(finding) => vec![finding],
        Err(error) => return vec![Finding::problem("write", error.to_string())],
    };
    let said = |what: &str, outcome: Result<Finding, Error>| {
        outcome.unwrap_or_else(|error| Finding::problem(what, error.to_string()))
    };
    findings.push(said("write once", objects.write_again()));
    findings.extend(objects.condition(config));
    findings.push(said("read", objects.read()));
    findings.push(said("read a range", objects.read_range()));
    findings.extend(objects.list());
    if !storage.reads_are_cheap() {
        findings.push(said("latency", objects.latency()));
    }
    let removal = objects.remove_all();
    let size = if removal.is_ok() { LARGE } else { LARGE_TO_STAY };
    findings.extend(objects.large(size));
    findings.extend(objects::pending_uploads(storage));
    findings.push(deletion(&mut objects, removal));
    if let Some(protection) = storage.protection() {
        findings.extend(protection::findings(&protection));
    }
    findings
}

/// Removes what is left, and says what this host may do.
fn deletion(objects: &mut Objects<'_>, first: Result<(), Error>) -> Finding {
    let outcome = first.and_then(|()| objects.remove_all());
    let left = objects.left();
    match outcome {
        Ok(()) => {
            remove_abandoned(objects.storage);
            Finding::good("delete", "this host may delete")
        }
        Err(error) if error.class() == Class::Refused => {
            let found = format!("this host may not: good for a database host ({left})");
            Finding::note("delete", found).advice(format!(
                "`basebackup prune` has to run elsewhere; let a rule of the bucket remove {FOLDER}/ after a day."
            ))
        }
        Err(error) => Finding::problem("delete", format!("{error} ({left})")),
    }
}

/// What probes that were killed have left. Nobody misses it if this fails.
fn remove_abandoned(storage: &dyn Storage) {
    let mut keys = Vec::new();
    let _ = storage.list(&format!("{FOLDER}/"), "", &mut |listed| {
        let age = listed.created.map(|created| Timestamp::now().duration_since(created));
        if age.is_some_and(|age| age.as_secs() > ABANDONED.as_secs().cast_signed()) {
            keys.push(listed.key.to_owned());
        }
        ControlFlow::Continue(())
    });
    for key in keys {
        if let Err(error) = storage.delete(&key) {
            tracing::debug!("could not remove {key}, left by an earlier probe: {error}");
        }
    }
}

fn unique() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:x}-{:x}", now.as_nanos(), std::process::id())
}
