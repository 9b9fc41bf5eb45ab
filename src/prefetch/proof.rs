use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::codec::{Digest, Label};
use crate::durable::{self, Seen};
use crate::error::{Error, Result};
use crate::postgres::{FIRST_PAGE_HEADER_BYTES, WalFileName, WalSegment};
use crate::repository::{WalFolder, check_content};

/// Changes with every start of the machine (`random(4)`).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// That a file's content was compared with its label while it was written. It holds for the very file,
/// as long as that did not change, and for this run of the machine: after a power cut a file may have
/// its length and not its bytes.
#[derive(Serialize, Deserialize)]
struct Receipt {
    seawall: u32,
    seen: Seen,
    boot: String,
}

/// Writes the receipt of a file that was proved just now and has its last name. Without one the file is
/// proved again, at the cost of reading it.
pub(super) fn write_receipt(path: &Path, file: &File) -> Result<()> {
    let Ok(boot) = fs::read_to_string(BOOT_ID) else { return Ok(()) };
    let failed = |error| Error::file("write", path, &error);
    let seen = Seen::of(file).map_err(failed)?;
    let json = serde_json::to_vec(&Receipt { seawall: 1, seen, boot });
    durable::replace(path, &json.map_err(io::Error::other).map_err(failed)?)
}

/// Where it is told what a prefetched file must be.
pub(super) struct Proof<'a> {
    pub label: &'a Path,
    pub receipt: &'a Path,
}

impl Proof<'_> {
    /// Whether `file` is what its label says, and the label what was asked for.
    pub fn check(&self, segment: WalSegment, folder: &WalFolder, mut file: File) -> io::Result<()> {
        let (label, _) = Label::parse_frame(&fs::read(self.label)?).map_err(io::Error::other)?;
        if label.name != segment.to_string() {
            return Err(io::Error::other("its label is of another file"));
        }
        let mut front = Vec::new();
        if has_receipt(self.receipt, &file) && file.metadata()?.len() == label.size {
            (&mut file).take(FIRST_PAGE_HEADER_BYTES as u64).read_to_end(&mut front)?;
        } else {
            front = read_through(&mut file, &label)?;
        }
        let name = WalFileName::Segment(segment);
        check_content(&front, label.size, name, folder).map_err(io::Error::other)
    }
}

fn has_receipt(path: &Path, file: &File) -> bool {
    let read = || -> io::Result<Receipt> { Ok(serde_json::from_slice(&fs::read(path)?)?) };
    let Ok(receipt) = read() else { return false };
    let same_file = Seen::of(file).is_ok_and(|seen| seen.is_same_file(&receipt.seen));
    let same_boot = fs::read_to_string(BOOT_ID).is_ok_and(|boot| boot == receipt.boot);
    receipt.seawall == 1 && same_file && same_boot
}

/// The front of a file whose length and digest are those of the label.
fn read_through(file: &mut File, label: &Label) -> io::Result<Vec<u8>> {
    let (mut hasher, mut buffer) = (blake3::Hasher::new(), vec![0; 1 << 18]);
    let mut front = Vec::new();
    let mut size = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        if front.len() < FIRST_PAGE_HEADER_BYTES {
            front.extend_from_slice(&buffer[..read]);
        }
        hasher.update(&buffer[..read]);
        size += read as u64;
    }
    if label.size != size || label.digest != Digest::of_hasher(&hasher) {
        return Err(io::Error::other("it is not what its label says"));
    }
    Ok(front)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    struct Place {
        _folder: tempfile::TempDir,
        file: PathBuf,
        receipt: PathBuf,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let (file, receipt) = (folder.path().join("segment"), folder.path().join("receipt"));
            fs::write(&file, "content").unwrap();
            write_receipt(&receipt, &File::open(&file).unwrap()).unwrap();
            Self { _folder: folder, file, receipt }
        }

        fn holds_for(&self, file: &Path) -> bool {
            has_receipt(&self.receipt, &File::open(file).unwrap())
        }
    }

    #[test]
    fn a_receipt_holds_for_the_very_file_only() {
        let place = Place::new();
        assert!(place.holds_for(&place.file));
        let copy = place.file.with_extension("copy");
        fs::copy(&place.file, &copy).unwrap();
        assert!(!place.holds_for(&copy));
        let modified = fs::metadata(&place.file).unwrap().modified().unwrap();
        // Later than the kernel's clock ticks, else the times may be the old ones.
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::write(&place.file, "CONTENT").unwrap();
        File::options().write(true).open(&place.file).unwrap().set_modified(modified).unwrap();
        assert!(!place.holds_for(&place.file));
    }

    #[test]
    fn a_receipt_ends_with_the_run_of_the_machine() {
        let place = Place::new();
        let written = fs::read_to_string(&place.receipt).unwrap();
        let boot = fs::read_to_string(BOOT_ID).unwrap();
        let other = written.replace(boot.trim(), "00000000-0000-4000-8000-000000000000");
        assert_ne!(written, other);
        fs::write(&place.receipt, other).unwrap();
        assert!(!place.holds_for(&place.file));
        fs::write(&place.receipt, "{").unwrap();
        assert!(!place.holds_for(&place.file));
    }
}
