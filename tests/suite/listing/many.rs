//! A large repository, for the time it takes. (How long is allowed says the benchmark, on an idle machine.)

use std::fs;
use std::path::Path;

use super::laid::{Laid, OLD, described, segment_key};

const SEGMENTS: u32 = 100_000;
const BACKUPS: u32 = 400;

/// Segments in the middle that are not there.
const LOST: [u32; 3] = [50_000, 50_001, 75_000];

#[test]
fn a_hundred_thousand_segments_and_four_hundred_backups() {
    let laid = laid_out();
    let outcome = laid.list().run();
    outcome.expect(0);
    println!("{SEGMENTS} segments and {BACKUPS} backups took {:?}", outcome.took);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    let restorable = lines.iter().filter(|line| line.ends_with(" disk yes"));
    // Two of them lie in a gap.
    assert_eq!(restorable.count(), BACKUPS as usize - 2);
    let bar = format!("[{} {} {}]", "B".repeat(30), "B".repeat(14), "B".repeat(14));
    let expected = format!("  timeline 1   {bar} 0/120 to 186/A0000000 with gaps");
    assert!(lines.contains(&expected.as_str()), "{outcome}");
    assert!(lines.contains(
        &"    gap: 2 segments missing, 00000001000000C300000050 to 00000001000000C300000051"
    ));
    assert!(lines.contains(&"    gap: 1 segment missing, 0000000100000124000000F8"));
}

pub fn laid_out() -> Laid {
    let laid = Laid::with_folder();
    lay_out(&laid);
    laid
}

/// Straight into the folder: 100,000 files one by one through the helpers would take minutes.
fn lay_out(laid: &Laid) {
    laid.wal("disk", OLD, 1, 0..=0);
    let crate::scene::Store::Folder(root) = laid.store("disk") else { panic!("a folder") };
    let write = |key: &str, bytes: &[u8]| {
        let path = root.join(key);
        fs::write(&path, bytes).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    };
    let folder =
        |key: &str| fs::create_dir_all(root.join(Path::new(key).parent().unwrap())).unwrap();
    for number in (0..SEGMENTS).filter(|number| !LOST.contains(number)) {
        let key = segment_key(OLD, 1, number);
        if number % 0x100 == 0 {
            folder(&key);
        }
        write(&key, b"");
    }
    for number in 0..BACKUPS {
        let (day, month, year) = (number % 28 + 1, number / 28 % 12 + 1, 2026 + number / 336);
        let id = format!("{year}{month:02}{day:02}T203000Z-{number:04x}");
        let description = described(&id, 1, u64::from(number * (SEGMENTS / BACKUPS)));
        let key = super::laid::object(&description, "backup.json");
        folder(&key);
        write(&key, &description.to_json().unwrap());
        for stored in
            description.parts.iter().map(|part| &part.stored).chain([&description.manifest])
        {
            let size = usize::try_from(stored.stored_size).unwrap();
            write(&super::laid::object(&description, &stored.object), &vec![0; size]);
        }
    }
    crate::support::user::hand_over(root);
}
