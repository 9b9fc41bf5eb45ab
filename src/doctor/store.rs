//! A repository as it really behaves, found out with objects that are written, read and removed again.
//!
//! `objects` does the steps. Here is their order, what later ones need first; and what keeps the objects of a store from being
//! overwritten or deleted: conditional writes, versioning, object lock. What a store lacks is a note or a warning. It is a problem
//! only where the configuration relies on it.

mod objects;

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

use self::objects::ProbeObjects;
use super::finding::{Diagnosis, Section};
use super::repository_folder;
use super::server::SeenServer;
use crate::config::{ConditionalPut, Config, Limits, Location, RepositoryConfig};
use crate::doctor::finding::Mend;
use crate::error::{Class, Result};
use crate::storage::{self, ConditionSupport, Protection, Stated, Storage};

/// A store in trouble is said to be, without five more tries.
const ATTEMPTS: u32 = 2;

/// Looks at every repository, in order.
pub fn repositories(config: &Config, server: Option<&SeenServer>) -> Vec<Section> {
    config.repositories.iter().map(|one| repository(one, config, server)).collect()
}

fn repository(one: &RepositoryConfig, config: &Config, server: Option<&SeenServer>) -> Section {
    let (mut findings, mut go_on) = (Vec::new(), true);
    if let Location::Folder(root) = &one.location {
        (findings, go_on) = repository_folder::look(
            root,
            server,
            config.objectives.free_space,
            config.repositories.len() == 1,
        );
    }
    if go_on {
        let limits = Limits { attempts: config.limits.attempts.min(ATTEMPTS), ..config.limits };
        match open(one, limits) {
            Ok(storage) => findings.extend(probe(&*storage, one)),
            Err(error) => findings.push(Diagnosis::problem("open", error.to_string())),
        }
        if let Location::Folder(root) = &one.location {
            findings.extend(given_back(root));
        }
    }
    findings.push(encryption(one, config));
    Section { about: format!("repository {}, {}", one.name, one.url), findings }
}

fn open(one: &RepositoryConfig, limits: Limits) -> Result<Box<dyn Storage>> {
    storage::open(one, limits, None)
}

/// What root has made here belongs to whom the repository belongs to.
fn given_back(root: &Path) -> Option<Diagnosis> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let error = storage::give_to_owner(root).err()?;
    Some(Diagnosis::problem("owner", error.to_string()))
}

fn encryption(one: &RepositoryConfig, config: &Config) -> Diagnosis {
    let keys = config.encryption.recipients.len();
    if keys > 0 && one.encrypt.unwrap_or(true) {
        let plural = if keys == 1 { "key" } else { "keys" };
        return Diagnosis::good("encryption", format!("to {keys} public {plural}"));
    }
    Diagnosis::note("encryption", "none: whoever can read the store can read the database")
        .advice("encryption.recipients = [\"age1…\"]; `seawall init` makes a key pair.")
}

/// Everything a probe writes lies below it, each in a folder of its own.
const FOLDER: &str = "seawall-doctor";

/// Probes of others that are younger may still be at work.
const ABANDONED: Duration = Duration::from_secs(3600);

/// The length of the large object, in bytes: three parts of a multipart upload. Where it can't be removed
/// again, one part and a little.
const LARGE: usize = 20 << 20;
const LARGE_TO_STAY: usize = (8 << 20) + 1024;

const CONDITION: &str = "conditional write";

pub(crate) fn probe(storage: &dyn Storage, config: &RepositoryConfig) -> Vec<Diagnosis> {
    let folder = format!("{FOLDER}/{}", unique());
    let mut objects = ProbeObjects::new(storage, &folder);
    let mut findings = match objects.write() {
        Ok(finding) => vec![finding],
        Err(error) => return vec![Diagnosis::problem("write", error.to_string())],
    };
    let said = |what: &str, outcome: Result<Diagnosis>| {
        outcome.unwrap_or_else(|error| Diagnosis::problem(what, error.to_string()))
    };
    findings.push(said("write once", objects.write_again()));
    findings.extend(objects.condition().map(|found| condition(found, config)));
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
    if let Some(stated) = storage.protection() {
        findings.extend(protection(&stated));
    }
    findings
}

/// Removes what is left, and says what this host may do.
fn deletion(objects: &mut ProbeObjects<'_>, first: Result<()>) -> Diagnosis {
    let outcome = first.and_then(|()| objects.remove_all());
    let left = objects.left();
    match outcome {
        Ok(()) => {
            remove_abandoned(objects.storage);
            Diagnosis::good("delete", "this host may delete")
        }
        Err(error) if error.class() == Class::Refused => {
            let found = format!("this host may not: good for a database host ({left})");
            Diagnosis::note("delete", found).advice(format!(
                "`basebackup prune` has to run elsewhere; let a rule of the bucket remove {FOLDER}/ after a day."
            ))
        }
        Err(error) => Diagnosis::problem("delete", format!("{error} ({left})")),
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

/// What the store does with a condition, against what is configured.
fn condition(found: Result<ConditionSupport>, config: &RepositoryConfig) -> Diagnosis {
    let setting = match &config.location {
        Location::S3(s3) => s3.conditional_put,
        Location::Folder(_) => ConditionalPut::Auto,
    };
    let verb = match found {
        Err(error) => return Diagnosis::problem(CONDITION, error.to_string()),
        Ok(ConditionSupport::Honours) if setting == ConditionalPut::LookFirst => {
            return Diagnosis::note(
                CONDITION,
                "honoured, but conditional_put = \"look-first\" makes no use of it",
            )
            .mend(Mend::Line("conditional_put = \"auto\"".to_owned()));
        }
        Ok(ConditionSupport::Honours) => return Diagnosis::good(CONDITION, "honoured"),
        Ok(ConditionSupport::Ignores) => "ignored",
        Ok(ConditionSupport::Refuses) => "refused",
    };
    let weaker = "of two hosts that archive one name at the same instant the later may overwrite the earlier";
    match setting {
        ConditionalPut::Trust => {
            let found = format!(
                "{verb}, but conditional_put = \"trust\" relies on it: objects get overwritten"
            );
            Diagnosis::problem(CONDITION, found)
                .mend(Mend::Line("conditional_put = \"auto\"".to_owned()))
        }
        ConditionalPut::Auto => Diagnosis::warning(CONDITION, format!("{verb}: {weaker}"))
            .mend(Mend::Line("conditional_put = \"look-first\"  # if you accept that".to_owned())),
        ConditionalPut::LookFirst => Diagnosis::note(CONDITION, format!("{verb}, as configured")),
    }
}

/// What guards the objects against whoever gets this host's key.
fn protection(protection: &Protection) -> [Diagnosis; 2] {
    let finding = |what: &str, stated: &Stated, without: &str| match stated {
        Stated::On(text) => Diagnosis::good(what, text),
        Stated::Off(text) => Diagnosis::note(what, format!("{text}: {without}")),
        Stated::Unknown(reason) => Diagnosis::note(what, format!("unknown: {reason}")),
    };
    [
        finding("versioning", &protection.versioning, "what is deleted is gone"),
        finding(
            "object lock",
            &protection.object_lock,
            "whoever may delete objects can delete every backup",
        ),
    ]
}
