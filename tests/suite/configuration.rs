//! What is wrong with a configuration is found before anything is done, and said with the place it
//! stands in; what is right comes from flag, environment, file and default, in this order.

mod endpoints;
mod files;
mod precedence;
mod repositories;
mod secrets;
mod statuses;

use crate::by_hand::{ByHand, says_only};
use crate::support::run::{Outcome, Run};

/// A configuration file of the host; its path is `seawall.toml` in the place.
pub fn with_file(host: &ByHand, run: Run, text: &str) -> Run {
    let config = host.place.file("seawall.toml", text);
    run.env("SEAWALL_REPOSITORY", "").env("SEAWALL_CONFIG", config)
}

/// Archives with this configuration file and checks what is said against it, behind the words that
/// name the file.
#[track_caller]
fn refused_file(host: &ByHand, text: &str, reason: &str) {
    let run = with_file(host, host.push(), text).args(["pg_wal/x", host.name(0)]);
    let config = host.place.join("seawall.toml");
    says_only(&run.run(), 3, &format!("ERROR could not use configuration {config:?}: {reason}"));
}

/// The same for what is wrong only as a whole: the words that name the file are `at`.
#[track_caller]
fn refused_as_a_whole(host: &ByHand, text: &str, reason: &str) {
    let run = with_file(host, host.push(), text).args(["pg_wal/x", host.name(0)]);
    let config = host.place.join("seawall.toml").display().to_string();
    says_only(&run.run(), 3, &format!("ERROR {}", reason.replace("{file}", &config)));
}

/// Value and origin of a key, as `seawall config show` prints them.
#[track_caller]
fn shown(outcome: &Outcome, key: &str) -> (String, String) {
    let starts = |line: &&str| line.split_whitespace().next() == Some(key);
    let line = outcome.stdout.lines().find(starts);
    let line = line.unwrap_or_else(|| panic!("no line of {key}: {outcome}"))[key.len()..].trim();
    // At least two spaces are between columns, and only one in a list.
    let (value, origin) = line.split_once("  ").unwrap_or((line, ""));
    (value.to_owned(), origin.trim().to_owned())
}
