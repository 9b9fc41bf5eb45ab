//! An object without a label, as parts of base backups are: however it is read, the same content comes out,
//! or an error. The first byte of the input says whether it is encrypted, the second into how much room it is
//! read, the rest is the object.
#![no_main]

use std::io::Read;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use seawall::codec::{Identities, decode_unlabelled, read_failed};

/// The key that the encrypted seeds open with. It protects nothing.
const IDENTITY: &str = "AGE-SECRET-KEY-19C83QNG5VP5EHYD2VE47QQYZHGNCF0VKRVWH6Q5L5GRTVDY00PVQU02P9Z";

static IDENTITIES: LazyLock<Identities> =
    LazyLock::new(|| Identities::parse(IDENTITY).expect("an identity"));

/// Longer than a test takes.
const LONG: usize = 1 << 22;

fuzz_target!(|data: &[u8]| {
    let Some(([first, room], object)) = data.split_first_chunk() else { return };
    let encrypted = first % 2 == 1;
    let roomy = content(object, encrypted, 1 << 20, object.len());
    let tight = content(object, encrypted, usize::from(*room) + 64, 1 + object.len() / 3);
    match (roomy, tight) {
        (Ok(Some(roomy)), Ok(Some(tight))) => assert!(roomy == tight),
        (Err(_), Err(_)) => {}
        // How far it was read depends on the room.
        (Ok(None), _) | (_, Ok(None)) => {}
        (roomy, tight) => panic!("{:?} and {:?}", roomy.map(|_| "fine"), tight.map(|_| "fine")),
    }
});

/// The content if it is shorter than [`LONG`], read into so much room at a time, from an object that comes in
/// pieces of at most so many bytes.
fn content(
    object: &[u8],
    encrypted: bool,
    room: usize,
    piece: usize,
) -> Result<Option<Vec<u8>>, String> {
    let object = Pieces { rest: object, piece };
    let decoded = decode_unlabelled(object, encrypted, &IDENTITIES);
    let mut decoded = decoded.map_err(|error| error.to_string())?;
    let (mut content, mut buffer) = (Vec::new(), vec![0; room]);
    while content.len() < LONG {
        let read = decoded.read(&mut buffer).map_err(|error| read_failed(&error).to_string())?;
        if read == 0 {
            return Ok(Some(content));
        }
        content.extend_from_slice(&buffer[..read]);
    }
    Ok(None)
}

struct Pieces<'a> {
    rest: &'a [u8],
    piece: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.piece.min(buffer.len()).min(self.rest.len());
        let (read, rest) = self.rest.split_at(length);
        buffer[..length].copy_from_slice(read);
        self.rest = rest;
        Ok(length)
    }
}
