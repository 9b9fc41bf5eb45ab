//! A tar archive that comes in pieces of any size is cut at the same places as one that comes whole, and
//! nothing of it gets lost. The first two bytes of the input decide the sizes of the pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall::basebackup::{TarSplitter, TarStretch};
use seawall_fuzz::pieces;

fuzz_target!(|data: &[u8]| {
    let Some((sizes, archive)) = data.split_first_chunk::<2>() else { return };
    let whole = cut([archive]);
    assert_eq!(cut(pieces(archive, *sizes)), whole);
    if let Ok((entries, ended_well)) = whole {
        let entries: Vec<u8> = entries.concat();
        assert!(archive.starts_with(&entries));
        // Behind the entries there is nothing but the end.
        assert!(!ended_well || archive[entries.len()..].iter().all(|byte| *byte == 0));
    }
});

/// The entries, and whether the archive ended where one does.
type Cut = (Vec<Vec<u8>>, bool);

fn cut<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Cut, String> {
    let (mut splitter, mut entries) = (TarSplitter::default(), Vec::<Vec<u8>>::new());
    for piece in pieces {
        let read = splitter.read(piece, &mut |stretch| {
            match stretch {
                TarStretch::Entry => entries.push(Vec::new()),
                TarStretch::Bytes(bytes) => {
                    entries.last_mut().expect("an entry first").extend_from_slice(bytes);
                }
            }
            Ok(())
        });
        read.map_err(|error| error.to_string())?;
    }
    Ok((entries, splitter.finish().is_ok()))
}
