//! What a recovery may leave behind: locks, what was learnt, and what it asked for last.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::archiving::commands::names_in;
use crate::support::place::Place;
use crate::support::wait::wait_until;

const LIMIT: Duration = Duration::from_secs(60);

/// Locks and what was learnt about the stores stay; no segment and no note does, and no process.
#[track_caller]
pub fn nothing_is_left_behind(place: &Place, data: &Path) {
    wait_until("the end of the prefetching process", LIMIT, || prefetching_in(place).is_empty());
    let state = data.join("pg_wal/seawall");
    let mut names = names_in(&state, "");
    names.retain(|name| {
        !name.ends_with(".lock")
            && !["pushed", "histories", "asked.json", "repositories", "stopping"]
                .contains(&name.as_str())
            && !name.starts_with("timelines-")
    });
    names.extend(names_in(&state.join("pushed"), ""));
    assert!(names.is_empty(), "{names:?}");
}

/// The processes in a place that fetch ahead.
fn prefetching_in(place: &Place) -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("/proc is readable").flatten();
    let in_place = processes.filter(|entry| {
        fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(place.path()))
    });
    let lines = in_place.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).into_owned());
    lines.filter(|line| line.contains("--prefetch-segments-of")).collect()
}
