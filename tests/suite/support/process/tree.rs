//! Process trees, read from `/proc`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Signal, kill_process};

use super::pid;
use crate::support::wait::wait_until;

/// Kills a process and everything below it.
///
/// PostgreSQL gives each of its processes a session of its own, so a process group is not enough.
/// Each process is stopped before its children are looked for, so that none is born unseen.
pub fn kill(root: u32) {
    let mut found = vec![root];
    let mut next = 0;
    while next < found.len() {
        send(found[next], Signal::STOP);
        let seen = children_of(found[next]);
        found.extend(seen.into_iter().filter(|child| !found.contains(child)).collect::<Vec<_>>());
        next += 1;
    }
    for &process in &found {
        send(process, Signal::KILL);
    }
    let gone = || found.iter().all(|&process| !alive(process));
    // In the middle of an `fsync` no signal ends a process.
    wait_until("killed processes to go", Duration::from_secs(240), gone);
}

/// Kills every process whose working folder lies in `folder`: what a killed server left behind has
/// lost its parent, but not its working folder.
pub fn kill_in(folder: &Path) {
    let end = || {
        let left: Vec<u32> =
            all().into_iter().filter(|&process| works_in(process, folder)).collect();
        left.iter().for_each(|&process| send(process, Signal::KILL));
        left.is_empty()
    };
    wait_until("processes to leave the place", Duration::from_secs(20), end);
}

/// Whether the process exists and has not ended yet.
pub fn alive(process: u32) -> bool {
    state_and_parent(process).is_some_and(|(state, _)| state != 'Z' && state != 'X')
}

/// The direct children of a process.
pub fn children_of(parent: u32) -> Vec<u32> {
    let is_child = |&process: &u32| state_and_parent(process).is_some_and(|(_, of)| of == parent);
    all().into_iter().filter(is_child).collect()
}

fn send(process: u32, signal: Signal) {
    // It may have ended on its own meanwhile, which is as good.
    let _ = kill_process(pid(process), signal);
}

fn works_in(process: u32, folder: &Path) -> bool {
    alive(process)
        && fs::read_link(format!("/proc/{process}/cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
}

fn all() -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("/proc is readable").flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The name of the program stands in parentheses and may itself hold spaces and parentheses.
fn state_and_parent(process: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}
