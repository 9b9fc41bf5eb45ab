//! Stores differ in what they make of `If-None-Match: *` on a PUT: found out once, said once, and the
//! archive is never overwritten by one host on any of them.

use std::fs;

use super::Line;
use crate::scene::{Scene, altered, error, warnings};
use crate::support::proxy::{Fault, Rule};
use crate::support::run::Outcome;
use crate::support::s3::Kind;

const IGNORES: &str = "the store ignores If-None-Match on PUT: Seawall looks before it puts, so of two \
                       hosts that archive one name at the same instant the later may overwrite the earlier";
const PROBE: &str = "seawall-conditional-put-probe";
const CONDITION: &str = "if-none-match";

impl Line {
    fn probes(&self) -> usize {
        self.proxy.count("PUT", PROBE)
    }

    /// Whether each PUT of a segment had the condition.
    fn conditions(&self) -> Vec<bool> {
        let puts = self.proxy.requests().into_iter().filter(|one| one.method == "PUT");
        let segments = puts.filter(|one| one.path.contains("/wal/"));
        segments.map(|one| one.header(CONDITION) == Some("*")).collect()
    }

    /// What was found out, as it is kept in the data directory.
    fn finding(&self) -> Option<String> {
        let folder = self.scene.directory.wal("seawall");
        let names = self.scene.files_in("pg_wal/seawall").into_iter();
        let mut file =
            names.filter(|name| name.starts_with("store-")).map(|name| folder.join(name));
        let json = fs::read(file.next()?).expect("readable");
        let value: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        Some(value["conduct"].as_str().expect("a text").to_owned())
    }

    /// Another host of the same cluster that has other content under the name of the first segment.
    fn rival(&self) -> Scene {
        let rival = Scene::in_place(&self.scene.place).with(&self.store.table("s3"));
        rival.directory.put(rival.name(0), &altered(rival.bytes(0)));
        rival
    }

    /// Both this host and another one are refused when they come with other content.
    #[track_caller]
    fn refuses_other_content(&self) {
        let rival = self.rival();
        refused(&rival.push(0).run());
        self.scene.directory.put(self.scene.name(0), &altered(self.scene.bytes(0)));
        refused(&self.scene.push(0).run());
        self.holds_the_segment_once();
    }
}

#[track_caller]
fn refused(outcome: &Outcome) {
    outcome.expect(7);
    assert!(error(outcome).contains("; nothing was changed. HINT: "), "{outcome}");
}

#[test]
fn a_store_that_honours_it_is_probed_once_and_trusted() {
    for kind in [Kind::S3sFs, Kind::Moto] {
        let line = Line::new(kind);
        for number in 0..2 {
            let outcome = line.scene.has(number).push(number).run();
            outcome.expect(0);
            assert_eq!(warnings(&outcome), [""; 0], "{kind:?}");
            assert_eq!(line.probes(), 2, "{kind:?}: the first writes it, the second is refused");
        }
        assert_eq!(line.finding().as_deref(), Some("honours"), "{kind:?}");
        assert_eq!(line.conditions(), [true, true], "{kind:?}");
        line.store.delete(&line.scene.clear_key(1));
        line.refuses_other_content();
    }
}

#[test]
fn a_store_that_ignores_it_is_found_out_said_once_and_looked_at_first() {
    let line = Line::new(Kind::Rclone);
    let first = line.scene.has(0).push(0).run();
    first.expect(0);
    assert_eq!(warnings(&first), [IGNORES]);
    assert_eq!((line.finding().as_deref(), line.probes()), (Some("ignores"), 2));
    let second = line.scene.has(1).push(1).run();
    second.expect(0);
    assert_eq!(warnings(&second), [""; 0], "it was said before");
    assert_eq!(line.probes(), 2, "it was found out before");
    assert_eq!(line.conditions(), [false, false]);
    line.scene.push(0).run().expect(0).says("the same content is already archived");
    line.store.delete(&line.scene.clear_key(1));
    line.refuses_other_content();
}

#[test]
fn look_ahead_says_it_once_too() {
    let line = Line::new(Kind::Rclone);
    let outcome = line.scene.has_ready(9).push(0).run();
    outcome.expect(0);
    assert_eq!(warnings(&outcome), [IGNORES]);
    assert_eq!(line.probes(), 2);
    assert!(line.conditions().len() >= 9 && !line.conditions().contains(&true));
    for number in 0..9 {
        line.store.holds(&line.scene.clear_key(number), line.scene.bytes(number));
    }
}

#[test]
fn a_store_that_refuses_it_gets_puts_without_it() {
    let line = Line::new(Kind::S3sFs);
    line.proxy.add(Rule::new(Fault::Answer(501)).method("PUT").header(CONDITION));
    let first = line.scene.has(0).push(0).run();
    first.expect(0);
    assert_eq!(warnings(&first), [IGNORES.replace("ignores", "refuses")]);
    assert_eq!((line.finding().as_deref(), line.probes()), (Some("refuses"), 3), "it sticks to it");
    let second = line.scene.has(1).push(1).run();
    second.expect(0);
    assert_eq!((warnings(&second), line.probes()), (vec![], 3));
    assert_eq!(line.conditions(), [false, false]);
    line.scene.push(0).run().expect(0).says("the same content is already archived");
    line.store.delete(&line.scene.clear_key(1));
    line.refuses_other_content();
}

#[test]
fn a_store_that_begins_to_refuse_it_is_noticed() {
    let line = Line::new(Kind::S3sFs);
    line.scene.has(0).push(0).run().expect(0);
    assert_eq!(line.finding().as_deref(), Some("honours"));
    line.proxy.add(Rule::new(Fault::Answer(501)).method("PUT").header(CONDITION));
    let outcome = line.scene.has(1).push(1).run();
    outcome.expect(0);
    assert_eq!(warnings(&outcome), [IGNORES.replace("ignores", "refuses")]);
    assert_eq!((line.finding().as_deref(), line.probes()), (Some("refuses"), 5));
    line.store.holds(&line.scene.clear_key(1), line.scene.bytes(1));
}

/// As a proxy on the way says it that has a bad minute: nothing is concluded from that, not for a week.
#[test]
fn a_refusal_that_passes_is_no_finding() {
    for known in [false, true] {
        let line = Line::new(Kind::S3sFs);
        if known {
            line.scene.has(0).push(0).run().expect(0);
        }
        line.proxy.add(Rule::new(Fault::Answer(501)).method("PUT").header(CONDITION).times(1));
        let outcome = line.scene.has(1).push(1).run();
        assert_eq!(warnings(outcome.expect(0)), [""; 0], "{known}");
        assert_eq!(line.finding().as_deref(), Some("honours"), "{known}");
        line.store.holds(&line.scene.clear_key(1), line.scene.bytes(1));
    }
}

/// It refuses everything, so nothing is known of the condition.
#[test]
fn a_store_that_refuses_each_put_is_in_trouble() {
    let line = Line::new(Kind::S3sFs);
    line.proxy.add(Rule::new(Fault::Answer(501)).method("PUT"));
    let outcome = line.scene.has(0).push(0).args(crate::scene::SHORT_LIMITS).run();
    assert_eq!(warnings(outcome.expect(8)), [""; 0]);
    assert_eq!(line.finding(), None);
    line.proxy.clear();
    line.scene.push(0).run().expect(0);
    assert_eq!(line.finding().as_deref(), Some("honours"));
}

#[test]
fn a_finding_is_made_anew_after_a_week_or_when_it_is_torn() {
    let line = Line::new(Kind::S3sFs);
    line.scene.has(0).push(0).run().expect(0);
    let folder = line.scene.directory.wal("seawall");
    let names = line.scene.files_in("pg_wal/seawall");
    let name = names.iter().find(|name| name.starts_with("store-")).expect("a finding");
    let text = fs::read_to_string(folder.join(name)).expect("readable");
    let mut value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    value["found"] = (value["found"].as_u64().expect("a time") - 8 * 24 * 3600).into();
    for (number, worthless) in [value.to_string(), text[..10].to_owned()].into_iter().enumerate() {
        fs::write(folder.join(name), worthless).expect("root or owner");
        line.scene.has(number + 1).push(number + 1).run().expect(0);
        assert_eq!(line.probes(), 3 + number, "one PUT tells when the probe is there already");
    }
}

#[test]
fn a_setting_spares_the_probe() {
    for (setting, condition) in [("trust", true), ("look-first", false)] {
        let line = Line::new(Kind::S3sFs);
        let line =
            Line { scene: line.scene.with(&format!("conditional_put = \"{setting}\"")), ..line };
        let outcome = line.scene.has(0).push(0).run();
        outcome.expect(0);
        assert_eq!((warnings(&outcome), line.probes()), (vec![], 0), "{setting}");
        assert_eq!(line.conditions(), [condition], "{setting}");
        line.refuses_other_content();
    }
}

/// A store may lose metadata, or a copy between buckets may leave it behind: the object itself says
/// what it is.
#[test]
fn without_metadata_the_objects_label_is_read() {
    for kind in [Kind::Moto, Kind::Rclone] {
        let mut line = Line::new(kind);
        line.scene.has(0).push(0).run().expect(0);
        let key = line.scene.clear_key(0);
        match &mut line.store {
            // It keeps metadata in memory.
            crate::scene::Store::Bucket(server) if kind == Kind::Rclone => {
                server.stop();
                server.restart();
            }
            store => store.put(&key, &store.get(&key).expect("archived")),
        }
        let before = line.proxy.count("GET", &key);
        let outcome = line.scene.push(0).run();
        outcome.expect(0).says("the same content is already archived");
        assert_eq!(line.proxy.count("GET", &key), before + 1, "{kind:?}");
        line.refuses_other_content();
    }
}
