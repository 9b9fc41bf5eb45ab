//! Named places where a test can have the process killed, as `kill -9` or a power cut would.
//!
//! `SEAWALL_FAILPOINT=local.after-write` kills at the first time that place is reached,
//! `local.after-write:2` at the third. Only binaries built with debug assertions look: a release
//! binary cannot be made to die by its environment.

/// Every place, in the order in which a push, a fetch, a base backup and a restore come past them.
pub const NAMES: &[&str] = &[
    "push.checked",
    "push.encoded",
    "local.temporary-created",
    "local.temporary-written",
    "local.temporary-synced",
    "local.published",
    "local.folder-synced",
    "local.replacement-written",
    "s3.before-put",
    "s3.after-put",
    "push.repository-done",
    "owe.before-note",
    "owe.noted",
    "settle.before-file",
    "settle.carried",
    "settle.backup-copied",
    "look-ahead.before-note",
    "look-ahead.noted",
    "fetch.decoded",
    "fetch.renamed",
    "prefetch.decoded",
    "prefetch.published",
    "create.part-begun",
    "create.part-stored",
    "create.parts-done",
    "create.manifest-stored",
    "create.described",
    "restore.aside-moved",
    "restore.folders-made",
    "restore.marked",
    "restore.strays-removed",
    "restore.folders-laid",
    "restore.file-begun",
    "restore.file-written",
    "restore.part-laid",
    "restore.map-laid",
    "restore.manifest-laid",
    "restore.control-file-laid",
    "restore.synced",
    "restore.settings-written",
    "restore.signal-written",
    "restore.control-file-named",
    "drill.fetched",
    "drill.started",
    "drill.replayed",
    "media.begun",
    "media.folder-made",
    "media.file-kept",
    "media.files-kept",
    "media.index-stored",
    "media.synced",
    "media.described",
    "media.strays-removed",
    "media.file-laid",
    "media.files-laid",
    "media.folders-settled",
    "packed.begun",
    "packed.pack-begun",
    "packed.member-kept",
    "packed.pack-stored",
    "packed.packs-stored",
    "packed.contents-stored",
    "packed.index-stored",
    "packed.looked-again",
    "packed.described",
    "packed.state-stored",
    "redis.staging-made",
    "redis.file-laid",
    "redis.planned",
    "redis.step-done",
    "redis.carried-out",
    "copy.wal-read",
    "copy.wal-stored",
    "copy.marked",
    "copy.tree-begun",
    "copy.tree-laid",
    "copy.object-read",
    "copy.object-stored",
    "copy.objects-stored",
    "copy.described",
    "drop.stored",
    "drop.kept",
    "drop.noted",
    "drop.gave-up",
    "prune.before-delete",
    "prune.deleted",
];

/// Dies here if a test asked for it.
#[cfg(debug_assertions)]
pub fn reach(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static SEEN: AtomicU32 = AtomicU32::new(0);

    debug_assert!(NAMES.contains(&name), "failpoint {name} is not in the list");
    let Ok(wanted) = std::env::var("SEAWALL_FAILPOINT") else { return };
    let (place, skip) = wanted.split_once(':').unwrap_or((&wanted, "0"));
    let skip: u32 = skip.parse().expect("SEAWALL_FAILPOINT is NAME or NAME:COUNT");
    assert!(NAMES.contains(&place), "there is no failpoint {place}");
    if place == name && SEEN.fetch_add(1, Ordering::Relaxed) == skip {
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

#[cfg(not(debug_assertions))]
pub fn reach(_name: &str) {}
