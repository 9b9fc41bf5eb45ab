//! The data directory of the server on this host, for verbs that look into its `pg_wal`.

use std::path::{Path, PathBuf};

use crate::check::{Asked, ask};
use crate::config::Config;
use crate::data_directory::DataDirectory;
use crate::error::{Class, Error, Result};

/// The one that is named, or that of the server that answers, or what `PGDATA` says: the server may be down.
pub(super) fn data_directory(named: Option<&Path>, config: &Config) -> Result<DataDirectory> {
    let (path, system) = match named {
        Some(path) => (Some(path.to_owned()), None),
        None => match ask(config) {
            Asked::Answered(server) => {
                let told = server.facts.settings.text("data_directory");
                (told.map(PathBuf::from), Some(server.facts.system))
            }
            Asked::Silent { .. } => (std::env::var_os("PGDATA").map(PathBuf::from), None),
        },
    };
    const NAME_IT: &str = "Name it with --data-directory DIRECTORY.";
    let Some(path) = path else {
        let message = "the data directory of the server is not known: the server does not answer, or does not say it";
        return Err(Error::new(Class::Usage, message).hint(NAME_IT));
    };
    // Found only where it is one itself: this process may run anywhere.
    let found = DataDirectory::find(&path.join("pg_wal/any"))
        .filter(|it| std::path::absolute(&path).is_ok_and(|path| it.path() == path));
    let Some(found) = found else {
        let message = format!("expected a data directory of PostgreSQL at {path:?}");
        return Err(Error::new(Class::Usage, message).hint(NAME_IT));
    };
    let own = found.system_identifier()?;
    match system.filter(|system| *system != own) {
        None => Ok(found),
        Some(system) => {
            let message = format!(
                "the server that answers is of system {system}, and {path:?} on this host is of system {own}"
            );
            Err(Error::new(Class::Usage, message)
                .hint("Run it on the host of the server, or in its container."))
        }
    }
}
