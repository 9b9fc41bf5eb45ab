//! What is to come: what retention deletes next, what a month adds, which page helps; and the sign of the tab.

use std::collections::BTreeSet;

use serde_json::Value;

use super::scene::Past;
use super::told::text;

const MOMENT: &str = "2026-11-29T20:15:00Z";
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

fn past() -> Past {
    Past::at(MOMENT.parse().expect("a moment"))
}

#[track_caller]
fn says(text: &str, part: &str) {
    assert!(text.contains(part), "no {part:?} in {text}");
}

/// The ids of backups, which are titles of times in a table.
fn titles(page: &str) -> BTreeSet<String> {
    let (_, section) = page.split_once("What retention deletes next").expect("told");
    let (section, _) = section.split_once("</section>").expect("a section");
    let titles = section.split("<td class=\"nowrap\" title=\"").skip(1);
    titles.filter_map(|it| it.split('"').next()).map(str::to_owned).collect()
}

/// The page and `basebackup prune` speak of the same base backups.
#[test]
fn what_retention_deletes_next_is_what_prune_would_delete() {
    let past = Past::new().eventful();
    past.laid.configure("[retention]\nkeep_within = \"1h\"\nkeep_last = 1\nkeep_daily = 0\nkeep_weekly = 0\nkeep_monthly = 0\nwal_window = \"1d\"\n");
    let (page, _) = past.page();
    let run = past.laid.basebackup("prune").args(["--dry-run", "--json"]).run();
    let plan: Value = serde_json::from_str(&run.expect(0).stdout).expect("JSON");
    let plan = plan["plan"].as_array().expect("a plan").iter();
    let goes = plan.filter(|it| it["kind"] == "backup" && it["keep"] == false);
    let goes: BTreeSet<String> =
        goes.map(|it| it["name"].as_str().expect("an id").to_owned()).collect();
    assert!(!goes.is_empty(), "{run}");
    assert_eq!(titles(&page), goes, "{run}");
    says(&text(&page), "part-00002.tar.zst is missing");
    says(&text(&page), "The next basebackup prune deletes ");
}

#[test]
fn where_all_is_kept_nothing_goes() {
    let page = past().young().html();
    says(&text(&page), "What retention deletes next Nothing: each base backup is still within");
}

/// A segment of 13 bytes every two hours, for ten days and for less.
#[test]
fn a_month_is_told_by_the_last_whole_days() {
    let month = |segments, backup| {
        let past = past();
        past.wal(1, 1..=segments, 2 * HOUR, 240);
        past.backup(1, 2, backup, "first");
        text(&past.html())
    };
    let old = month(120, 10 * DAY - HOUR);
    says(&old, "A month adds");
    // 12 a day; the base backup is older than these days.
    says(
        &old,
        " 4.6 KiB What a month adds is the data of the 7 days before today, multiplied to 30 days.",
    );
    // The fourth day counts as far as there was anything, and the base backup with it.
    let young = month(48, 4 * DAY - 3 * HOUR);
    says(&young, "What a month adds is the data of the 3 days 1 h before today");
    says(&month(30, 2 * DAY), "not known yet");
    says(
        &month(30, 2 * DAY),
        "The page shows what a month adds once there are 3 days before today.",
    );
}

#[test]
fn a_lost_repository_leads_to_its_runbook() {
    let past = Past::new().young();
    let elsewhere = past.laid.place.path().join("not/there");
    past.laid.configure(&format!("[[repository]]\nname = \"gone\"\nurl = {elsewhere:?}\n"));
    let outcome = past.report("-").run();
    let page = outcome.expect(8).stdout.clone();
    let text = text(&page);
    says(&text, "In danger repository gone, access");
    says(&text, "Step by step: docs/runbooks/lost-repository.md, which the packages put below");
    // Each page that is named is one of ours.
    let named = page.split("docs/runbooks/").skip(1).filter_map(|it| it.split(".md").next());
    for name in named.map(|it| it.replace("</span>", "")) {
        crate::documents::read(format!("docs/runbooks/{name}.md"));
    }
}

#[test]
fn the_tab_has_the_colour_of_the_state() {
    let icon = |page: &str| {
        let (_, rest) = page.split_once("<link rel=\"icon\" href=\"data:").expect("an icon");
        rest.split('"').next().expect("an address").to_owned()
    };
    let (bad, idle) = (icon(&past().failing().html()), icon(&past().young().html()));
    assert!(bad.contains("fill='%23c93c26'"), "{bad}");
    assert!(!idle.contains("fill='%23c93c26'"), "{idle}");
}
