//! Files with secrets in them, and who can read those.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Warns of a file with secrets in it that everybody on this host may read.
pub(crate) fn look(what: &str, path: &Path) {
    let Ok(metadata) = std::fs::metadata(path) else { return };
    let mode = metadata.mode() & 0o777;
    if metadata.is_file() && mode & 0o004 != 0 {
        tracing::warn!(
            "everybody on this host may read {what} {path:?} (mode {mode:04o}). HINT: chmod o= {}",
            path.display()
        );
    }
}
