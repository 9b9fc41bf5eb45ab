//! What is told at the top: PostgreSQL, Redis and media files beside one another, several clusters, the zone of the times,
//! and what to type.

use std::fs;

use super::scene::Past;
use super::told::text;
use crate::listing::laid::Laid;

const DAY: u64 = 24 * 3600;
const MEDIA: &str = "[media.uploads]\npaths = [\"/srv/uploads\"]\n";

/// The text in front of "What to do next".
fn top(page: &str) -> String {
    let text = text(page);
    text.split("What to do next").next().expect("a beginning").to_owned()
}

#[track_caller]
fn says(text: &str, part: &str) {
    assert!(text.contains(part), "no {part:?} in {text}");
}

#[test]
fn each_kind_has_a_tile() {
    let past = Past::at("2026-11-29T20:15:00Z".parse().expect("a moment")).young();
    past.redis("main", 1800, 9000);
    past.redis("main", 3 * DAY, 9000);
    past.media("uploads", 3600, 4000);
    past.media("uploads", 5 * DAY, 4000);
    past.laid.configure(MEDIA);
    let top = top(&past.html());
    says(&top, "PostgreSQL main");
    says(&top, "Newest 29 Nov 20:13 2 min old Reaches back to 29 Nov 19:35 39 min 55 s");
    says(&top, "Redis main");
    says(&top, "Newest 29 Nov 19:45 30 min old Reaches back to 26 Nov 20:15 3 days");
    says(&top, "Media files uploads");
    says(&top, "Newest 29 Nov 19:15 1 h old Reaches back to 24 Nov 20:15 5 days");
}

#[test]
fn what_nobody_backs_up_is_grey() {
    let top = top(&Past::new().young().html());
    assert_eq!(top.matches("Not backed up here No backups are configured.").count(), 2, "{top}");
    assert!(!top.contains("In danger"), "{top}");
}

/// Whatever of PostgreSQL can be restored: the first sentence says what can't.
#[test]
fn the_headline_is_not_good_when_redis_or_media_are_lost() {
    for (toml, lost) in [
        (MEDIA, "Nothing of the media files uploads can be restored."),
        ("[redis]\nkeep_daily = 9\n", "Nothing of Redis main can be restored."),
        (
            "[redis]\nkeep_daily = 9\n[media.uploads]\npaths = [\"/srv/uploads\"]\n",
            "Nothing of Redis main and the media files uploads can be restored.",
        ),
    ] {
        let past = Past::new().young();
        past.drill(DAY, 200.0, true);
        past.laid.configure(toml);
        let top = top(&past.html());
        says(&top, "In danger You can restore PostgreSQL to any second from");
        says(&top, lost);
        says(&top, "Newest none Reaches back to nothing");
    }
}

/// A zone as `zic` writes it, so that it does not matter which ones are installed.
fn zone(past: &Past) -> String {
    let header = |types: u8, letters: u8| {
        let mut header = b"TZif2".to_vec();
        header.extend([0; 15 + 16]);
        header.extend([0, 0, 0, types, 0, 0, 0, letters]);
        header
    };
    let mut file = header(1, 4);
    file.extend([0, 0, 0x0e, 0x10, 0, 0]);
    file.extend(b"CET\0");
    let file = [file.clone(), file, b"\nCET-1CEST,M3.5.0,M10.5.0/3\n".to_vec()].concat();
    let folder = past.laid.place.folder("zones");
    fs::create_dir_all(folder.join("Europe")).expect("a folder");
    fs::write(folder.join("Europe/Berlin"), file).expect("a file");
    folder.to_str().expect("plain").to_owned()
}

#[test]
fn times_are_told_in_the_zone_that_was_asked_for() {
    let past = Past::new().eventful();
    let zones = zone(&past);
    let run = |words: &[&str]| {
        past.laid.seawall("report").args(["--html", "-"]).args(words).env("TZDIR", &zones).run()
    };
    let told = |words: &[&str]| text(&run(words).expect(0).stdout);
    for words in [["--timezone", "Europe/Berlin"], ["--report-timezone", "Europe/Berlin"]] {
        let text = told(&words);
        says(&text, "All times are those of the zone Europe/Berlin.");
        assert!(text.contains(" CET") || text.contains(" CEST"), "{text}");
        assert!(!text.contains(" UTC"), "{text}");
    }
    says(&told(&[]), "All times are those of the zone UTC.");
    past.laid.configure("[report]\ntimezone = \"Europe/Berlin\"\n");
    says(&told(&[]), "All times are those of the zone Europe/Berlin.");
    says(&told(&["--timezone=UTC"]), "All times are those of the zone UTC.");
    let outcome = run(&["--timezone=Europe/Berlim"]);
    outcome.expect(3).says("expected a time zone that this host knows as report.timezone");
    outcome.says("found \"Europe/Berlim\". HINT: Write it like Europe/Berlin");
}

#[test]
fn a_zone_that_is_not_installed_stops_nothing_but_the_report() {
    let past = Past::new().young();
    past.laid.configure("[report]\ntimezone = \"Europe/Nowhere\"\n");
    past.laid.list().run().expect(0);
    past.report("-").run().expect(3).says("Install tzdata if the name is right.");
}

#[test]
fn the_line_to_type_names_the_configuration() {
    let past = Past::new().young();
    past.media("uploads", 3600, 4000);
    past.laid.configure(MEDIA);
    let (page, _) = past.page();
    let text = text(&page);
    let config = past.laid.config().display();
    says(&text, &format!("basebackup restore --config {config} DATA_DIRECTORY"));
    says(&text, &format!("basebackup restore --config {config} --target-time '20"));
    says(&text, &format!("media-backup restore --config {config} --set uploads --to FOLDER"));
    assert!(!text.contains("--conf REDIS_CONF"), "{text}");
    // It is a line that works: the plan of that very moment is made.
    let (_, rest) = text.split_once("--target-time '").expect("a moment");
    let (moment, _) = rest.split_once('\'').expect("a moment");
    let target = past.laid.place.path().join("restored");
    let run = past.laid.basebackup("restore").args(["--target-time", moment, "--dry-run"]);
    let outcome = run.arg(&target).run();
    assert!(!outcome.stderr.contains("--target-time"), "{outcome}");
}

/// Each of them with its own configuration.
#[test]
fn several_clusters_stand_on_one_page() {
    let (shop, forum) = (Past::new().eventful(), Laid::with_folder());
    let file = fs::read_to_string(forum.config()).expect("written above");
    fs::write(forum.config(), format!("cluster = \"forum\"\n{file}")).expect("a file");
    forum.put("disk", "not-ours", b"x");
    let run = shop.laid.seawall("report").arg("--config").arg(forum.config());
    let outcome = run.args(["--html", "-"]).run();
    let page = outcome.expect(0).stdout.clone();
    let text = text(&page);
    says(&text, "0 of 2 clusters are well.");
    says(&text, "Seawall, cluster main, as of");
    says(&text, "Seawall, cluster forum, as of");
    says(&text, "Nothing can be restored yet: there is no base backup.");
    for anchor in ["cluster", "cluster-of-2"] {
        assert!(page.contains(&format!("href=\"#{anchor}\"")), "{anchor}");
        assert!(page.contains(&format!("<article id=\"{anchor}\">")), "{anchor}");
    }
}
