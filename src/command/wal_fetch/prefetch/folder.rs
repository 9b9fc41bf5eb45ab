//! The folder of prefetched segments: what lies there, and the proof that a file in it is what was fetched. Everything in
//! it is a copy that may be lost, so what can't be proved is thrown away and fetched anew.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::codec::{Digest, Label};
use crate::data_directory::{PREFETCHED, StateFolder};
use crate::durable::{self, FileStamp};
use crate::error::{Error, Result};
use crate::postgres::{FIRST_PAGE_HEADER_BYTES, WalFileName, WalSegment};
use crate::repository::{WalFolder, check_content};

/// Short against the time that replay takes for a segment.
const POLL: Duration = Duration::from_micros(200);

/// A download that has not grown for this long is not waited for.
const STALLED_AFTER: Duration = Duration::from_secs(1);

/// `pg_wal/seawall/prefetch-FINGERPRINT/`. For a segment NAME: `NAME.label` says what it must be,
/// `NAME.fetching` is being written by a living process, `NAME` is complete, `NAME.proved` is the receipt
/// of the proof that it is what the label says. `cursor` names the segment
/// that was last asked for.
#[derive(Debug, Clone)]
pub struct PrefetchFolder(PathBuf);

impl PrefetchFolder {
    pub fn open(state: &StateFolder, fingerprint: &str) -> Result<Self> {
        state.folder(&format!("{PREFETCHED}{fingerprint}")).map(Self)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn set_cursor(&self, segment: WalSegment) -> Result<()> {
        durable::replace(&self.0.join("cursor"), segment.to_string().as_bytes())
    }

    pub(super) fn cursor(&self) -> Option<WalSegment> {
        match fs::read_to_string(self.0.join("cursor")).ok()?.parse().ok()? {
            WalFileName::Segment(segment) => Some(segment),
            _ => None,
        }
    }

    /// Hands a prefetched segment over by renaming it to `target`, if there is one and it is what its
    /// label, its name and the system say. Anything else is thrown away and fetched anew.
    pub fn hand_over(&self, segment: WalSegment, folder: &WalFolder, target: &Path) -> bool {
        self.wait_while_fetched(segment);
        let path = self.file(segment);
        let Ok(file) = File::open(&path) else { return false };
        let proof = Proof { label: &self.label(segment), receipt: &self.receipt(segment) };
        let proved = proof.check(segment, folder, file);
        let handed = proved.is_ok() && durable::hand_over(&path, target).is_ok();
        if let Err(reason) = proved {
            tracing::warn!("threw away the prefetched {segment}: {reason}");
        }
        self.forget(segment);
        handed
    }

    /// Waits for a download of the segment for as long as it grows; a dead or stuck one is not waited
    /// for, the caller then fetches by itself.
    fn wait_while_fetched(&self, segment: WalSegment) {
        let fetching = self.fetching(segment);
        let (mut length, mut grown) = (0, Instant::now());
        while !self.file(segment).exists() {
            let Ok(file) = File::open(&fetching) else { return };
            if file.try_lock_shared().is_ok() {
                return;
            }
            let now = file.metadata().map_or(0, |metadata| metadata.len());
            if now > length {
                (length, grown) = (now, Instant::now());
            } else if grown.elapsed() > STALLED_AFTER {
                return;
            }
            std::thread::sleep(POLL);
        }
    }

    /// Opens the file that a segment is fetched into, and locks it; `None` when another process has it.
    pub(super) fn start(&self, segment: WalSegment) -> Result<Option<File>> {
        let path = self.fetching(segment);
        let failed = |error: &io::Error| Error::file("create", &path, error);
        let mut options = File::options();
        options.create(true).read(true).write(true).truncate(false).mode(0o600);
        let file = options.open(&path);
        let file = file.map_err(|error| failed(&error))?;
        if file.try_lock().is_err() {
            return Ok(None);
        }
        durable::empty(&file).map_err(|error| failed(&error))?;
        Ok(Some(file))
    }

    /// The segment is whole and proved: label first, so that a file under its full name always has one.
    /// The receipt comes last, because a new name changes the file's times.
    pub(super) fn finish(&self, segment: WalSegment, file: &File, label: &Label) -> Result<()> {
        durable::replace(&self.label(segment), &label.to_frame())?;
        durable::hand_over(&self.fetching(segment), &self.file(segment))?;
        write_receipt(&self.receipt(segment), file)
    }

    pub(super) fn has(&self, segment: WalSegment) -> bool {
        self.file(segment).exists()
    }

    /// Removes all traces of a segment.
    pub(super) fn forget(&self, segment: WalSegment) {
        let own = [self.file(segment), self.fetching(segment)];
        for path in own.into_iter().chain([self.label(segment), self.receipt(segment)]) {
            let _ = fs::remove_file(path);
        }
    }

    /// Removes what was fetched for segments that `keep` does not want.
    pub(super) fn retain(&self, keep: impl Fn(WalSegment) -> bool) {
        let Ok(entries) = fs::read_dir(&self.0) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let stem = name.to_str().and_then(|name| name.split('.').next()).unwrap_or_default();
            if let Ok(WalFileName::Segment(segment)) = stem.parse()
                && !keep(segment)
            {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn file(&self, segment: WalSegment) -> PathBuf {
        self.0.join(segment.to_string())
    }

    pub(super) fn fetching(&self, segment: WalSegment) -> PathBuf {
        self.0.join(format!("{segment}.fetching"))
    }

    fn label(&self, segment: WalSegment) -> PathBuf {
        self.0.join(format!("{segment}.label"))
    }

    fn receipt(&self, segment: WalSegment) -> PathBuf {
        self.0.join(format!("{segment}.proved"))
    }
}

/// Changes with every start of the machine (`random(4)`).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// That a file's content was compared with its label while it was written. It holds for the very file,
/// as long as that did not change, and for this run of the machine: after a power cut a file may have
/// its length and not its bytes.
#[derive(Serialize, Deserialize)]
struct Receipt {
    seawall: u32,
    seen: FileStamp,
    boot: String,
}

/// Writes the receipt of a file that was proved just now and has its last name. Without one the file is
/// proved again, at the cost of reading it.
pub(super) fn write_receipt(path: &Path, file: &File) -> Result<()> {
    let Ok(boot) = fs::read_to_string(BOOT_ID) else { return Ok(()) };
    let failed = |error| Error::file("write", path, &error);
    let seen = FileStamp::of(file).map_err(failed)?;
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
    pub(super) fn check(
        &self,
        segment: WalSegment,
        folder: &WalFolder,
        mut file: File,
    ) -> io::Result<()> {
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
    let same_file = FileStamp::of(file).is_ok_and(|seen| seen.is_same_file(&receipt.seen));
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
