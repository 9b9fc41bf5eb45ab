//! The manifest of an append-only file is refused, or says the same when it is written anew; its files lie in its
//! folder, and come in the order in which a server reads them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall::redis_backup::server_files::{AofFileKind, AofManifest};
use seawall_fuzz::is_plain_name;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(manifest) = AofManifest::parse(text) else { return };
    assert!(manifest.entries.iter().all(|entry| is_plain_name(&entry.name)));
    assert_eq!(AofManifest::parse(&manifest.to_string()).as_ref(), Ok(&manifest));
    let needed: Vec<_> = manifest.needed().collect();
    assert!(needed.iter().skip(1).all(|entry| entry.kind == AofFileKind::Increment));
    assert!(needed.iter().skip(1).is_sorted_by(|one, next| one.sequence < next.sequence));
});
