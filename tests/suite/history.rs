//! Records of drills and verifications, in folders and buckets.

use jiff::Timestamp;
use seawall::backup::new_id;
use seawall::config::Config;
use seawall::history::{Record, RecordKind, RecordSubject, newest, store};
use seawall::postgres::SystemIdentifier;
use seawall::repository::{Repository, open_all};

use crate::support::place::Place;

fn folder(place: &Place) -> Repository {
    let url = place.folder("repository").display().to_string();
    let text = format!("[[repository]]\nname = \"disk\"\nurl = \"{url}\"\n");
    let resolved = seawall::config::of_text(&text).expect("a configuration");
    let config = Config::from_resolved(&resolved).expect("a configuration");
    open_all(&config, None).expect("opened").remove(0)
}

fn record(kind: RecordKind, began: &str) -> Record {
    let began: Timestamp = began.parse().expect("a time");
    Record {
        seawall: 1,
        id: new_id(began),
        kind,
        began,
        ended: began,
        passed: true,
        backups: Vec::new(),
        repository: None,
        phases: Vec::new(),
        reached: None,
        checks: Vec::new(),
        found: Vec::new(),
        past: false,
    }
}

#[test]
fn the_newest_records_of_a_kind_come_first() {
    let place = Place::new();
    let repository = folder(&place);
    let subject = RecordSubject::postgres("main", SystemIdentifier(7));
    let read = |kind, count| {
        let found = newest(&repository, &subject, kind, count, &|_| None);
        assert_eq!((found.failures, found.doubtful), (vec![], vec![]));
        found.records
    };
    assert_eq!(read(RecordKind::Drill, 9), []);
    let (one, two) = ("2026-11-01T02:00:00Z", "2026-11-02T02:00:00Z");
    let drills = [record(RecordKind::Drill, two), record(RecordKind::Drill, one)];
    for record in drills.iter().rev().chain([&record(RecordKind::Verification, two)]) {
        assert_eq!(store(&[&repository], &subject, record), []);
    }
    assert_eq!(read(RecordKind::Drill, 9), drills);
    assert_eq!(read(RecordKind::Drill, 1), drills[..1]);
    assert_eq!(read(RecordKind::Verification, 9).len(), 1);
    let other = RecordSubject::postgres("main", SystemIdentifier(70));
    assert_eq!(newest(&repository, &other, RecordKind::Drill, 9, &|_| None).records, []);
}

#[test]
fn a_record_is_never_replaced() {
    let place = Place::new();
    let repository = folder(&place);
    let record = record(RecordKind::Drill, "2026-11-01T02:00:00Z");
    let subject = RecordSubject::media("uploads");
    assert_eq!(store(&[&repository], &subject, &record), []);
    let errors = store(&[&repository], &subject, &record);
    assert_eq!(
        errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [format!(
            "could not record the drill in repository disk: expected no object history/media/uploads/{}-drill.json, \
             found one of another drill",
            record.id
        )]
    );
}
