//! Young servers and idle ones: nothing on the page looks broken, or alarms, because there is little to tell.

use super::scene::Past;
use super::told::text;

const MOMENT: &str = "2026-11-29T20:15:00Z";
const HOUR: u64 = 3600;

fn past() -> Past {
    Past::at(MOMENT.parse().expect("a moment"))
}

#[track_caller]
fn says(text: &str, part: &str) {
    assert!(text.contains(part), "no {part:?} in {text}");
}

#[test]
fn the_first_day_says_nothing_twice_and_draws_no_lonely_bar() {
    let page = past().young().html();
    let text = text(&page);
    says(&text, "You can restore to any second from 29 Nov 2026, 19:35 to 20:13 UTC, 2 min");
    says(&text, "1 base backup, which takes 3.1 KiB.");
    says(&text, "of WAL came so far, all of it today.");
    for picture in ["sizes", "wal", "rpo", "rto"] {
        assert!(!page.contains(&format!("id=\"{picture}-wide-t\"")), "{picture}");
    }
    assert!(page.contains("id=\"near0-wide-t\""), "{page}");
}

#[test]
fn moments_that_are_close_together_have_seconds() {
    let past = past();
    past.wal(1, 1..=5, 30, 10);
    past.backup(1, 2, 100, "first");
    let text = text(&past.html());
    says(&text, "from 29 Nov 2026, 20:13:25 to 20:14:50 UTC, 10 s before this report.");
}

#[test]
fn an_idle_server_is_not_painted_red() {
    let past = past();
    past.wal(1, 1..=150, 2 * HOUR, 240);
    past.backup(1, 2, 298 * HOUR, "first");
    let page = past.html();
    let text = text(&page);
    says(&text, "Whether the objective of 5 min was kept is not known. In ");
    says(
        &text,
        "no WAL was stored within the objective, and none had piled up: the server was idle",
    );
    assert!(!page.contains("class=\"over\""), "{page}");
    assert!(page.contains("class=\"quiet\""), "{page}");
}

/// Many segments at once, after a time without any, were there all the time.
#[test]
fn wal_that_had_piled_up_is_red() {
    let past = past();
    past.wal(1, 1..=300, 60, 10 * HOUR);
    past.wal(1, 301..=320, 1, 2 * HOUR);
    past.wal(1, 321..=440, 60, 30);
    past.backup(1, 2, 14 * HOUR, "first");
    let page = past.html();
    says(&text(&page), "The objective of 5 min was kept in ");
    says(&text(&page), "At worst it was 7 h 59 min.");
    assert!(page.contains("class=\"over\"") && page.contains("class=\"within\""), "{page}");
    assert!(!page.contains("class=\"quiet\""), "{page}");
}

#[test]
fn a_rehearsal_that_failed_says_why() {
    let past = past().young();
    past.failed(2 * HOUR, &["could not start the restored server: exit status 1"]);
    past.failed(HOUR, &[]);
    let text = text(&past.html());
    says(&text, "failed could not start the restored server: exit status 1");
    says(&text, "failed Its record does not say why: the journal of its unit does.");
}
