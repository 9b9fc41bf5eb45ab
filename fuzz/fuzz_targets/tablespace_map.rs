//! A `tablespace_map` is refused, or says the same when it is written anew.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall::postgres::TablespaceMap;

fuzz_target!(|data: &[u8]| {
    let Ok(map) = TablespaceMap::parse(data) else { return };
    assert!(map.0.values().all(|path| !path.as_os_str().is_empty()));
    assert_eq!(TablespaceMap::parse(&map.to_bytes()), Ok(map));
});
