//! What holds for every history.

use super::world::{Moment, World, tli};
use super::*;
use crate::made_up::{self, Numbers};

const HISTORIES: u32 = 10_000;
/// The longest history takes about as many.
const NUMBERS: usize = 500;

fn policy(numbers: &mut Numbers) -> RetentionConfig {
    RetentionConfig {
        keep: KeepConfig {
            within: HOUR * numbers.below(200) as u32,
            last: numbers.below(4) as usize,
            daily: numbers.below(4) as usize,
            weekly: numbers.below(3) as usize,
            monthly: numbers.below(3) as usize,
            yearly: numbers.below(2) as usize,
            unfinished: HOUR * 24,
        },
        wal_window: HOUR * numbers.below(300) as u32,
    }
}

/// Each history with a policy, its plan, and some numbers more.
fn each(check: impl Fn(&World, &RetentionConfig, &SystemHoldings<'_>, &Plan, &mut Numbers)) {
    made_up::each(HISTORIES, NUMBERS, |numbers| {
        let policy = policy(numbers);
        let world = World::new(numbers);
        let timelines = world.timelines(None);
        let holdings = world.holdings(&timelines);
        let plan = plan(&holdings, &policy, world.now).unwrap();
        check(&world, &policy, &holdings, &plan, numbers);
    });
}

/// Whether a recovery can end there.
fn reaches(world: &World, timelines: &Timelines, moment: &Moment) -> bool {
    let target = tli(moment.timeline);
    world.backups.iter().filter(|it| it.condition == Condition::Good).any(|it| {
        let reach = timelines.reach(&it.needs, target);
        it.needs.stop.lsn <= moment.lsn && reach.is_some_and(|reach| reach >= moment.lsn)
    })
}

#[test]
fn whatever_is_kept_can_be_restored_wherever_the_deletions_are_cut_short() {
    each(|world, _, holdings, plan, numbers| {
        let steps = plan.deletions(holdings);
        let cut = numbers.below(steps.len() as u64 + 1) as usize;
        for steps in [&steps[..cut], &steps[..]] {
            let left = world.after(steps);
            let alone = [left.timelines(Some(0)), left.timelines(Some(1))];
            for (it, _) in world.backups.iter().zip(&plan.stored.backups).filter(|(_, it)| it.keep)
            {
                if it.condition == Condition::Good {
                    let needed = alone[it.repository].needed(&it.needs);
                    assert_eq!(needed, Needed::Complete, "{} of {}", it.id, it.repository);
                }
            }
        }
    });
}

#[test]
fn every_moment_of_the_window_can_be_recovered_as_before() {
    each(|world, policy, holdings, plan, _| {
        let left = world.after(&plan.deletions(holdings));
        let merged = left.timelines(None);
        let since = crate::retention::ago(world.now, policy.wal_window);
        for moment in world.moments.iter().filter(|it| it.time >= since) {
            if reaches(world, holdings.timelines, moment) {
                let (timeline, lsn) = (moment.timeline, moment.lsn);
                assert!(reaches(&left, &merged, moment), "{timeline} {lsn} at {}", moment.time);
            }
        }
    });
}

#[test]
fn a_second_run_deletes_nothing_and_the_order_of_things_does_not_matter() {
    each(|world, policy, holdings, first, numbers| {
        let mut left = world.after(&first.deletions(holdings));
        left.judge();
        let timelines = left.timelines(None);
        let again = left.holdings(&timelines);
        let second = plan(&again, policy, world.now).unwrap();
        assert_eq!(second.deletions(&again).len(), 0, "{second:#?}");

        let mut other = world.holdings(holdings.timelines);
        for _ in 0..other.stored.backups.len() {
            let (one, two) = (numbers.below(other.stored.backups.len() as u64), numbers.below(3));
            let last = other.stored.backups.len() - 1;
            other.stored.backups.swap(one as usize, (two as usize).min(last));
        }
        other.stored.unfinished.reverse();
        other.wal.iter_mut().for_each(|(_, ranges)| ranges.reverse());
        let shuffled = plan(&other, policy, world.now).unwrap();
        assert_eq!(shown(holdings, first), shown(&other, &shuffled));
    });
}

fn shown(holdings: &SystemHoldings<'_>, plan: &Plan) -> BTreeSet<String> {
    let backups = holdings.stored.backups.iter().zip(&plan.stored.backups);
    let backups = backups.map(|(it, verdict)| format!("{} {} {verdict:?}", it.repository, it.id));
    let wal = plan.wal.iter().map(|it| format!("{it:?}"));
    backups.chain(wal).collect()
}

#[test]
fn what_must_stay_stays_and_the_rest_has_a_rule() {
    each(|world, policy, holdings, plan, _| {
        let slots = policy.keep.last
            + policy.keep.daily
            + policy.keep.weekly
            + policy.keep.monthly
            + policy.keep.yearly;
        for repository in 0..2 {
            let here = || {
                holdings
                    .stored
                    .in_order()
                    .into_iter()
                    .filter(|at| holdings.stored.backups[*at].repository == repository)
            };
            let good = |at: &usize| holdings.stored.backups[*at].condition == Condition::Good;
            let newest = here().rfind(good);
            assert!(newest.is_none_or(|at| plan.stored.backups[at].keep));
            if world.closed.contains(&repository) || newest.is_none() {
                assert!(here().all(|at| plan.stored.backups[at].keep));
                let wal = plan.wal.iter().filter(|it| it.repository == repository);
                assert!(wal.into_iter().all(|it| it.verdict.keep));
                continue;
            }
            let since = crate::retention::ago(world.now, policy.keep.within);
            let by_rule = here().filter(good).filter(|at| {
                let it = &holdings.stored.backups[*at];
                let base = plan.bases.iter().any(|base| base.backup == *at);
                plan.stored.backups[*at].keep && !it.pinned && it.ended < since && !base
            });
            assert!(by_rule.count() <= slots + 1);
        }
        for (it, verdict) in holdings.stored.backups.iter().zip(&plan.stored.backups) {
            assert!(verdict.keep || !it.pinned);
            assert!(!verdict.reason.is_empty());
        }
        let steps = plan.deletions(holdings);
        let wal = |step: &Deletion| matches!(step, Deletion::Wal(_));
        assert!(steps.is_sorted_by_key(wal), "base backups first");
    });
}

/// WAL that is kept is read by a recovery from a base backup that is kept, or nobody can tell.
#[test]
fn no_wal_is_kept_for_nothing() {
    each(|world, _, holdings, plan, _| {
        let unclear = holdings.timelines.all().any(|it| !holdings.timelines.followed(it));
        if unclear || !world.closed.is_empty() || plan.stored.unfinished.iter().any(|it| it.keep) {
            return;
        }
        let kept = world.backups.iter().zip(&plan.stored.backups).filter(|(_, it)| it.keep);
        let kept: Vec<&BaseCandidate> = kept.map(|(it, _)| it).collect();
        let good = world.backups.iter().filter(|it| it.condition == Condition::Good);
        let Some(newest) = good.map(|it| it.needs.stop.timeline).min() else { return };
        for line in plan.wal.iter().filter(|it| it.verdict.keep) {
            for segment in line.range.segments() {
                let lsn = segment.start(line.range.size).unwrap();
                let files = |it: &&BaseCandidate| {
                    let from = it.needs.start.lsn..Lsn(u64::MAX);
                    let read = |to| holdings.timelines.files(to, &from);
                    let mut read = holdings.timelines.all().flat_map(read);
                    read.any(|(of, wal)| of == segment.timeline && wal.contains(&lsn))
                };
                let nobody =
                    !holdings.stored.backups.iter().any(|it| {
                        it.repository == line.repository && it.condition == Condition::Good
                    });
                assert!(nobody || segment.timeline > newest || kept.iter().any(files), "{segment}");
            }
        }
    });
}
