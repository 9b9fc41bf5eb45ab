use std::fs;
use std::path::Path;

use crate::postgres::WalFileName;

/// The files that PostgreSQL has marked as ready to be archived (`pg_wal/archive_status/*.ready`), in
/// the order in which it will ask for them: histories first, then by name (`ready_file_comparator`
/// in `pgarch.c`). A folder that can't be read gives none: they are asked for one by one then.
pub fn ready_files(pg_wal: &Path) -> Vec<WalFileName> {
    let Ok(entries) = fs::read_dir(pg_wal.join("archive_status")) else { return Vec::new() };
    let name = |entry: fs::DirEntry| {
        entry.file_name().to_str()?.strip_suffix(".ready")?.parse::<WalFileName>().ok()
    };
    let mut ready: Vec<WalFileName> = entries.flatten().filter_map(name).collect();
    ready.sort_by_cached_key(|name| (!matches!(name, WalFileName::History(_)), name.to_string()));
    ready
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histories_come_first_and_strangers_not_at_all() {
        let place = tempfile::tempdir().unwrap();
        let status = place.path().join("archive_status");
        fs::create_dir(&status).unwrap();
        for name in [
            "000000020000000000000004.ready",
            "000000010000000000000003.ready",
            "000000010000000000000002.done",
            "00000002.history.ready",
            "000000010000000000000003.00000028.backup.ready",
            "junk.ready",
        ] {
            fs::write(status.join(name), "").unwrap();
        }
        let names: Vec<String> =
            ready_files(place.path()).iter().map(ToString::to_string).collect();
        assert_eq!(
            names,
            [
                "00000002.history",
                "000000010000000000000003",
                "000000010000000000000003.00000028.backup",
                "000000020000000000000004",
            ]
        );
    }
}
