//! A stored object: what is handed out as its content is what its label says, or it is an error. The
//! first byte of the input says whether it is encrypted, the rest is the object.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use seawall::codec::{
    Decoded, Digest, Identities, LABEL_BYTES_MAX, Label, decode, label_of_stored,
};

/// The key that the encrypted seeds open with. It protects nothing.
const IDENTITY: &str = "AGE-SECRET-KEY-19C83QNG5VP5EHYD2VE47QQYZHGNCF0VKRVWH6Q5L5GRTVDY00PVQU02P9Z";

static IDENTITIES: LazyLock<Identities> =
    LazyLock::new(|| Identities::parse(IDENTITY).expect("an identity"));

fuzz_target!(|data: &[u8]| {
    let Some((first, object)) = data.split_first() else { return };
    let encrypted = first % 2 == 1;
    let front = &object[..object.len().min(LABEL_BYTES_MAX)];
    if let Ok(label) = label_of_stored(front, encrypted) {
        assert_eq!(label_of_stored(&written(&label, encrypted), encrypted), Ok(label));
    }
    let Ok(decoded) = decode(object, encrypted, &IDENTITIES) else { return };
    let label = decoded.label.clone();
    let Some(content) = whole_content(decoded) else { return };
    assert_eq!(content.len() as u64, label.size);
    assert_eq!(Digest::of(&content), label.digest);
    if !encrypted {
        assert_eq!(label_of_stored(front, false), Ok(label));
    }
});

/// A label as an object of that kind carries it.
fn written(label: &Label, encrypted: bool) -> Vec<u8> {
    if !encrypted {
        return label.to_frame();
    }
    let Label { name, size, digest } = label;
    let stanza = format!("-> seawall-label 1 {name} {size} {digest}\n\n");
    format!("age-encryption.org/v1\n{stanza}--- mac\n").into_bytes()
}

/// The content, if it is whole and not longer than a test takes.
fn whole_content(mut decoded: Decoded<'_>) -> Option<Vec<u8>> {
    const LONG: usize = 1 << 22;
    let (mut content, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
    while content.len() < LONG {
        match decoded.read(&mut buffer).ok()? {
            0 => return Some(content),
            read => content.extend_from_slice(&buffer[..read]),
        }
    }
    None
}
