//! Whom restored files belong to. Root's files are of no use to a server, which does not run as root, and root has
//! nothing to do in the folders of others: what its user can exchange meanwhile, root would write to.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::accounts;
use crate::error::{Class, Error, Result};

/// Refuses root a data directory of somebody else: one that is there, or a new one in his folder. It may restore into
/// its own folders, for a look, but start no server there.
pub fn refuse_root(data: &Path, start: bool) -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let there = data.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let metadata = fs::metadata(there).map_err(|error| Error::file("look at", there, &error))?;
    if metadata.uid() != 0 {
        let user = accounts::user(metadata.uid());
        let message = format!("root may not restore here: {there:?} belongs to {user}");
        return Err(Error::new(Class::Usage, message).hint(format!(
            "The server could not read files of root: sudo -u {user} basebackup restore … (with `sudo systemctl …` in \
             --before and --after where they need it)."
        )));
    }
    if start {
        return Err(Error::new(Class::Usage, "PostgreSQL does not run as root").hint(
            "Restore as the user that runs it, into a folder of his: sudo -u postgres basebackup restore …",
        ));
    }
    Ok(())
}
