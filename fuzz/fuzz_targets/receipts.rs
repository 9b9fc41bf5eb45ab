//! The receipt that a prefetched segment was proved: whatever stands in it, a file that is not what its label says is handed over only
//! if the receipt is of this very file. The target adds what no mutation can know: what another file looks like, and which run of the
//! machine this is, where the input does not say it.
#![no_main]

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use seawall::codec::{Digest, Label};
use seawall::command::wal_fetch::PrefetchFolder;
use seawall::data_directory::{DataDirectory, StateFolder};
use seawall::durable::FileStamp;
use seawall::postgres::{SystemIdentifier, WalFileName, WalSegment};
use seawall::repository::WalFolder;
use serde_json::{Map, Value, from_slice, json, to_vec};
use tempfile::TempDir;

const NAME: &str = "000000010000000000000001";
const SEGMENT_BYTES: u64 = 1 << 20;
const SYSTEM: u64 = 7;

struct Place {
    /// Removed with the process.
    _folder: TempDir,
    prefetched: PrefetchFolder,
    segment: WalSegment,
    wal: WalFolder,
    target: PathBuf,
    other: FileStamp,
    boot: String,
}

static PLACE: LazyLock<Place> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["global", "pg_wal"] {
        fs::create_dir(folder.path().join(name)).expect("a folder");
    }
    fs::write(folder.path().join("global/pg_control"), "").expect("a file");
    let target = folder.path().join("pg_wal/RECOVERYXLOG");
    let data = DataDirectory::find(&target).expect("a data directory");
    let state = StateFolder::of(&data).expect("a folder");
    let prefetched = PrefetchFolder::open(&state, "here").expect("a folder");
    let Ok(WalFileName::Segment(segment)) = NAME.parse() else { panic!("{NAME} is a segment") };
    let other = File::open(folder.path().join("global/pg_control")).expect("a file");
    let place = Place {
        prefetched,
        segment,
        wal: WalFolder::new("main", SystemIdentifier(SYSTEM)),
        target,
        other: FileStamp::of(&other).expect("what it looks like"),
        boot: fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("this run"),
        _folder: folder,
    };
    // Otherwise nothing would be, whatever the receipt says.
    let file = lay(&place.prefetched);
    let seen = FileStamp::of(&file).expect("what it looks like");
    let receipt = json!({ "seawall": 1, "seen": seen, "boot": place.boot });
    fs::write(receipt_of(&place.prefetched), receipt.to_string()).expect("a receipt");
    assert!(hand_over(&place), "the receipt of the very file");
    place
});

fuzz_target!(|data: &[u8]| {
    let place = &*PLACE;
    lay(&place.prefetched);
    let receipt = from_slice::<Map<String, Value>>(data).map(|mut receipt| {
        receipt.entry("seen").or_insert_with(|| json!(place.other));
        receipt.entry("boot").or_insert_with(|| json!(place.boot));
        to_vec(&receipt).expect("JSON")
    });
    let receipt = receipt.unwrap_or_else(|_| data.to_vec());
    fs::write(receipt_of(&place.prefetched), receipt).expect("the receipt");
    assert!(!hand_over(place));
});

fn receipt_of(folder: &PrefetchFolder) -> PathBuf {
    folder.path().join(format!("{NAME}.proved"))
}

fn hand_over(place: &Place) -> bool {
    place.prefetched.hand_over(place.segment, &place.wal, &place.target)
}

/// A segment that begins like the one that is asked for, with the label of another content.
fn lay(folder: &PrefetchFolder) -> File {
    let file = create(&folder.path().join(NAME));
    let mut header = [0; 40];
    header[..8].copy_from_slice(&[0x16, 0xD1, 2, 0, 1, 0, 0, 0]);
    header[8..16].copy_from_slice(&SEGMENT_BYTES.to_ne_bytes());
    header[24..32].copy_from_slice(&SYSTEM.to_ne_bytes());
    header[32..36].copy_from_slice(&(SEGMENT_BYTES as u32).to_ne_bytes());
    header[36..40].copy_from_slice(&8192_u32.to_ne_bytes());
    file.write_all_at(&header, 0).expect("its header");
    file.set_len(SEGMENT_BYTES).expect("its length");
    let label =
        Label { name: NAME.to_owned(), size: SEGMENT_BYTES, digest: Digest::of(b"another") };
    fs::write(folder.path().join(format!("{NAME}.label")), label.to_frame()).expect("its label");
    file
}

fn create(path: &Path) -> File {
    File::options().create(true).truncate(true).read(true).write(true).open(path).expect("a file")
}
