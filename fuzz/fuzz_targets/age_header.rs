//! An object that is said to be encrypted, and that never ends: it is opened or refused after no more than its header
//! may take, and its content proves itself piece by piece.
#![no_main]

use std::cell::Cell;
use std::io::Read;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use seawall::codec::{Identities, decode, decode_unlabelled};

/// The key that the seeds open with. It protects nothing.
const IDENTITY: &str = "AGE-SECRET-KEY-19C83QNG5VP5EHYD2VE47QQYZHGNCF0VKRVWH6Q5L5GRTVDY00PVQU02P9Z";

static IDENTITIES: LazyLock<Identities> =
    LazyLock::new(|| Identities::parse(IDENTITY).expect("an identity"));

/// The longest header, a piece of content and what is read ahead.
const READ_BYTES_MAX: u64 = (1 << 16) + (1 << 19);

fuzz_target!(|data: &[u8]| {
    // What comes behind the input, for ever: nothing that ends a line, or line after line.
    for filling in [b"a", b"\n", b"-"] {
        let read = Cell::new(0);
        let mut endless = Endless { data, filling: filling[0], read: &read };
        let opened = decode(&mut endless, true, &IDENTITIES).is_ok();
        assert!(read.get() <= READ_BYTES_MAX, "{} bytes read, opened: {opened}", read.get());
        let read = Cell::new(0);
        let endless = Endless { data, filling: filling[0], read: &read };
        if let Ok(plain) = decode_unlabelled(endless, true, &IDENTITIES) {
            let mut content = Vec::new();
            let _ = plain.take(1 << 20).read_to_end(&mut content);
        }
        assert!(read.get() <= 2 * READ_BYTES_MAX, "{} bytes read", read.get());
    }
});

struct Endless<'a> {
    data: &'a [u8],
    filling: u8,
    read: &'a Cell<u64>,
}

impl Read for Endless<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.data.read(buffer)?;
        let read = if read == 0 {
            buffer.fill(self.filling);
            buffer.len()
        } else {
            read
        };
        self.read.set(self.read.get() + read as u64);
        Ok(read)
    }
}
