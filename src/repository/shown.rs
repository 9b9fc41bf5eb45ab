//! The content of a stored WAL file, shown to who may have seen enough before its end.

use std::ops::ControlFlow;

use super::fetch::{BUFFER_BYTES, check_label};
use super::{Repository, Source, check_content};
use crate::codec::decode;
use crate::error::Result;
use crate::postgres::{FIRST_PAGE_HEADER_BYTES, WalFileName};

impl Repository {
    /// Shows a WAL file piece by piece, until its end or until `visit` breaks. `false` when this repository does not have it.
    /// What is shown is of that name and system; only at the end of the file each byte of it is proved.
    pub fn show_wal(
        &self,
        source: &Source<'_>,
        name: WalFileName,
        visit: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<bool> {
        let Some((stored, encrypted)) = self.open_wal(source, name)? else { return Ok(false) };
        let mut decoded = decode(stored, encrypted, source.identities)?;
        check_label(&decoded.label, name)?;
        let (size, mut buffer) = (decoded.label.size, vec![0; BUFFER_BYTES]);
        let mut front: Option<Vec<u8>> = Some(Vec::new());
        loop {
            let read = decoded.read(&mut buffer)?;
            let piece = match &mut front {
                // Nothing is shown before its first page has told whose it is.
                Some(front) => {
                    front.extend_from_slice(&buffer[..read]);
                    if front.len() < FIRST_PAGE_HEADER_BYTES && read > 0 {
                        continue;
                    }
                    check_content(front, size, name, source.folder)?;
                    &front[..]
                }
                None => &buffer[..read],
            };
            if visit(piece).is_break() || read == 0 {
                return Ok(true);
            }
            front = None;
        }
    }
}
