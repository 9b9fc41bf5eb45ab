//! A repository as it really behaves, found out with objects that are written, read and removed again.
//!
//! `objects` does the steps, and `probe` sets their order and judges what guards the objects.

mod objects;
mod probe;

use std::path::Path;

use super::finding::{Diagnosis, Section};
use super::repository_folder;
use super::server::SeenServer;
use crate::config::{Config, Limits, Location, RepositoryConfig};
use crate::error::Result;
use crate::storage::{self, Storage};

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
            Ok(storage) => findings.extend(probe::probe(&*storage, one)),
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
