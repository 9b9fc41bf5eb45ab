//! What is not right is refused with a text that says what was expected and what was found, and
//! leaves the archive as it was.

mod command_lines;
mod file_names;
mod paths;
mod repositories;
mod segments;
mod small_files;

use crate::by_hand::{ByHand, says_only};
use crate::support::run::Run;

/// Runs it in a host that has archived its first segment, and panics unless it ends with this
/// status, says this error and nothing else, and changes nothing in the archive.
#[track_caller]
fn refused(host: &ByHand, run: Run, status: i32, error: &str) {
    if host.stored().is_empty() {
        host.archives(0);
    }
    let before = host.stored();
    says_only(&run.run(), status, &format!("ERROR {error}"));
    assert!(before == host.stored(), "the archive has changed");
}
