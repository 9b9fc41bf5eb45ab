//! A throwaway server that archives a few segments into a folder.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::support::place::Place;
use crate::support::postgres::{Load, Server, Stop, shell_word};

/// How many segments to keep: enough for look-ahead to have something to do, few enough to be made
/// within seconds and held in memory.
fn count(segment_mib: u32) -> usize {
    (96 / segment_mib).clamp(3, 24) as usize
}

/// WAL of one cluster, oldest first.
pub struct WalFiles {
    pub version: u32,
    pub system_identifier: u64,
    pub segment_bytes: u64,
    /// Name and content of each finished segment, in order, without a gap.
    pub segments: Vec<(String, Vec<u8>)>,
    /// Name and content of a backup history file.
    pub backup_history: (String, Vec<u8>),
    /// The cluster's `global/pg_control`.
    pub control: Vec<u8>,
}

impl WalFiles {
    pub(super) fn make(version: u32, segment_mib: u32) -> WalFiles {
        let place = Place::new();
        let archive = place.folder("archive");
        let mut server = Server::builder(&place)
            .version(version)
            .segment_mib(segment_mib)
            .archive_command(&format!("cp %p {}/%f", shell_word(&archive)))
            .init();
        server.start();
        write_wal(&server, count(segment_mib));
        let system_identifier = server.system_identifier();
        server.stop(Stop::Fast);
        let (segments, others): (Vec<_>, Vec<_>) =
            files_in(&archive).into_iter().partition(|(name, _)| name.len() == 24);
        WalFiles {
            version,
            system_identifier,
            segment_bytes: u64::from(segment_mib) << 20,
            segments: segments.into_iter().take(count(segment_mib)).collect(),
            backup_history: others.into_iter().next().expect("a backup leaves a history file"),
            control: fs::read(server.data().join("global/pg_control")).expect("a control file"),
        }
    }

    /// The names of the segments, in order.
    pub fn names(&self) -> Vec<&str> {
        self.segments.iter().map(|(name, _)| name.as_str()).collect()
    }
}

/// A few rows for each segment, so that no two look the same, and one backup for its history file.
fn write_wal(server: &Server, segments: usize) {
    server.pgbench_init(1);
    server.sql("select pg_backup_start('tests', true); select 1 from pg_backup_stop()");
    let mut last = String::new();
    for _ in 0..segments {
        server.pgbench(1, Load::Transactions(20));
        last = server.switch_wal();
    }
    server.wait_archived(&last, Duration::from_secs(60));
}

fn files_in(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("the archive folder").flatten();
    let read = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().expect("WAL names are plain");
        (name, fs::read(entry.path()).expect("an archived file"))
    };
    let mut files: Vec<_> = entries.map(read).collect();
    files.sort();
    files
}
