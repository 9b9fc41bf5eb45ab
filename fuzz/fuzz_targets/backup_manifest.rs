//! The lines of a `backup_manifest`, to which the target gives their checksum: refused, or a list of files
//! below the data directory. When one of them gets another content, nothing else changes.
#![no_main]

use std::path::{Component, Path};

use libfuzzer_sys::fuzz_target;
use seawall::postgres::{BackupManifest, ManifestFile};

fuzz_target!(|data: &[u8]| {
    // As it came: the checksum is hardly ever right.
    let _ = BackupManifest::parse(data);
    let with_a_last_line = [data, b"\n}\n"].concat();
    let bytes = BackupManifest::with_content(&with_a_last_line, Path::new("nowhere"), b"");
    let Ok(bytes) = bytes else { return };
    let Ok(manifest) = BackupManifest::parse(&bytes) else { return };
    for file in &manifest.files {
        let mut parts = file.path.components();
        assert!(parts.all(|part| matches!(part, Component::Normal(_))), "{file:?}");
        assert!(file.path.file_name().is_some() && file.path.is_relative(), "{file:?}");
    }
    let changed = manifest.files.iter().find(|file| file.path.to_str().is_some());
    if let Some(changed) = changed {
        check_change(&bytes, &manifest, changed);
    }
});

/// The new content of the file that is changed.
const CONTENT: &[u8] = b"16384 /elsewhere\n";

fn check_change(bytes: &[u8], manifest: &BackupManifest, changed: &ManifestFile) {
    let written = BackupManifest::with_content(bytes, &changed.path, CONTENT);
    let again = BackupManifest::parse(&written.expect("it was a manifest")).expect("it still is");
    assert_eq!(again.system, manifest.system);
    assert_eq!(again.wal_ranges, manifest.wal_ranges);
    assert_eq!(again.files.len(), manifest.files.len());
    for (before, after) in manifest.files.iter().zip(&again.files) {
        assert_eq!(before.path, after.path);
        // The server writes each file in a line of its own; others are left alone.
        let is_new = before.path == changed.path && after.size == CONTENT.len() as u64;
        assert!(is_new || before == after, "{before:?} became {after:?}");
    }
}
