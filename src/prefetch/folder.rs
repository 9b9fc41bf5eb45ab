use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::proof::{Proof, write_receipt};
use crate::codec::Label;
use crate::data_directory::{DataDirectory, StateFolder};
use crate::durable;
use crate::error::{Error, Result};
use crate::postgres::{WalFileName, WalSegment};
use crate::repository::WalFolder;

const PREFIX: &str = "prefetch-";

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
        state.folder(&format!("{PREFIX}{fingerprint}")).map(Self)
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

/// Removes what a recovery left behind, once the server archives for itself.
pub fn remove_leftovers(data_directory: &DataDirectory) {
    let Ok(entries) = fs::read_dir(data_directory.pg_wal().join("seawall")) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
