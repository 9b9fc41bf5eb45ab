//! Single rules, word by word.

use super::world::{size, tli};
use super::*;

const SEGMENT: u64 = 1 << 20;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A base backup of one hour that lies within a segment of timeline 1.
fn backup(day: &str, segment: u64) -> BaseCandidate {
    let ended = time(&format!("{day}T04:00:00Z"));
    let point = |offset| Point { timeline: tli(1), lsn: Lsn(segment * SEGMENT + offset) };
    BaseCandidate {
        repository: 0,
        id: format!("{}T030000Z-0001", day.replace('-', "")),
        needs: Span { start: point(40), stop: point(400), carries_wal: false },
        began: time(&format!("{day}T03:00:00Z")),
        ended,
        dates: Dates::default(),
        bytes: 0,
        pinned: false,
        owed_to: Vec::new(),
        fell: false,
        condition: Condition::Good,
    }
}

fn attempt(id: &str) -> Attempt {
    Attempt { repository: 0, id: id.to_owned(), newest: None, bytes: 0 }
}

fn segment(number: u64) -> WalSegment {
    WalSegment::at(Lsn(number * SEGMENT), tli(1), size()).unwrap()
}

fn range(first: u64, last: u64) -> WalRange {
    WalRange { first: segment(first), last: segment(last), size: size() }
}

fn timelines(last: u64) -> Timelines {
    let histories = BTreeMap::new();
    Timelines::new(&Wal { segment_size: size(), ranges: vec![range(0, last)], histories }, &[])
}

fn holdings(backups: Vec<BaseCandidate>, timelines: &Timelines) -> SystemHoldings<'_> {
    let (unfinished, broken, closed) = Default::default();
    SystemHoldings {
        stored: Holdings { backups, unfinished, broken, closed },
        wal: vec![(0, vec![range(0, 40)])],
        young: BTreeMap::new(),
        owed: BTreeMap::new(),
        timelines,
        mixed_sizes: false,
    }
}

/// What is kept and deleted, with why.
fn shown(holdings: &SystemHoldings<'_>, policy: &RetentionConfig, now: &str) -> Vec<String> {
    let plan = plan(holdings, policy, time(now)).unwrap();
    let line = |what: String, verdict: &RetentionVerdict| {
        format!("{} {what}: {}", if verdict.keep { "keep" } else { "delete" }, verdict.reason)
    };
    let backups = holdings.stored.backups.iter().zip(&plan.stored.backups);
    let backups = backups.map(|(it, verdict)| line(it.id[..8].to_owned(), verdict));
    let unfinished = holdings.stored.unfinished.iter().zip(&plan.stored.unfinished);
    let unfinished = unfinished.map(|(it, verdict)| line(it.id.clone(), verdict));
    let wal = plan.wal.iter().map(|it| {
        let (first, last) = (it.range.first.segment, it.range.last.segment);
        line(format!("{first}-{last}"), &it.verdict)
    });
    backups.chain(unfinished).chain(wal).collect()
}

const NO_WAL: &str = "not in the window of 2days, and no base backup needs it";

#[test]
fn wal_between_kept_base_backups_goes_and_each_keeps_its_own() {
    let timelines = timelines(40);
    let backups = [("2026-03-01", 5), ("2026-03-02", 10), ("2026-03-08", 20), ("2026-03-09", 30)];
    let backups = backups.map(|(day, segment)| backup(day, segment)).to_vec();
    let policy =
        RetentionConfig { keep: KeepConfig { weekly: 2, ..nothing().keep }, wal_window: HOUR * 48 };
    assert_eq!(
        shown(&holdings(backups, &timelines), &policy, "2026-03-10T12:00:00Z"),
        [
            "delete 20260301: no rule keeps it".to_owned(),
            "delete 20260302: no rule keeps it".to_owned(),
            "keep 20260308: newest of 2026-W10, point-in-time recovery of 2days begins with it"
                .to_owned(),
            "keep 20260309: the newest good one, newest of 2026-W11".to_owned(),
            format!("delete 0-19: {NO_WAL}"),
            "keep 20-40: point-in-time recovery of 2days".to_owned(),
        ]
    );
}

#[test]
fn what_is_pinned_damaged_or_unclear_is_said() {
    let timelines = timelines(40);
    let mut all = vec![
        backup("2026-03-01", 5),
        backup("2026-03-02", 10),
        backup("2026-03-03", 15),
        backup("2026-03-08", 20),
    ];
    all[0].pinned = true;
    all[1].condition = Condition::Bad("part-00001.tar.zst is missing".to_owned());
    all[2].condition = Condition::Unknown("it is not known".to_owned());
    let policy = RetentionConfig { wal_window: HOUR * 48, ..nothing() };
    assert_eq!(
        shown(&holdings(all, &timelines), &policy, "2026-03-12T12:00:00Z"),
        [
            "keep 20260301: pinned".to_owned(),
            "delete 20260302: can't be restored: part-00001.tar.zst is missing".to_owned(),
            "keep 20260303: perhaps can't be restored: it is not known".to_owned(),
            "keep 20260308: the newest good one, point-in-time recovery of 2days begins with it"
                .to_owned(),
            format!("delete 0-4: {NO_WAL}"),
            "keep 5-5: base backup 20260301T030000Z-0001".to_owned(),
            format!("delete 6-14: {NO_WAL}"),
            "keep 15-15: base backup 20260303T030000Z-0001".to_owned(),
            format!("delete 16-19: {NO_WAL}"),
            "keep 20-40: point-in-time recovery of 2days".to_owned(),
        ]
    );
}

#[test]
fn one_that_is_being_taken_keeps_the_wal_from_the_one_before_it() {
    let timelines = timelines(40);
    let all = vec![backup("2026-03-01", 5), backup("2026-03-08", 20), backup("2026-03-09", 30)];
    let mut holdings = holdings(all, &timelines);
    let names =
        ["20260309T033000Z-0002", "20260101T000000Z-0003", "20270101T000000Z-0004", "notes"];
    holdings.stored.unfinished = names.map(attempt).into();
    assert_eq!(
        shown(&holdings, &nothing(), "2026-03-09T12:00:00Z"),
        [
            "delete 20260301: no rule keeps it",
            "delete 20260308: no rule keeps it",
            "keep 20260309: the newest good one, point-in-time recovery of 0s begins with it",
            "keep 20260309T033000Z-0002: unfinished, and begun within 1day: may still be running",
            "delete 20260101T000000Z-0003: unfinished, and begun more than 1day ago",
            "keep 20270101T000000Z-0004: unfinished, begun later than now",
            "keep notes: unfinished, and its name does not tell when it was begun",
            "delete 0-19: not in the window of 0s, and no base backup needs it",
            "keep 20-29: a base backup that may still be running",
            "keep 30-40: point-in-time recovery of 0s",
        ]
    );
}

#[test]
fn a_clock_that_is_wrong_for_certain_is_refused() {
    let timelines = timelines(40);
    let holdings = holdings(vec![backup("2026-03-01", 5)], &timelines);
    let at = |now: &str| plan(&holdings, &nothing(), time(now)).map(|_| ());
    assert_eq!(at("2026-03-01T03:00:00Z"), Ok(()));
    assert_eq!(
        at("2026-03-01T02:59:59Z").unwrap_err().to_string(),
        "expected it to be later than the end of base backup 20260301T030000Z-0001 at 2026-03-01T04:00:00Z, \
         found 2026-03-01T02:59:59Z. HINT: Set this host's clock right; nothing was deleted."
    );
}

#[test]
fn nothing_goes_where_nothing_good_is_known() {
    let timelines = timelines(40);
    let bad = || {
        let mut one = backup("2026-03-01", 5);
        one.condition = Condition::Bad("it is broken".to_owned());
        one
    };
    let now = "2026-03-12T12:00:00Z";
    assert_eq!(
        shown(&holdings(vec![bad()], &timelines), &nothing(), now),
        [
            "keep 20260301: there is no good one in this repository; can't be restored: it is broken",
            "keep 0-40: there is no good base backup in this repository",
        ]
    );
    let mut closed = holdings(vec![bad(), backup("2026-03-08", 20)], &timelines);
    closed.stored.closed.insert(0);
    let why = "nothing is deleted in this repository";
    assert_eq!(
        shown(&closed, &nothing(), now),
        [
            format!("keep 20260301: {why}"),
            format!("keep 20260308: {why}"),
            format!("keep 0-40: {why}")
        ]
    );
}
