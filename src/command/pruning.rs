//! What every `prune` asks before its plan, and says before and after it.
//! `told` shows the plan and the result to people or programs.

mod told;

use std::collections::BTreeMap;
use std::time::Instant;

use clap::ArgMatches;
use jiff::Timestamp;

pub use self::told::{Fate, Telling};

use super::shown::{Shown, count, plain, size};
use crate::backup::deleting::Pruned;
use crate::backup::{StoredBackup, in_parallel};
use crate::cli::{asked, screen, verbs};
use crate::error::Result;
use crate::repository::Repository;
use crate::retention::Clocks;

/// `prune` of this program as it was asked for.
pub fn asked(
    program: &'static str,
    matches: &ArgMatches,
    run: impl FnOnce(&mut Telling<'_>) -> Result<Shown>,
) -> Result<()> {
    let mut agree = |plan: &str| asked::agreed(matches, plan);
    let (dry_run, as_json) = (matches.get_flag("dry-run"), matches.get_flag("json"));
    let in_words = screen::is_terminal().then_some(program);
    let begun = Instant::now();
    verbs::print(run(&mut Telling { dry_run, as_json, in_words, begun, agree: &mut agree })?)
}

/// What time it is here and in each repository that answered. `newest` is the end of the newest backup of which
/// nobody doubts when that was.
pub fn clocks(
    repositories: &[Repository],
    failed: &dyn Fn(usize) -> bool,
    newest: Option<Timestamp>,
) -> Clocks {
    let asked: Vec<_> = repositories.iter().enumerate().map(|(at, it)| (it, failed(at))).collect();
    let stores = in_parallel(&asked, |(repository, failed)| {
        let now = if *failed { None } else { repository.storage().now() };
        (repository.name(), now)
    });
    Clocks::compare(Timestamp::now(), &stores, newest)
}

/// What the clocks say of themselves, and where nothing is deleted.
pub fn remarks(repositories: &[Repository], clocks: &Clocks, failed: &[usize]) -> String {
    let mut text: String = clocks.remarks.iter().map(|line| plain(line) + "\n").collect();
    let failed = failed.iter().map(|at| (*at, "not all of it could be read"));
    let wrong = clocks.wrong.keys().map(|at| (*at, "its clock is wrong"));
    for (at, why) in failed.chain(wrong).collect::<BTreeMap<_, _>>() {
        let name = repositories.get(at).map_or("", Repository::name);
        text += &format!("Nothing is deleted in repository {name}: {why}.\n");
    }
    text
}

/// How much a plan deletes, by the places of repositories.
#[derive(Default)]
pub struct Amounts(BTreeMap<usize, u64>);

impl Amounts {
    pub fn add(&mut self, repository: usize, bytes: u64) {
        *self.0.entry(repository).or_default() += bytes;
    }

    /// `To be deleted: 3 MiB in disk, 3 MiB in s3.`
    pub fn told(&self, repositories: &[Repository]) -> String {
        let one = |(at, bytes): (&usize, &u64)| {
            format!("{} in {}", size(*bytes), repositories.get(*at).map_or("", Repository::name))
        };
        let all: Vec<String> = self.0.iter().map(one).collect();
        if all.is_empty() { String::new() } else { format!("To be deleted: {}.\n", all.join(", ")) }
    }
}

/// The last line, and before it what is still there.
pub fn done(pruned: &Pruned) -> String {
    let stayed: String = pruned.stayed.iter().map(|line| plain(line) + "\n").collect();
    let ended = match pruned.ended {
        0 => String::new(),
        ended => format!(" Ended {}.", count(ended, "upload")),
    };
    let (objects, bytes) = (count(pruned.deleted, "object"), size(pruned.bytes));
    format!("{stayed}Deleted {objects}, {bytes}.{ended}\n")
}

/// What a repository looks like that was copied: known to this host, or not.
pub fn remarks_on_dates<'a>(
    copies: impl Iterator<Item = (Timestamp, &'a StoredBackup)>,
    repositories: &[Repository],
) -> String {
    let mut counts: BTreeMap<usize, (usize, usize, usize)> = BTreeMap::new();
    for (ended, copy) in copies {
        let (all, known, doubtful) = counts.entry(copy.repository).or_default();
        let dates = copy.dates();
        *all += 1;
        *known += usize::from(dates.is_borne_out_by_note(ended));
        *doubtful += usize::from(dates.doubt(ended).is_some());
    }
    let mut text = String::new();
    for (at, (all, known, doubtful)) in counts {
        let name = repositories.get(at).map_or("", Repository::name);
        if known > 0 {
            let known = count(known as u64, "backup");
            text += &format!(
                "Repository {name} gives a new date to {known} that this host saw there before: they keep their age.\n"
            );
        }
        // One that was planted is no reason to vouch for it.
        if doubtful > 1 && doubtful * 2 > all {
            text += &plain(&format!(
                "Repository {name} dates most of its backups later than they say. \
                 If you copied or restored this repository: seawall trust --repository {name}"
            ));
            text.push('\n');
        }
    }
    text
}
