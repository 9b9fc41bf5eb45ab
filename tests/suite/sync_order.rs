//! What is acknowledged survives a power cut: content is on the disk before it has its name, the name before
//! anybody is told, and so is the way to it from the root of the repository. Watched through the calls that the
//! programs make; each of these tests fails where a sync is taken out.

mod base_backups;
mod fetch;
mod media;
mod pruning;
mod push;
mod redis;
mod small;

use std::path::Path;

use crate::support::place::Place;
use crate::support::run::Run;
use crate::support::trace::{Event, Trace, is_temporary};

/// Runs it, which has to go well, and reads what it did.
#[track_caller]
fn traced(run: Run, place: &Place) -> Trace {
    traced_with(run, place, &[])
}

#[track_caller]
fn traced_with(run: Run, place: &Place, tampering: &[&str]) -> Trace {
    let (outcome, trace) = run.trace(place, tampering);
    outcome.expect(0);
    trace
}

/// Panics unless each file below a path had its content on the disk when it got its name, and all of it survives
/// a power cut at the end.
#[track_caller]
fn proven(trace: &Trace, below: &Path) {
    let mut named = 0;
    let disk = trace.replay(|event, disk| {
        if let Event::Renamed { from, to } | Event::Linked { from, to } = event
            && to.starts_with(below)
            && !is_temporary(to)
        {
            named += 1;
            assert!(disk.has_content(from), "{} is not synced when it gets its name", to.display());
        }
    });
    assert!(named > 0, "nothing got a name below {}", below.display());
    kept(disk.at_risk(below));
}

/// Panics unless all below a path survives a power cut at the end.
#[track_caller]
fn survives(trace: &Trace, below: &Path) {
    kept(trace.replay(|_, _| {}).at_risk(below));
}

/// Panics unless all below a path survives a power cut at the moment when something gets this name.
#[track_caller]
fn survives_when_named(trace: &Trace, below: &Path, name: &str) {
    let mut times = 0;
    trace.replay(|event, disk| {
        if let Event::Renamed { to, .. } | Event::Linked { to, .. } = event
            && to.starts_with(below)
            && to.ends_with(name)
        {
            times += 1;
            kept(disk.at_risk(below));
        }
    });
    assert!(times > 0, "nothing was named {name}");
}

#[track_caller]
fn kept(lost: Vec<String>) {
    assert!(lost.is_empty(), "a power cut takes:\n  {}", lost.join("\n  "));
}
