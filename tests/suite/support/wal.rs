//! Real WAL without a running server: segments that PostgreSQL wrote, made once for each version and
//! segment size, and data directories that look alive to a program called by hand.

mod data_directory;
mod generator;

pub use data_directory::DataDirectory;
pub use generator::WalFiles;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

type Once = Arc<OnceLock<Arc<WalFiles>>>;

/// The files of one cluster of this version and segment size. The first caller waits for a server
/// to make them, all others share them.
#[track_caller]
pub fn wal_files(version: u32, segment_mib: u32) -> Arc<WalFiles> {
    static ALL: LazyLock<Mutex<HashMap<(u32, u32), Once>>> = LazyLock::new(Mutex::default);
    // The lock is let go before the server starts, so that other kinds are made at the same time.
    let once = ALL
        .lock()
        .expect("no panic under the lock")
        .entry((version, segment_mib))
        .or_default()
        .clone();
    once.get_or_init(|| Arc::new(WalFiles::make(version, segment_mib))).clone()
}
