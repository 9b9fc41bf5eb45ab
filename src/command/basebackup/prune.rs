//! What `basebackup prune` does beside what every `prune` does: it plans by system, and the WAL goes with the base backups
//! that needed it. Every rule of retention has a flag, so that other rules can be tried with `--dry-run`.

use std::collections::BTreeMap;

use clap::Command;

use crate::backup::deleting::Deletions;
use crate::backup::{Attempt, Holdings, PlanLine, PlanSubject, Uploads, begun, later};
use crate::basebackup::Description;
use crate::basebackup::pruning::{CarryOut, SystemGathered, gather};
use crate::basebackup::retention::{Plan, SystemHoldings, WalLine, plan};
use crate::basebackup::windows::Span;
use crate::cli::{asked, flags};
use crate::command::backups::name;
use crate::command::backups::prune::{Prunes, Scene, SystemPlan, titled};
use crate::command::pruning::{Amounts, Fate};
use crate::error::{Error, Result};
use crate::postgres::SystemIdentifier;
use crate::repository::{WalFolder, WalRange};
use crate::retention::ago;

const SHORT: &str = "Deletes the base backups and the WAL that no rule keeps any more";

const ABOUT: &str = "Deletes the base backups and the WAL that no rule keeps any more

Shows what it will delete and keep, and why, before it deletes anything.";

const AFTER: &str = "\
It never deletes the newest good base backup of each system in each repository, pinned base backups, base
backups that are being taken now, the WAL that any of these needs, and timeline history files. In a repository
that can't be read completely it deletes nothing. If it is interrupted, run it again: it continues.

A backup stays if any rule keeps it; the rules are in the table [retention] of the configuration. Try other
rules first:  basebackup prune --dry-run --retention-wal-window 14d --retention-keep-weekly 8";

pub fn command() -> Command {
    let command = Command::new("prune").about(SHORT).long_about(ABOUT).after_help(AFTER);
    flags::with_settings(asked::with_plan(command), &["retention"])
}

/// What there is of the system, and what becomes of its WAL.
pub struct WalBeside<'a> {
    holdings: SystemHoldings<'a>,
    plan: Plan,
}

type BasePlan<'a> = SystemPlan<SystemIdentifier, WalBeside<'a>>;

impl Prunes for Description {
    type Beside<'a> = WalBeside<'a>;

    fn plans<'a>(scene: &Scene<'a, Self>, errors: &mut Vec<Error>) -> Result<Vec<BasePlan<'a>>> {
        let Scene { config, repositories, survey, now } = *scene;
        let mut plans = Vec::new();
        for system in &survey.systems {
            let since = ago(now, config.retention.wal_window);
            let SystemGathered { mut holdings, errors: more } =
                gather(survey, system, repositories, config, since);
            errors.extend(more);
            let closed = holdings.stored.closed.clone();
            let uploads = scene.uploads(system.system, &closed, errors);
            let attempts = attempts(&uploads, &holdings.stored);
            holdings.stored.unfinished.extend(attempts);
            let plan = plan(&holdings, &config.retention, now)?;
            let lines = in_order(plan.lines(&holdings));
            let beside = WalBeside { holdings, plan };
            plans.push(SystemPlan { system: system.system, lines, uploads, closed, beside });
        }
        Ok(plans)
    }

    fn fates_beside(scene: &Scene<'_, Self>, plan: &BasePlan<'_>) -> Vec<Fate> {
        let fate = |line: &WalLine| {
            let name = name(scene.repositories, line.repository);
            Fate::new("wal", range(line.range), name, &line.verdict)
        };
        plan.beside.plan.wal.iter().map(fate).collect()
    }

    fn described(plan: &BasePlan<'_>, backups: &[Fate], wal: &[Fate]) -> String {
        let tables =
            [("BASE BACKUP", backups), ("WAL", wal)].map(|(head, fates)| titled(head, fates));
        let (system, tables) = (plan.system, tables.join("\n"));
        format!("System {system}\n\n{tables}\nThe histories of timelines are kept.\n\n")
    }

    fn add_amounts(
        scene: &Scene<'_, Self>,
        plan: &BasePlan<'_>,
        amounts: &mut Amounts,
    ) -> Result<()> {
        let going = plan.lines.iter().filter(|it| !it.verdict.keep);
        going.for_each(|it| amounts.add(it.repository, it.bytes));
        let mut wal: BTreeMap<usize, Vec<WalRange>> = BTreeMap::new();
        for line in plan.beside.plan.wal.iter().filter(|it| !it.verdict.keep) {
            wal.entry(line.repository).or_default().push(line.range);
        }
        let folder = WalFolder::new(&scene.config.cluster, plan.system);
        let since = ago(scene.now, scene.config.retention.wal_window);
        for (at, ranges) in wal {
            // Who can't list it again says so when it comes to deleting.
            let bytes = scene.repositories[at].wal_bytes(&folder, &ranges, since);
            amounts.add(at, bytes.unwrap_or(0));
        }
        Ok(())
    }

    fn carry_out(
        scene: &Scene<'_, Self>,
        plan: &BasePlan<'_>,
        deletions: &mut Deletions<'_>,
    ) -> Result<()> {
        let order = CarryOut {
            cluster: &scene.config.cluster,
            system: plan.system,
            holdings: &plan.beside.holdings,
            plan: &plan.beside.plan,
            policy: &scene.config.retention,
            now: scene.now,
            since: ago(scene.now, scene.config.retention.wal_window),
        };
        order.run(deletions);
        Ok(())
    }
}

/// As they are shown: backups by repository, then what is damaged, then what is unfinished.
fn in_order(mut lines: Vec<PlanLine>) -> Vec<PlanLine> {
    lines.sort_by(|one, other| {
        let rank = |line: &PlanLine| match line.what {
            PlanSubject::Backup => 0,
            PlanSubject::Broken => 1,
            PlanSubject::Unfinished => 2,
        };
        let order = rank(one).cmp(&rank(other));
        match one.what {
            PlanSubject::Backup => {
                order.then((one.repository, &one.id).cmp(&(other.repository, &other.id)))
            }
            _ => order,
        }
    });
    lines
}

/// Base backups that may be under way, and of which no object is whole yet.
fn attempts(uploads: &[Uploads], stored: &Holdings<Span>) -> Vec<Attempt> {
    let known = |it: &Uploads| {
        let backups = stored.backups.iter().map(|one| (one.repository, &one.id));
        let unfinished = stored.unfinished.iter().map(|one| (one.repository, &one.id));
        backups.chain(unfinished).any(|one| one == (it.repository, &it.id))
    };
    let new = uploads.iter().filter(|it| it.verdict.keep && !known(it));
    let attempt = |it: &Uploads| Attempt {
        repository: it.repository,
        id: it.id.clone(),
        newest: later(begun(&it.id), &it.all),
        bytes: 0,
    };
    new.map(attempt).collect()
}

fn range(range: WalRange) -> String {
    let (first, last) = (range.first, range.last);
    if first == last { first.to_string() } else { format!("{first} to {last}") }
}
