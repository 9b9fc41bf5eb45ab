//! Stored objects are damaged on purpose: each damage x each kind of file x each repository x each
//! command. It is always said, and a wrong byte is never handed over.

mod cluster;
mod fetch;
mod push;

use crate::scene::Store;
use cluster::Cluster;

/// What happens to the object under test.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Damage {
    Deleted,
    /// Cut to so many thousandths of its length.
    Cut(usize),
    /// One bit is flipped at so many thousandths of its length.
    Flipped(usize),
    /// The same in the label, at this offset.
    LabelFlipped(usize),
    /// It changes places with that of the next file.
    Swapped,
    Emptied,
    /// Another cluster's object of the same name.
    Foreign,
}

const DAMAGES: [Damage; 15] = [
    Damage::Deleted,
    Damage::Cut(0),
    Damage::Cut(300),
    Damage::Cut(999),
    Damage::Flipped(0),
    Damage::Flipped(500),
    Damage::Flipped(800),
    Damage::Flipped(999),
    // The magic number, the length, the file's own name, the size, the digest.
    Damage::LabelFlipped(1),
    Damage::LabelFlipped(4),
    Damage::LabelFlipped(40),
    Damage::LabelFlipped(120),
    Damage::Swapped,
    Damage::Emptied,
    Damage::Foreign,
];

/// Which file's object.
#[derive(Clone, Copy, Debug, PartialEq)]
enum File {
    Segment,
    History,
}

fn inflict(damage: Damage, file: File, store: &Store, cluster: &Cluster) {
    let key = cluster.key(file);
    match damage {
        Damage::Deleted => store.delete(&key),
        Damage::Cut(thousandths) => {
            store.damage(&key, |bytes| bytes.truncate(bytes.len() * thousandths / 1000));
        }
        Damage::Flipped(thousandths) => store.damage(&key, |bytes| {
            let place = bytes.len() * thousandths / 1000;
            bytes[place] ^= 1;
        }),
        Damage::LabelFlipped(offset) => store.damage(&key, |bytes| bytes[offset] ^= 1),
        Damage::Swapped => {
            let other = cluster.next_key(file);
            let (ours, theirs) =
                (store.get(&key).expect("there"), store.get(&other).expect("there"));
            store.damage(&key, |bytes| *bytes = theirs);
            store.damage(&other, |bytes| *bytes = ours);
        }
        Damage::Emptied => store.damage(&key, Vec::clear),
        Damage::Foreign => store.damage(&key, |bytes| *bytes = cluster.foreign(file)),
    }
}

/// Every object as it is now, to mend the store with.
fn whole(store: &Store) -> Vec<(String, Vec<u8>)> {
    let bytes = |key: &String| store.get(key).expect("listed");
    store.keys().into_iter().map(|key| (key.clone(), bytes(&key))).collect()
}
