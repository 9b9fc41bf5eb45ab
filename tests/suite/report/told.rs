//! What stands on the page.

use super::scene::Past;
use crate::listing::laid::Laid;

/// The text of a page, without its tags.
pub fn text(page: &str) -> String {
    let body = page.split_once("<body>").expect("a body").1;
    let mut inside = false;
    let text: String = body
        .chars()
        .filter_map(|c| {
            match c {
                '<' => inside = true,
                '>' => {
                    inside = false;
                    return Some(' ');
                }
                _ => {}
            }
            (!inside).then_some(c)
        })
        .collect();
    let text = text.replace("&quot;", "\"").replace('\u{a0}', " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn windows_gaps_pins_and_backups_are_told_and_drawn() {
    let past = Past::new().eventful();
    let (page, outcome) = past.page();
    let text = text(&page);
    let says = |part: &str| assert!(text.contains(part), "no {part:?} in {text}\n{outcome}");
    let day = |seconds: u64| past.ago(seconds).strftime("%-d %b %Y, %H:%M").to_string();
    // A week before the report, which may have been made in the next minute.
    let begins = [7 * 86_400, 7 * 86_400 - 60].map(day);
    let told =
        |from: &String| text.contains(&format!("You can restore to any second from {from} to "));
    assert!(begins.iter().any(told), "none of {begins:?} in {text}\n{outcome}");
    says("before this report. There are gaps before that.");
    says("Last rehearsed 3 days before this report: it took 4 min 10 s.");
    says("At most lost now 4 min");
    says("Base backups 3 in 1 repository");
    says("3 segments 00000001000000000000003D to 00000001000000000000003F");
    says("before the move (pinned)");
    says("no : no repository has all of it");
    says("Timeline 2, left 1");
    says("objective 30 min");
    says("3 rehearsals, 1 of them failed; the last one took 4 min 10 s.");
    // Two windows on the old timeline and one that goes on, one gap, two backups, a pin and a cross.
    let picture =
        page.split("<svg class=\"narrow\"").nth(1).and_then(|it| it.split("</svg>").next());
    let drawn = |part: &str| picture.expect("a picture").matches(part).count();
    assert_eq!(drawn("class=\"window\""), 3, "{picture:?}");
    assert_eq!(drawn("class=\"gap\""), 1);
    assert_eq!(drawn("class=\"backup\""), 3);
    assert_eq!((drawn("class=\"pin\""), drawn("class=\"cross\"")), (1, 1));
    assert_eq!(drawn("class=\"branch\""), 1);
}

/// As from a new host, which has the configuration of the repositories alone.
#[test]
fn what_is_stored_and_not_configured_is_shown_and_checked_alike() {
    let past = Past::new().rich();
    let (page, outcome) = past.page();
    let page = text(&page);
    for said in [
        "main Redis ",
        "uploads Media files ",
        "letters Media files not configured here",
        "sessions Redis not configured here",
        "media letters, backup in disk not configured here: newest 200d old (",
    ] {
        assert!(page.contains(said), "no {said:?} in {page}\n{outcome}");
    }
    let checked = past.laid.seawall("check").args(["--objectives-free-space=0"]).run();
    let table = checked.expect(2).stdout.clone();
    let of = |what: &str| table.lines().find(|line| line.contains(what)).unwrap_or_default();
    assert!(
        of("media letters").contains("OK") && of("media letters").contains("10 whole"),
        "{table}"
    );
    assert!(of("Redis sessions").contains("not configured here: newest 90d old ("), "{table}");
    assert!(!table.contains("media letters, drill"), "{table}");
}

#[test]
fn nothing_is_loaded_from_anywhere() {
    let (page, _) = Past::new().eventful().page();
    // The sign of the tab is in the page itself.
    let (front, rest) = page.split_once("<link rel=\"icon\" href=\"data:").expect("an icon");
    let (_, behind) = rest.split_once('"').expect("an end");
    for outside in ["http://", "https://", "src=", "href=", "@import", "url(//", "<script", "<link"]
    {
        assert!(!front.contains(outside) && !behind.contains(outside), "{outside}");
    }
    let policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src \
                  'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'\">";
    assert!(page.contains(policy));
}

#[test]
fn what_others_named_is_escaped() {
    let past = Past::new();
    past.wal(1, 1..=5, 60, 60);
    past.backup(1, 2, 120, "<script>alert(1)</script>\"'&\u{1b}[31m");
    let (page, _) = past.page();
    assert!(!page.contains("<script"), "{page}");
    let shown = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;'&amp;\\u{1b}[31m";
    assert!(page.matches(shown).count() >= 2, "{page}");
    assert!(!page.contains('\u{1b}'));
}

#[test]
fn every_picture_is_described_and_every_id_is_there_once() {
    let (page, _) = Past::new().eventful().page();
    let ids: Vec<&str> =
        page.split(" id=\"").skip(1).filter_map(|it| it.split('"').next()).collect();
    let mut once = ids.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), ids.len());
    for named in page.split("aria-labelledby=\"").skip(1).filter_map(|it| it.split('"').next()) {
        for id in named.split(' ') {
            assert!(ids.contains(&id), "{id}");
        }
    }
    let pictures = page.matches("role=\"img\"").count();
    assert_eq!(pictures, 10, "windows, RPO, RTO, sizes and WAL, wide and narrow");
    assert_eq!(page.matches("<desc ").count(), pictures);
}

#[test]
fn an_empty_repository_says_what_to_do() {
    let laid = Laid::with_folder();
    let folder = laid.place.folder("empty");
    laid.configure(&format!("[[repository]]\nname = \"other\"\nurl = {folder:?}\n"));
    let outcome = laid.seawall("report").arg("--repository=other").args(["--html", "-"]).run();
    let text = text(&outcome.expect(0).stdout);
    let sentence = "In danger Nothing can be restored yet: there is no base backup.";
    assert!(text.contains(sentence), "{outcome}");
    assert!(text.contains("What to do next In danger PostgreSQL main, base backup"), "{outcome}");
}
