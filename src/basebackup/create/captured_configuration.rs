//! The configuration among the files that the server sends: what of it leads out of the data directory is told by the
//! description, so that a restore knows before it writes anything.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tar::{EntryType, Header};

use crate::basebackup::elsewhere::{ConfigurationFiles, Elsewhere, elsewhere};

/// A configuration is some pages long. What is longer is not looked at.
const FILE_BYTES_MAX: u64 = 1 << 20;
const FILES_MAX: usize = 256;

/// Files of a tar archive that comes in stretches, as far as they may be configuration.
#[derive(Default)]
pub(super) struct CapturedConfiguration {
    files: BTreeMap<PathBuf, String>,
    state: CaptureState,
}

#[derive(Default)]
enum CaptureState {
    /// What comes is of no interest.
    #[default]
    Passing,
    /// What comes next is the header of an entry.
    Header,
    Content {
        path: PathBuf,
        left: usize,
        bytes: Vec<u8>,
    },
}

impl CapturedConfiguration {
    /// An entry of the data directory begins; its header comes next, in one piece.
    pub(super) fn entry(&mut self) {
        self.state = CaptureState::Header;
    }

    pub(super) fn bytes(&mut self, piece: &[u8]) {
        self.state = match std::mem::take(&mut self.state) {
            CaptureState::Passing => CaptureState::Passing,
            CaptureState::Header => self.header(piece).unwrap_or_default(),
            CaptureState::Content { path, left, mut bytes } => {
                let taken = left.min(piece.len());
                bytes.extend_from_slice(&piece[..taken]);
                if taken < left {
                    CaptureState::Content { path, left: left - taken, bytes }
                } else {
                    self.files.insert(path, String::from_utf8_lossy(&bytes).into_owned());
                    CaptureState::Passing
                }
            }
        };
    }

    fn header(&self, piece: &[u8]) -> Option<CaptureState> {
        let header = Header::from_byte_slice(piece.get(..512)?);
        let path = header.path().ok()?.into_owned();
        let size = header.entry_size().ok().filter(|size| (1..=FILE_BYTES_MAX).contains(size))?;
        let wanted = header.entry_type() == EntryType::Regular && may_configure(&path);
        let left = usize::try_from(size).ok()?;
        let state = CaptureState::Content { path, left, bytes: Vec::with_capacity(left) };
        Some(state).filter(|_| wanted && self.files.len() < FILES_MAX)
    }

    pub(super) fn elsewhere(&self) -> Vec<Elsewhere> {
        elsewhere(self)
    }
}

/// Not in the folders of the data. What is included may have any name, and mostly this ending.
fn may_configure(path: &Path) -> bool {
    let ends = path.extension().is_some_and(|it| it == "conf");
    let of_data = ["base", "global"].iter().any(|folder| path.starts_with(folder));
    ends && !of_data && !path.starts_with("pg_wal")
}

impl ConfigurationFiles for CapturedConfiguration {
    fn read(&self, path: &Path) -> Option<String> {
        self.files.get(path).cloned()
    }

    fn list(&self, folder: &Path) -> Vec<PathBuf> {
        self.files.keys().filter(|path| path.parent() == Some(folder)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, size: u64) -> Header {
        let mut header = Header::new_ustar();
        header.set_path(name).unwrap();
        header.set_size(size);
        header.set_entry_type(EntryType::Regular);
        header.set_cksum();
        header
    }

    #[test]
    fn the_configuration_is_read_as_it_comes_by() {
        let text = b"hba_file = '/etc/hba'\n";
        let mut captured = CapturedConfiguration::default();
        for (name, content) in [("base/1/x.conf", &b"port = 1"[..]), ("postgresql.conf", text)] {
            captured.entry();
            captured.bytes(header(name, content.len() as u64).as_bytes());
            content.chunks(3).for_each(|piece| captured.bytes(piece));
            captured.bytes(&[0; 490]);
        }
        let expected = Elsewhere { setting: "hba_file".to_owned(), path: "/etc/hba".to_owned() };
        assert_eq!(captured.elsewhere(), [expected]);
        assert_eq!(captured.files.len(), 1);
    }
}
