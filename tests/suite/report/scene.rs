use std::fs::File;
use std::path::PathBuf;
use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};
use seawall::basebackup::Description;
use seawall::check::Asked;
use seawall::error::{Class, Error};
use seawall::history::{Check, Phase, Record, RecordKind};
use seawall::report::{ClusterFacts, PageZone, html};
use seawall::repository::open_all;

use crate::listing::laid::{Laid, OLD, described, history, history_key, object, segment_key};
use crate::scene::Store;
use crate::support::run::{Outcome, Run};

const HOUR: u64 = 3600;

/// A repository with a past: its objects were created when they would have been.
pub struct Past {
    pub laid: Laid,
    now: Timestamp,
}

impl Past {
    pub fn new() -> Past {
        Past::at(Timestamp::now())
    }

    /// As it will be, or was, at some moment.
    pub fn at(now: Timestamp) -> Past {
        Past { laid: Laid::with_folder(), now }
    }

    pub fn root(&self) -> PathBuf {
        let Store::Folder(root) = self.laid.store("disk") else { panic!("a folder") };
        root.clone()
    }

    /// So many seconds before now.
    pub fn ago(&self, seconds: u64) -> Timestamp {
        self.now - SignedDuration::from_secs(i64::try_from(seconds).unwrap())
    }

    /// An object that was created so many seconds ago.
    pub fn put(&self, key: &str, bytes: &[u8], ago: u64) {
        self.laid.put("disk", key, bytes);
        let file = File::options().write(true).open(self.root().join(key)).expect("just written");
        file.set_modified(SystemTime::from(self.ago(ago))).expect("a time");
    }

    /// Segments of 16 MiB, one every so many seconds, the last one that long ago.
    pub fn wal(
        &self,
        timeline: u32,
        numbers: std::ops::RangeInclusive<u32>,
        every: u64,
        last: u64,
    ) {
        for number in numbers.clone() {
            let ago = last + u64::from(numbers.end() - number) * every;
            self.put(&segment_key(OLD, timeline, number), b"not looked at", ago);
        }
    }

    /// A backup that began in this segment so many seconds ago. Returns its description.
    pub fn backup(&self, timeline: u32, segment: u64, ago: u64, label: &str) -> Description {
        let id = self.ago(ago).strftime("%Y%m%dT%H%M%SZ-4f2a").to_string();
        let mut description = described(&id, timeline, segment);
        description.label = label.to_owned();
        for stored in description.parts.iter().map(|it| &it.stored).chain([&description.manifest]) {
            let bytes = vec![b'x'; usize::try_from(stored.stored_size).unwrap()];
            self.put(&object(&description, &stored.object), &bytes, ago);
        }
        let json = description.to_json().expect("JSON");
        self.put(&object(&description, "backup.json"), &json, ago);
        description
    }

    pub fn pin(&self, backup: &Description) {
        self.put(&object(backup, "pin.json"), b"{\"seawall\":1}", HOUR);
    }

    /// Loses a part.
    pub fn damage(&self, backup: &Description) {
        self.laid.store("disk").delete(&object(backup, "part-00002.tar.zst"));
    }

    pub fn left(&self, parent: u32, timeline: u32, lsn: &str) {
        let text = format!("{parent}\t{lsn}\tno recovery target specified\n");
        let key = history_key(OLD, timeline, "");
        self.put(&key, &history(timeline, &text), HOUR);
    }

    /// A rehearsal that ended so many seconds ago and took this long until the server was usable.
    pub fn drill(&self, ago: u64, seconds: f64, passed: bool) {
        let ended = self.ago(ago);
        let phase = |name: &str, seconds| Phase { name: name.to_owned(), seconds };
        let record = Record {
            seawall: 1,
            id: ended.strftime("%Y%m%dT%H%M%SZ-0d1e").to_string(),
            kind: RecordKind::Drill,
            began: ended,
            ended,
            passed,
            backups: Vec::new(),
            repository: Some("disk".to_owned()),
            phases: vec![phase("fetch", seconds), phase("replay", 0.0), phase("checks", 77.0)],
            reached: None,
            checks: vec![Check { name: "tables".to_owned(), passed }],
            found: Vec::new(),
            past: false,
        };
        let json = serde_json::to_vec(&record).expect("JSON");
        let key = format!("history/postgres/main/{OLD}/{}-drill.json", record.id);
        self.put(&key, &json, ago);
    }

    /// A rehearsal that came to no check, with what its record says of that.
    pub fn failed(&self, ago: u64, found: &[&str]) {
        let ended = self.ago(ago);
        let record = Record {
            seawall: 1,
            id: ended.strftime("%Y%m%dT%H%M%SZ-0d1f").to_string(),
            kind: RecordKind::Drill,
            began: ended,
            ended,
            passed: false,
            backups: Vec::new(),
            repository: None,
            phases: Vec::new(),
            reached: None,
            checks: Vec::new(),
            found: found.iter().map(ToString::to_string).collect(),
            past: false,
        };
        let json = serde_json::to_vec(&record).expect("JSON");
        self.put(&format!("history/postgres/main/{OLD}/{}-drill.json", record.id), &json, ago);
    }

    /// Two weeks with a gap, a promotion, a pin, a damaged backup and three rehearsals.
    pub fn eventful(self) -> Past {
        let past = self;
        let day = 24 * HOUR;
        past.wal(1, 1..=60, 2 * HOUR, 9 * day);
        past.wal(1, 64..=120, 2 * HOUR, 3 * day);
        past.wal(2, 120..=154, 2 * HOUR, 240);
        past.left(1, 2, "0/78100000");
        past.pin(&past.backup(1, 2, 13 * day + 20 * HOUR, "before the move"));
        past.backup(1, 70, 7 * day, "nightly");
        past.damage(&past.backup(1, 100, 4 * day, "nightly"));
        past.backup(2, 140, 30 * HOUR, "nightly");
        past.drill(60 * day, 1900.0, true);
        past.drill(30 * day, 200.0, false);
        past.drill(3 * day, 250.0, true);
        past
    }

    /// The page as of the moment of this past, without a program and without a server.
    pub fn html(&self) -> String {
        let config = self.laid.resolved();
        let repositories = open_all(&config, None).expect("a folder");
        let error = Error::new(Class::Unreachable, "nobody is there");
        let silent = Asked::Silent { error, named: false };
        html(&[ClusterFacts::gather(&config, &repositories, &silent, self.now, PageZone::utc())])
    }

    /// `seawall report`, about to be run.
    pub fn report(&self, to: &str) -> Run {
        self.laid.seawall("report").arg("--html").arg(to)
    }

    /// The page.
    #[track_caller]
    pub fn page(&self) -> (String, Outcome) {
        let outcome = self.report("-").run();
        outcome.expect(0);
        (outcome.stdout.clone(), outcome)
    }
}
