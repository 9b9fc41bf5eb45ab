//! An RDB file is taken or refused alike, whole or in pieces of any size, and has no more keys than bytes. The first
//! two bytes of the input decide the sizes of the pieces; where the first is odd, the file gets no checksum, which no
//! mutation would get right.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall::redis_backup::{RdbCheck, RdbChecksum, RdbFacts};
use seawall_fuzz::pieces;

fuzz_target!(|data: &[u8]| {
    let Some((sizes, file)) = data.split_first_chunk::<2>() else { return };
    let mut file = file.to_vec();
    let without = sizes[0] % 2 == 1;
    if without && let Some(checksum) = file.last_chunk_mut::<8>() {
        checksum.fill(0);
    }
    let whole = check([&file[..]]);
    assert_eq!(check(pieces(&file, *sizes)), whole);
    let Ok(facts) = whole else { return };
    assert_eq!(facts.bytes, file.len() as u64);
    assert!(!without || facts.checksum == RdbChecksum::SwitchedOff);
    assert!(file.starts_with(facts.version.to_string().as_bytes()));
    let keys = facts.keys.unwrap_or_default();
    assert!(keys.is_sorted_by(|one, next| one.database < next.database));
    assert!(keys.iter().all(|it| it.expires <= it.keys));
    assert!(keys.iter().map(|it| it.keys).sum::<u64>() <= facts.bytes);
});

fn check<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<RdbFacts, String> {
    let mut check = RdbCheck::new();
    for piece in pieces {
        check.write(piece).map_err(|error| error.to_string())?;
    }
    check.finish().map_err(|error| error.to_string())
}
