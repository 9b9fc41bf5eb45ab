//! Places in the WAL at which a recovery may end and whose LSN nobody knows: the end of a transaction, and a restore point.

use super::record_walk::{Eye, RecordHeader, RecordWalk, main_data};

/// `RM_XLOG_ID` and `RM_XACT_ID` in `rmgrlist.h`, `XLOG_RESTORE_POINT` in `pg_control.h`.
const LOG_MANAGER: u8 = 0;
const TRANSACTION_MANAGER: u8 = 1;
const RESTORE_POINT: u8 = 0x70;
/// `XLOG_XACT_OPMASK`, `XLOG_XACT_COMMIT` and `XLOG_XACT_ABORT` in `xact.h`. Of prepared transactions others are written.
const TRANSACTION_MASK: u8 = 0x70;
const COMMIT: u8 = 0x00;
const ABORT: u8 = 0x20;
/// `XLR_INFO_MASK`.
const INFO_MASK: u8 = 0x0F;

/// `xl_restore_point`: a time, and a name of a fixed length (`MAXFNAMELEN`).
const TIME_BYTES: usize = 8;
const RESTORE_POINT_BYTES_MAX: u32 = 256;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Landmark {
    /// A transaction that ended.
    Transaction(u32),
    RestorePoint(String),
}

/// Finds the first of them in a segment, which comes in pieces of any length.
pub struct LandmarkScan(RecordWalk<Search>);

struct Search {
    landmark: Landmark,
    found: Option<u64>,
}

impl LandmarkScan {
    pub fn new(landmark: Landmark) -> Self {
        Self(RecordWalk::new(Search { landmark, found: None }))
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        self.0.feed(bytes);
    }

    /// Where its record begins, in bytes from the beginning of the segment.
    pub fn found(&self) -> Option<u64> {
        self.0.eye().found
    }

    /// Whether what comes behind is of no interest.
    pub fn is_over(&self) -> bool {
        self.found().is_some() || self.0.has_ended()
    }
}

impl Eye for Search {
    fn wants(&mut self, header: &RecordHeader) -> bool {
        let info = header.info & !INFO_MASK;
        match &self.landmark {
            // Its record may be long, and the header says it all.
            Landmark::Transaction(xid) => {
                let ends = [COMMIT, ABORT].contains(&(info & TRANSACTION_MASK));
                if header.manager == TRANSACTION_MANAGER && ends && header.xid == *xid {
                    self.found.get_or_insert(header.at);
                }
                false
            }
            Landmark::RestorePoint(_) => {
                let is_one = header.manager == LOG_MANAGER && info == RESTORE_POINT;
                is_one && header.length <= RESTORE_POINT_BYTES_MAX
            }
        }
    }

    fn see(&mut self, at: u64, record: &[u8]) {
        let Landmark::RestorePoint(wanted) = &self.landmark else { return };
        let name = main_data(record).and_then(|data| data.get(TIME_BYTES..));
        let name = name.and_then(|name| name.split(|byte| *byte == 0).next());
        if name == Some(wanted.as_bytes()) {
            self.found.get_or_insert(at);
        }
    }
}
