//! Whether `needed` holds what it promises: it counts devices, and what lies on this host is lost with it.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Diagnosis;
use super::repository_folder::is_over_network;
use crate::config::{Config, Location, NeededCopies};
use crate::debts::Quorum;
use crate::storage;
use crate::words::listed;

/// Nothing where all repositories are needed.
pub fn needed(config: &Config) -> Option<Diagnosis> {
    let NeededCopies::AtLeast(number) = config.needed else { return None };
    let devices: Vec<String> = config
        .repositories
        .iter()
        .map(|one| {
            let opened = storage::open(one, config.limits, None);
            opened.map_or_else(|_| one.url.clone(), |storage| storage.device())
        })
        .collect();
    let names: Vec<&str> = config.repositories.iter().map(|one| one.name.as_str()).collect();
    let on_host: BTreeSet<usize> = (0..names.len()).filter(|at| is_on_host(config, *at)).collect();
    Some(judged(config, number.get(), &devices, &names, &on_host))
}

fn judged(
    config: &Config,
    number: usize,
    devices: &[String],
    names: &[&str],
    on_host: &BTreeSet<usize>,
) -> Diagnosis {
    let real = Quorum::on(config, devices.to_vec());
    // As if each had its own.
    let apart = Quorum::on(config, names.iter().map(|name| (*name).to_owned()).collect());
    let all = 0..names.len();
    let shared = shared(devices, names);
    let less = number.saturating_sub(1).max(1);
    let advice = format!("Put one of them on another device, or write needed = {less}.");
    if !real.is_met(all.clone()) {
        let found = format!(
            "{number}, but {shared} lie on one device, which counts once: no push can succeed"
        );
        return Diagnosis::problem("needed", found).advice(advice);
    }
    let stoppers: Vec<&str> =
        all.clone().filter(|at| real.needs(*at) && !apart.needs(*at)).map(|at| names[at]).collect();
    if !stoppers.is_empty() {
        let stoppers = listed(&stoppers);
        let found = format!(
            "{number}, and {shared} lie on one device, which counts once: no push succeeds while {stoppers} is away"
        );
        return Diagnosis::problem("needed", found).advice(advice);
    }
    if devices.iter().collect::<BTreeSet<_>>().len() == 1 {
        let found =
            format!("{number}, and {shared} lie on one device: all copies are lost with it");
        return Diagnosis::warning("needed", found).advice("Put one of them on another device.");
    }
    if !real.is_met(on_host.iter().copied()) {
        return Diagnosis::good("needed", number.to_string());
    }
    let away: Vec<&str> = all.filter(|at| !on_host.contains(at)).map(|at| names[at]).collect();
    let found = match away.is_empty() {
        true => format!("{number}, and all repositories are on this host: they are lost with it"),
        false => format!(
            "{number}: a push succeeds with what is on this host alone. If the host is lost while {} is away, what was written \
             meanwhile is lost",
            listed(&away)
        ),
    };
    Diagnosis::note("needed", found)
        .advice("docs/needed.md tells what you promise with it; `seawall check` shows the RPO of each repository.")
}

/// A folder on a file system that another host has is there when this one is lost.
fn is_on_host(config: &Config, at: usize) -> bool {
    match &config.repositories[at].location {
        Location::Folder(root) => !is_over_network(root),
        Location::S3(_) => false,
    }
}

/// Those of the device that has most of them.
fn shared(devices: &[String], names: &[&str]) -> String {
    let mut by_device: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (device, name) in devices.iter().zip(names) {
        by_device.entry(device).or_default().push(name);
    }
    listed(&by_device.into_values().max_by_key(Vec::len).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::of_text;
    use crate::doctor::Severity;

    fn found(number: usize, devices: &[&str], on_host: &[usize]) -> (Severity, String) {
        let tables: String = (0..devices.len())
            .map(|at| format!("[[repository]]\nname = \"r{at}\"\nurl = \"/r{at}\"\n"))
            .collect();
        let resolved = of_text(&format!("needed = {number}\n{tables}")).unwrap();
        let config = Config::from_resolved(&resolved).unwrap();
        let names: Vec<&str> = config.repositories.iter().map(|one| one.name.as_str()).collect();
        let devices: Vec<String> = devices.iter().map(|device| (*device).to_owned()).collect();
        let on_host = on_host.iter().copied().collect();
        let found = judged(&config, number, &devices, &names, &on_host);
        (found.verdict, found.found)
    }

    #[test]
    fn what_lies_on_one_device_counts_once() {
        let (verdict, said) = found(2, &["disk", "disk", "disk"], &[]);
        assert_eq!(verdict, Severity::Problem);
        assert_eq!(
            said,
            "2, but r0, r1 and r2 lie on one device, which counts once: no push can succeed"
        );
        let (verdict, said) = found(2, &["disk", "bucket", "disk"], &[]);
        assert_eq!(verdict, Severity::Problem);
        assert_eq!(
            said,
            "2, and r0 and r2 lie on one device, which counts once: no push succeeds while r1 is away"
        );
        let (verdict, said) = found(1, &["disk", "disk"], &[0, 1]);
        assert_eq!(verdict, Severity::Warning);
        assert_eq!(said, "1, and r0 and r1 lie on one device: all copies are lost with it");
    }

    #[test]
    fn what_is_on_this_host_is_lost_with_it() {
        let (verdict, said) = found(1, &["disk", "bucket"], &[0]);
        assert_eq!(verdict, Severity::Note);
        assert_eq!(
            said,
            "1: a push succeeds with what is on this host alone. If the host is lost while r1 is away, what was written \
             meanwhile is lost"
        );
        assert_eq!(found(1, &["bucket", "other"], &[]), (Severity::Good, "1".to_owned()));
        assert_eq!(found(2, &["disk", "bucket", "other"], &[0]), (Severity::Good, "2".to_owned()));
    }
}
