use super::fetch::check_label;
use super::{Repository, WalFolder};
use crate::codec::Identities;
use crate::error::Result;
use crate::postgres::{WalFileName, WalSegment, WalSegmentSize};

/// A stretch of WAL without a gap: both ends are in it.
#[derive(Debug, Clone, Copy)]
pub struct WalRange {
    pub first: WalSegment,
    pub last: WalSegment,
    pub size: WalSegmentSize,
}

impl WalRange {
    pub fn segments(self) -> impl Iterator<Item = WalSegment> {
        let next = move |segment: &WalSegment| segment.next(self.size);
        let all = std::iter::successors(Some(self.first), next);
        all.take_while(move |segment| *segment <= self.last)
    }
}

impl Repository {
    /// The first segment of `range` that is not there; what is there is read. Of an encrypted object a
    /// host without the private key reads the label only.
    pub fn first_missing(
        &self,
        folder: &WalFolder,
        range: WalRange,
        identities: &Identities,
    ) -> Result<Option<WalSegment>> {
        for segment in range.segments() {
            let name = WalFileName::Segment(segment);
            let proved = self.prove(folder, name, identities).map_err(|error| {
                error.while_doing(format!("could not read {name} in repository {}", self.name))
            })?;
            if !proved {
                return Ok(Some(segment));
            }
        }
        Ok(None)
    }

    /// Whether it is there, and then whether it can be read.
    fn prove(
        &self,
        folder: &WalFolder,
        name: WalFileName,
        identities: &Identities,
    ) -> Result<bool> {
        for encrypted in [false, true] {
            let key = folder.key(name, encrypted);
            if self.storage.head(&key)?.is_none() {
                continue;
            }
            let label = if encrypted && identities.is_empty() {
                self.front_label(&key, encrypted, name)?
            } else {
                self.read_through(&key, encrypted, name, identities)?
            };
            check_label(&label, name)?;
            return Ok(true);
        }
        Ok(false)
    }
}
