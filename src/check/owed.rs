//! What a repository is owed: WAL and backups that it missed while it was away, where fewer repositories than all are needed.
//!
//! A note of a debt is a claim. What the repository shows that it has, it is not owed.

use std::time::Duration;

use jiff::Timestamp;

use super::finding::{CheckState, Finding, FindingDraft, age, at, count, objective, size, time};
use super::gather::Case;
use crate::backup::{Backup, Catalogue, Kind};
use crate::config::NeededCopies;
use crate::debts::{OwedTo, StopNotes, StoppedPayment};
use crate::postgres::{SystemIdentifier, WalFileName};

const PAYS: &str = "`seawall settle` copies it and says what stands in the way. seawall-settle.timer runs it every minute.";

const AWAY: &str = "The repository does not answer: see access. When it is back, `seawall settle` copies it; \
                    seawall-settle.timer runs it every minute.";

const GONE: &str = "Configure it again, or delete its notes below owed/ if it is gone for good.";

/// What is owed, without what is there.
#[derive(Default)]
struct Owed {
    files: u64,
    backups: u64,
    /// The WAL in bytes, before compression, as far as its size is known.
    bytes: u64,
    /// When the first became owed, by the clocks of the stores.
    since: Option<Timestamp>,
    /// What was to be there by now, as a promise says.
    late: Option<&'static str>,
}

/// What it is owed, and what it notes of repositories that nobody knows. `None` where all are needed and nothing is owed.
pub(super) fn of_repository(case: &Case<'_>, number: usize) -> Option<Finding> {
    let mut draft = FindingDraft::new(case.repository(number), "owed", None);
    let owed = Owed::to(case, accounts_of(case, number), Some(number));
    let is_expected = case.config.needed != NeededCopies::All;
    let unknown = unknown(case, number);
    if !is_expected && owed.is_nothing() && unknown.is_empty() {
        return None;
    }
    judge(case, number, &owed, &mut draft);
    for account in unknown {
        let owed = Owed::to(case, std::iter::once(account), None);
        let text = format!(
            "it notes that repository {}, which is not configured, is owed {}",
            account.name,
            owed.words()
        );
        draft.say(CheckState::Warning, text, GONE);
    }
    if let Some((_, error)) = unread(case).find(|(holder, _)| *holder == number) {
        draft.fail(CheckState::Unknown, "what others are owed can't be read in it: ", error);
    }
    Some(draft.finding())
}

fn judge(case: &Case<'_>, number: usize, owed: &Owed, draft: &mut FindingDraft) {
    let rpo = case.config.objectives.rpo;
    let waits = owed.since.map_or(0.0, |since| age(since, case.now));
    draft.number("seawall_owed_wal_files", owed.files as f64);
    draft.number("seawall_owed_backups", owed.backups as f64);
    draft.number("seawall_owed_wal_bytes", owed.bytes as f64);
    draft.measured("seawall_owed_age_seconds", waits, rpo.as_secs_f64());
    let stopped = stopped(case, number);
    for stop in &stopped {
        let hint = stop.hint.as_deref().unwrap_or(PAYS);
        draft.say(CheckState::Critical, stopped_words(stop), hint);
    }
    if owed.is_nothing() && !stopped.is_empty() {
        return;
    }
    if owed.is_nothing() {
        let others = case.gathered.ledger.failures.iter().any(|(holder, _)| *holder != number);
        draft.ok(match others {
            true => "nothing is owed to it, as far as the repositories that answer note it",
            false => "nothing is owed to it",
        });
        return;
    }
    let since = owed.since.map_or(String::new(), |since| {
        format!(", the oldest since {} ({})", at(since), time(waits))
    });
    let text = format!("it is owed {}{since}", owed.words());
    let hint = if case.answering().contains(&number) { PAYS } else { AWAY };
    match owed.late {
        Some("wal") => {
            let text = format!("{text}; expected at most {}", objective(rpo));
            draft.say(CheckState::Critical, text, hint);
        }
        Some(promise) => {
            let text = format!("{text}; a backup waits longer than objectives.{promise}");
            draft.say(CheckState::Critical, text, hint);
        }
        None => draft.say(CheckState::Warning, text, hint),
    }
}

/// What `seawall settle` of this host met last, as far as it is owed still. Other content is there under the name.
fn stopped(case: &Case<'_>, number: usize) -> Vec<StoppedPayment> {
    let notes = StopNotes::new(case.config.state_directory.as_deref());
    let mut stopped = notes.read(&case.repositories[number]);
    let is_noted = |file| accounts_of(case, number).any(|account| account.wal.contains_key(&file));
    let is_there = |(system, name)| has(case, number, system, name);
    stopped.retain(|stop| {
        stop.file().is_some_and(|file| is_noted(file) && (stop.is_conflict || !is_there(file)))
    });
    stopped
}

fn stopped_words(stop: &StoppedPayment) -> String {
    let reason = &stop.reason;
    match stop.is_conflict {
        true => format!("two lines of WAL, or an object in the way: {reason}"),
        false => format!("WAL that it is owed has no good copy any more: {reason}"),
    }
}

/// Whether a repository lacks WAL that it will get yet.
pub(super) fn is_owed_wal(case: &Case<'_>, number: usize) -> bool {
    Owed::to(case, accounts_of(case, number), Some(number)).files > 0
}

/// Whether it will get this WAL file yet.
pub(super) fn is_owed(
    case: &Case<'_>,
    number: usize,
    system: SystemIdentifier,
    name: WalFileName,
) -> bool {
    accounts_of(case, number).any(|account| account.wal.contains_key(&(system, name)))
}

fn accounts_of<'a>(case: &'a Case<'_>, number: usize) -> impl Iterator<Item = &'a OwedTo> {
    let all = case.gathered.ledger.accounts.iter();
    all.filter(move |account| account.payee(case.repositories) == Some(number))
}

/// Those that are owed something and not configured, if this repository is the first that notes it.
fn unknown<'a>(case: &'a Case<'_>, number: usize) -> Vec<&'a OwedTo> {
    let first = |account: &&OwedTo| {
        let noted = account.wal.values().chain(account.backups.values());
        noted.flat_map(|noted| &noted.holders).min() == Some(&number)
    };
    let all = case.gathered.ledger.accounts.iter();
    all.filter(|account| account.payee(case.repositories).is_none()).filter(first).collect()
}

/// Why repositories that answer can't say what others are owed.
fn unread<'a>(case: &'a Case<'_>) -> impl Iterator<Item = &'a (usize, crate::error::Error)> {
    let answering = case.answering();
    case.gathered.ledger.failures.iter().filter(move |(holder, _)| answering.contains(holder))
}

impl Owed {
    fn to<'a>(
        case: &Case<'_>,
        accounts: impl Iterator<Item = &'a OwedTo>,
        creditor: Option<usize>,
    ) -> Self {
        let mut owed = Self::default();
        for account in accounts {
            for ((system, name), noted) in &account.wal {
                if creditor.is_some_and(|number| has(case, number, *system, *name)) {
                    continue;
                }
                owed.files += 1;
                let is_segment = matches!(name, WalFileName::Segment(_));
                owed.bytes += if is_segment { segment_bytes(case, *system) } else { 0 };
                owed.is_since(case, noted.since, case.config.objectives.rpo, "wal");
            }
            for (what, noted) in &account.backups {
                if creditor.is_some_and(|number| has_backup(case, number, what)) {
                    continue;
                }
                owed.backups += 1;
                let (promise, age) = promise(case, what);
                owed.is_since(case, noted.since, age, promise);
            }
        }
        owed
    }

    fn is_since(
        &mut self,
        case: &Case<'_>,
        since: Option<Timestamp>,
        promise: Duration,
        name: &'static str,
    ) {
        self.since = self.since.into_iter().chain(since).min();
        if since.is_some_and(|since| age(since, case.now) > promise.as_secs_f64()) {
            self.late.get_or_insert(name);
        }
    }

    fn is_nothing(&self) -> bool {
        self.files == 0 && self.backups == 0
    }

    fn words(&self) -> String {
        let bytes = if self.bytes > 0 { format!(" ({})", size(self.bytes)) } else { String::new() };
        let wal = format!("{}{bytes}", count(self.files, "WAL file"));
        let backups = count(self.backups, "backup");
        match (self.files, self.backups) {
            (_, 0) => wal,
            (0, _) => backups,
            _ => format!("{wal} and {backups}"),
        }
    }
}

/// The setting that says how old the newest backup of that kind may be, and how old that is.
fn promise(case: &Case<'_>, what: &str) -> (&'static str, Duration) {
    let objectives = &case.config.objectives;
    match what.split('/').next() {
        Some("redis") => ("redis_age", objectives.redis.age),
        Some("media") => ("media_age", objectives.media.age),
        _ => ("base_backup_age", objectives.base_backups.age),
    }
}

/// Whether a repository shows a backup: then a note of it is no debt.
fn has_backup(case: &Case<'_>, number: usize, what: &str) -> bool {
    let (redis, media) = (&case.gathered.redis, &case.gathered.media);
    shows(&case.gathered.survey.catalogue, number, what)
        || redis.iter().any(|it| shows(&it.series, number, what))
        || media.iter().any(|it| shows(&it.series, number, what))
}

fn shows<K: Kind>(catalogue: &Catalogue<K>, number: usize, what: &str) -> bool {
    let is_it = |system, id: &str| format!("{}{id}", K::all(&catalogue.name, system)) == what;
    let whole = |it: &Backup<K>| {
        it.copies.iter().any(|copy| copy.repository == number && copy.fault.is_none())
    };
    catalogue.backups.iter().any(|it| whole(it) && is_it(it.system, &it.id))
        || catalogue.further.iter().any(|it| it.repository == number && is_it(it.system, &it.id))
}

fn has(case: &Case<'_>, number: usize, system: SystemIdentifier, name: WalFileName) -> bool {
    let system = case.gathered.survey.system(system);
    let inventory = system.and_then(|it| it.inventories.get(number)?.as_ref());
    inventory.is_some_and(|inventory| inventory.has(name))
}

fn segment_bytes(case: &Case<'_>, system: SystemIdentifier) -> u64 {
    let stored = case.gathered.survey.system(system).map(|it| it.segment_size);
    let server = case
        .server()
        .filter(|server| server.facts.system == system)
        .map(|it| it.facts.segment_size);
    stored.or(server).map_or(0, |size| size.bytes())
}
