//! Archiving as the server sees it.

use std::fs;
use std::time::Duration;

use super::Server;
use crate::support::wait::poll;

/// What `pg_stat_archiver` says.
#[derive(Debug, PartialEq)]
pub struct ArchiverStatistics {
    pub archived_count: u64,
    pub last_archived: String,
    pub failed_count: u64,
    pub last_failed: String,
}

impl Server {
    /// Finishes the segment in use and gives its name. A message is written first, because the
    /// server does not switch away from an empty segment.
    #[track_caller]
    pub fn switch_wal(&self) -> String {
        self.sql("select pg_logical_emit_message(true, 'tests', 'switch')");
        self.sql("select pg_walfile_name(pg_switch_wal() - 1)")
    }

    /// Waits until this segment and all before it on its timeline were archived.
    #[track_caller]
    pub fn wait_archived(&self, segment: &str, limit: Duration) {
        if poll(limit, || self.archived(segment).then_some(())).is_none() {
            panic!(
                "{segment} was not archived within {limit:?}; still ready: {:?}\n{}",
                self.ready_files(),
                self.log_since_start()
            );
        }
    }

    /// The names that wait to be archived, in order.
    pub fn ready_files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.data().join("pg_wal/archive_status"));
        let entries = entries.expect("a data directory has archive_status").flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let ready = names.filter_map(|name| name.strip_suffix(".ready").map(str::to_owned));
        let mut ready: Vec<String> = ready.collect();
        ready.sort();
        ready
    }

    #[track_caller]
    pub fn stat_archiver(&self) -> ArchiverStatistics {
        let row = self.sql(
            "select archived_count, last_archived_wal, failed_count, last_failed_wal \
             from pg_stat_archiver",
        );
        let columns: Vec<&str> = row.split('|').collect();
        ArchiverStatistics {
            archived_count: columns[0].parse().expect("a count"),
            last_archived: columns[1].to_owned(),
            failed_count: columns[2].parse().expect("a count"),
            last_failed: columns[3].to_owned(),
        }
    }

    /// A segment is archived when it is marked done, or recycled already. The marks are read from
    /// the files: the statistics name only the newest one, and may come late.
    fn archived(&self, segment: &str) -> bool {
        let wal = self.data().join("pg_wal");
        let gone = wal.join(format!("archive_status/{segment}.done")).exists()
            || !wal.join(segment).exists();
        let is_before = |name: &String| {
            name.len() == segment.len() && name[..8] == segment[..8] && name.as_str() <= segment
        };
        gone && !self.ready_files().iter().any(is_before)
    }
}
