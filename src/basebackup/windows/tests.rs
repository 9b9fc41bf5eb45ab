//! Small made-up archives, each with what can be recovered from it, in short; `model` compares thousands of them with a
//! slow answer to the same question.

mod model;

use super::*;
use crate::postgres::TimelineSwitch;

const SEGMENT: u64 = 1 << 20;

fn size() -> WalSegmentSize {
    let size = WalSegmentSize::from_bytes(SEGMENT as u32);
    size.unwrap_or_else(|error| unreachable!("{error}"))
}

fn tli(number: u32) -> TimelineId {
    TimelineId::new(number).unwrap_or_else(|| unreachable!("timelines begin with 1"))
}

/// A place in the WAL: so many segments and 1/1000 of segments from its beginning.
fn lsn(segment: u64, part: u64) -> Lsn {
    Lsn(segment * SEGMENT + part * SEGMENT / 1000)
}

fn point(timeline: u32, segment: u64, part: u64) -> Point {
    Point { timeline: tli(timeline), lsn: lsn(segment, part) }
}

fn segment(timeline: u32, number: u64) -> WalSegment {
    let (log, segment) = (number / 0x1000, number % 0x1000);
    WalSegment { timeline: tli(timeline), log: log as u32, segment: segment as u32 }
}

fn span(start: Point, stop: Point) -> Span {
    Span { start, stop, carries_wal: false }
}

/// A base backup that begins and ends within one segment, a tenth and two tenths into it.
fn backup(timeline: u32, segment: u64) -> Span {
    span(point(timeline, segment, 100), point(timeline, segment, 200))
}

/// WAL of timelines, each with ranges of segment numbers, both ends included.
fn wal(ranges: &[(u32, u64, u64)], histories: &[(u32, &[Point])]) -> Wal {
    let range = |(timeline, first, last): &(u32, u64, u64)| WalRange {
        first: segment(*timeline, *first),
        last: segment(*timeline, *last),
        size: size(),
    };
    let history = |(timeline, ancestors): &(u32, &[Point])| {
        let switch = |point: &Point| TimelineSwitch { timeline: point.timeline, at: point.lsn };
        let ancestors = ancestors.iter().map(switch).collect();
        (tli(*timeline), TimelineHistory { timeline: tli(*timeline), ancestors })
    };
    Wal {
        segment_size: size(),
        ranges: ranges.iter().map(range).collect(),
        histories: histories.iter().map(history).collect(),
    }
}

/// Each timeline in short: `1: 0.200 to 5.000, gap 5-6, stranded 7.000 to 9.000`, in segments.
fn shown(wal: &Wal, backups: &[Span]) -> Vec<String> {
    let place = |lsn: Lsn| format!("{}.{:03}", lsn.0 / SEGMENT, lsn.0 % SEGMENT * 1000 / SEGMENT);
    // Rounded up again: a thousandth is no whole number of bytes.
    let place = |lsn: Lsn| place(Lsn(lsn.0 + u64::from(!lsn.0.is_multiple_of(SEGMENT))));
    let number = |segment: WalSegment| segment.log * 0x1000 + segment.segment;
    let line = |timeline: Timeline| {
        let stretch = |one: &Stretch| {
            let (word, from) = match one.window {
                Some(window) => ("", window.from),
                None => ("stranded ", one.wal.start),
            };
            let gap = |gap: &Gap| {
                let (first, last) = (number(gap.first), number(gap.last));
                assert_eq!(gap.segments, u64::from(last - first) + 1);
                format!("gap {}/{first}-{last}", gap.first.timeline.number())
            };
            let stretch = format!("{word}{} to {}", place(from), place(one.wal.end));
            [vec![stretch], one.gaps.iter().map(gap).collect()].concat()
        };
        let pieces: Vec<_> = timeline.stretches.iter().flat_map(stretch).collect();
        let lost = if timeline.followed { "" } else { " (not followed)" };
        format!("{}{lost}: {}", timeline.timeline.number(), pieces.join(", "))
    };
    Timelines::new(wal, backups).windows(backups).into_iter().map(line).collect()
}

#[track_caller]
fn needs(wal: &Wal, backup: &Span, expected: Needed) {
    assert_eq!(Timelines::new(wal, std::slice::from_ref(backup)).needed(backup), expected);
}

#[test]
fn a_window_begins_where_the_first_backup_ended_and_goes_as_far_as_the_wal() {
    let wal = wal(&[(1, 1, 9)], &[]);
    assert_eq!(shown(&wal, &[backup(1, 3), backup(1, 6)]), ["1: 3.200 to 10.000"]);
    // The order of the backups is of no importance.
    let backups = [backup(1, 6), backup(1, 3)];
    assert_eq!(shown(&wal, &backups), ["1: 3.200 to 10.000"]);
    let windows = Timelines::new(&wal, &backups).windows(&backups);
    let window = windows[0].stretches[0].window;
    assert_eq!(window.map(|window| (window.first, window.last)), Some((1, 0)));
}

#[test]
fn wal_without_a_backup_is_stranded_and_a_backup_without_wal_restores_nothing() {
    assert_eq!(shown(&wal(&[(1, 1, 9)], &[]), &[]), ["1: stranded 1.000 to 10.000"]);
    assert_eq!(shown(&wal(&[], &[]), &[backup(1, 3)]), ["1: "]);
    needs(&wal(&[], &[]), &backup(1, 3), Needed::Missing(segment(1, 3)));
    assert_eq!(shown(&wal(&[], &[]), &[]), [""; 0]);
}

#[test]
fn a_gap_ends_a_window_and_the_next_backup_begins_another() {
    let wal = wal(&[(1, 1, 4), (1, 7, 9), (1, 11, 11)], &[]);
    assert_eq!(
        shown(&wal, &[backup(1, 2), backup(1, 8)]),
        ["1: 2.200 to 5.000, gap 1/5-6, 8.200 to 10.000, gap 1/10-10, stranded 11.000 to 12.000"]
    );
}

#[test]
fn a_backup_is_restorable_with_all_wal_from_its_start_to_its_stop() {
    let long = span(point(1, 2, 500), point(1, 5, 1));
    needs(&wal(&[(1, 2, 5)], &[]), &long, Needed::Complete);
    for (ranges, missing) in [
        (&[(1, 3, 9)][..], 2),
        (&[(1, 2, 2), (1, 4, 9)], 3),
        (&[(1, 2, 4)], 5),
        (&[(1, 0, 1), (1, 6, 9)], 2),
        (&[(1, 2, 3), (1, 5, 5)], 4),
    ] {
        needs(&wal(ranges, &[]), &long, Needed::Missing(segment(1, missing)));
    }
    // A stop on the border of two segments needs only the first of them.
    let border = Span { stop: point(1, 5, 0), ..long };
    needs(&wal(&[(1, 2, 4)], &[]), &border, Needed::Complete);
    assert_eq!(shown(&wal(&[(1, 2, 4)], &[]), &[border]), ["1: 5.000 to 5.000"]);
}

#[test]
fn a_missing_segment_is_named_across_the_border_of_a_log() {
    let backup = span(point(1, 0xFFE, 1), point(1, 0x1001, 1));
    needs(&wal(&[(1, 0xFFE, 0xFFF)], &[]), &backup, Needed::Missing(segment(1, 0x1000)));
    let (log, first) = (segment(1, 0x1000).log, segment(1, 0x1000).segment);
    assert_eq!((log, first), (1, 0));
    needs(&wal(&[(1, 0xFFE, 0x1001)], &[]), &backup, Needed::Complete);
}

/// Where timeline 2 leaves timeline 1, in the middle of segment 5.
const LEFT: (u64, u64) = (5, 500);

fn left() -> [Point; 1] {
    [point(1, LEFT.0, LEFT.1)]
}

#[test]
fn a_recovery_goes_on_into_the_next_timeline() {
    // The usual case: of segment 5 timeline 1 has archived a `.partial` only.
    let usual = wal(&[(1, 1, 4), (2, 5, 9)], &[(2, &left())]);
    assert_eq!(shown(&usual, &[backup(1, 2)]), ["1: 2.200 to 5.000", "2: 2.200 to 10.000"]);
    // The old server lived on: what it wrote is of timeline 1 alone.
    let lives_on = wal(&[(1, 1, 7), (2, 5, 9)], &[(2, &left())]);
    assert_eq!(shown(&lives_on, &[backup(1, 2)]), ["1: 2.200 to 8.000", "2: 2.200 to 10.000"]);
    // Timeline 2 has archived nothing yet: it is reached up to where it begins.
    let young = wal(&[(1, 1, 7)], &[(2, &left())]);
    assert_eq!(shown(&young, &[backup(1, 2)]), ["1: 2.200 to 8.000", "2: 2.200 to 5.500"]);
}

#[test]
fn the_segment_at_a_switch_is_enough_on_the_later_timeline() {
    let backups = [backup(1, 2)];
    let gap = wal(&[(1, 1, 3), (2, 5, 9)], &[(2, &left())]);
    assert_eq!(
        shown(&gap, &backups),
        ["1: 2.200 to 4.000", "2: 2.200 to 4.000, gap 1/4-4, stranded 5.000 to 10.000"]
    );
    let later = wal(&[(1, 1, 5), (2, 6, 9)], &[(2, &left())]);
    assert_eq!(
        shown(&later, &backups),
        ["1: 2.200 to 6.000", "2: 2.200 to 5.500, gap 2/5-5, stranded 6.000 to 10.000"]
    );
    let both = wal(&[(1, 1, 2), (2, 8, 9)], &[(2, &left())]);
    assert_eq!(
        shown(&both, &backups),
        ["1: 2.200 to 3.000", "2: 2.200 to 3.000, gap 1/3-4, gap 2/5-7, stranded 8.000 to 10.000"]
    );
    // A switch on the border of two segments: nothing is shared.
    let border = [(2, &[point(1, 5, 0)][..])];
    let whole = wal(&[(1, 1, 4), (2, 5, 9)], &border);
    assert_eq!(shown(&whole, &backups), ["1: 2.200 to 5.000", "2: 2.200 to 10.000"]);
    let holes = wal(&[(1, 1, 3), (2, 6, 9)], &border);
    assert_eq!(
        shown(&holes, &backups)[1],
        "2: 2.200 to 4.000, gap 1/4-4, gap 2/5-5, stranded 6.000 to 10.000"
    );
}

#[test]
fn a_backup_at_a_switch_is_restored_through_the_timeline_that_has_its_segment() {
    let wal = wal(&[(1, 1, 4), (2, 5, 9)], &[(2, &left())]);
    let at_switch = backup(1, 5);
    needs(&wal, &at_switch, Needed::Complete);
    assert_eq!(shown(&wal, &[at_switch]), ["1: stranded 1.000 to 5.000", "2: 5.200 to 10.000"]);
    // Behind the switch it is of the life that was left.
    let behind = span(point(1, 5, 600), point(1, 5, 700));
    needs(&wal, &behind, Needed::Missing(segment(1, 5)));
    let across = span(point(1, 5, 400), point(1, 5, 600));
    needs(&wal, &across, Needed::Missing(segment(1, 5)));
    assert_eq!(shown(&wal, &[behind, across])[1], "2: stranded 1.000 to 10.000");
}

#[test]
fn a_standby_may_follow_to_a_new_timeline_during_its_backup() {
    let moved = span(point(1, 4, 100), point(2, 6, 100));
    let histories: [(u32, &[Point]); 1] = [(2, &left())];
    needs(&wal(&[(1, 1, 4), (2, 5, 6)], &histories), &moved, Needed::Complete);
    needs(&wal(&[(1, 1, 4), (2, 6, 6)], &histories), &moved, Needed::Missing(segment(2, 5)));
    needs(&wal(&[(1, 1, 4), (2, 5, 6)], &[]), &moved, Needed::Unknown);
}

#[test]
fn several_timelines_in_one_segment_are_in_the_file_of_the_last() {
    let histories: [(u32, &[Point]); 2] =
        [(2, &[point(1, 5, 300)]), (3, &[point(1, 5, 300), point(2, 5, 600)])];
    let wal = wal(&[(1, 1, 4), (3, 5, 7)], &histories);
    assert_eq!(
        shown(&wal, &[backup(1, 2)]),
        ["1: 2.200 to 5.000", "2: 2.200 to 5.000", "3: 2.200 to 8.000"]
    );
    let of_two = span(point(2, 5, 400), point(2, 5, 500));
    needs(&wal, &of_two, Needed::Complete);
    assert_eq!(shown(&wal, &[of_two])[2], "3: 5.500 to 8.000");
}

#[test]
fn branches_of_one_timeline_do_not_mix() {
    let histories: [(u32, &[Point]); 2] = [(2, &left()), (3, &[point(1, 7, 500)])];
    let wal = wal(&[(1, 1, 8), (2, 5, 6), (3, 7, 9)], &histories);
    assert_eq!(
        shown(&wal, &[backup(1, 6)]),
        ["1: 6.200 to 9.000", "2: stranded 1.000 to 7.000", "3: 6.200 to 10.000"]
    );
    let timelines = Timelines::new(&wal, &[]);
    assert_eq!(timelines.reach(&backup(1, 6), tli(2)), None);
    assert_eq!(timelines.reach(&backup(1, 6), tli(3)), Some(lsn(10, 0)));
    assert_eq!(timelines.reach(&backup(1, 2), tli(2)), Some(lsn(7, 0)));
    assert_eq!(timelines.reach(&backup(1, 9), tli(1)), None);
    assert_eq!(timelines.reach(&backup(1, 2), tli(4)), None);
}

#[test]
fn a_backup_with_its_wal_inside_needs_none_and_goes_on_where_the_archive_does() {
    let inside = Span { carries_wal: true, ..span(point(1, 3, 100), point(1, 5, 200)) };
    let nothing = wal(&[], &[]);
    needs(&nothing, &inside, Needed::Complete);
    let reach = |wal: &Wal| Timelines::new(wal, &[inside]).reach(&inside, tli(1));
    assert_eq!(reach(&nothing), Some(inside.stop.lsn));
    // The segment of its stop may be half-filled inside.
    assert_eq!(reach(&wal(&[(1, 6, 9)], &[])), Some(inside.stop.lsn));
    assert_eq!(shown(&wal(&[(1, 6, 9)], &[]), &[inside]), ["1: stranded 6.000 to 10.000"]);
    assert_eq!(shown(&wal(&[(1, 5, 9)], &[]), &[inside]), ["1: 5.200 to 10.000"]);
}

#[test]
fn a_timeline_without_a_history_stands_alone() {
    let wal = wal(&[(1, 1, 4), (2, 5, 9)], &[]);
    assert_eq!(
        shown(&wal, &[backup(1, 2), backup(2, 7)]),
        ["1: 2.200 to 5.000", "2 (not followed): 7.200 to 10.000"]
    );
}

#[test]
fn files_of_a_timeline_before_it_began_are_of_no_use() {
    let wal = wal(&[(1, 1, 3), (2, 4, 9)], &[(2, &left())]);
    assert_eq!(
        shown(&wal, &[backup(1, 2)])[1],
        "2: 2.200 to 4.000, gap 1/4-4, stranded 5.000 to 10.000"
    );
}

#[test]
fn a_recovery_reads_what_leads_from_its_backup_to_the_first_gap() {
    let wal = wal(&[(1, 1, 4), (2, 5, 6), (2, 8, 9)], &[(2, &left())]);
    let read = |backup: &Span| {
        let timelines = Timelines::new(&wal, std::slice::from_ref(backup));
        let piece = |piece: Piece| {
            let (start, end) =
                (piece.wal.start.0 / (SEGMENT / 10), piece.wal.end.0 / (SEGMENT / 10));
            (piece.timeline.number(), start, end)
        };
        let of_one = |it: Recovery| {
            (it.timeline.number(), it.pieces.into_iter().map(piece).collect::<Vec<_>>())
        };
        timelines.recoveries(backup).into_iter().map(of_one).collect::<Vec<_>>()
    };
    // In tenths of segments. Of segment 5, both timelines may have a file.
    assert_eq!(read(&backup(1, 3)), [(1, vec![(1, 30, 50)]), (2, vec![(1, 30, 55), (2, 50, 70)])]);
    assert_eq!(read(&backup(2, 8)), [(2, vec![(2, 80, 100)])]);
    assert_eq!(read(&backup(2, 12)), [(2, vec![(2, 120, 122)])]);
}

#[test]
fn what_is_missing_lies_behind_a_backup_and_before_other_wal() {
    let wal = wal(&[(1, 1, 1), (1, 3, 3), (2, 5, 6), (2, 9, 9)], &[(2, &left())]);
    let missing = |backups: &[Span]| {
        let gaps = Timelines::new(&wal, backups).missing(backups);
        let gap = |it: Gap| (it.first.timeline.number(), it.first.segment, it.last.segment);
        gaps.into_iter().map(gap).collect::<Vec<_>>()
    };
    assert_eq!(missing(&[]), []);
    assert_eq!(missing(&[backup(1, 3)]), [(1, 4, 4), (2, 7, 8)]);
    // A backup in a gap, and one behind all WAL.
    assert_eq!(missing(&[backup(1, 2)]), [(1, 2, 2), (1, 2, 2), (1, 4, 4), (2, 7, 8)]);
    assert_eq!(missing(&[backup(2, 11)]), [(2, 11, 11)]);
    let inside = Span { carries_wal: true, ..backup(2, 11) };
    assert_eq!(missing(&[inside]), []);
}

#[test]
fn a_history_tells_what_there_was_before_its_timeline() {
    // Timeline 1 was left at 5.500.
    let (histories, backups) = ([(2, &left()[..])], [backup(1, 3)]);
    let of = |ranges: &[(u32, u64, u64)]| {
        let wal = wal(ranges, &histories);
        let timelines = Timelines::new(&wal, &backups);
        let reach =
            timelines.reach(&backups[0], tli(2)).unwrap_or_else(|| unreachable!("it is there"));
        let left = timelines.left(tli(2), reach).map(|it| (it.place, it.by, it.missing));
        (timelines.missing(&backups).len(), left)
    };
    let place = point(1, 5, 500);
    assert_eq!(of(&[(1, 3, 6), (2, 5, 6)]), (0, None));
    assert_eq!(of(&[(1, 3, 6)]), (0, Some((place, tli(2), false))));
    assert_eq!(of(&[(1, 3, 4)]), (0, Some((place, tli(2), false))));
    assert_eq!(of(&[(1, 3, 3)]), (1, Some((place, tli(2), true))));
}
