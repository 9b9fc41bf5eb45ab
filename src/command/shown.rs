//! What commands say to people: texts for standard output, made of short words and aligned columns.
//!
//! `texts` are sizes and times, `table` puts them into columns, `paper` fits lines to a terminal. `document` is for
//! programs, `out` for an output too long for memory, and `find` finds the backup whose id somebody began to type.

mod document;
mod find;
mod out;
mod paper;
mod table;
mod texts;

pub use document::document;
pub use find::{find, unfinished, unknown};
pub use out::{not_written, write};
pub use paper::Paper;
pub use table::{Spare, fitted, table};
pub use texts::{at_seconds, short_size, size, tenths, took, whole_size};

pub use crate::words::{count, plain, plain_bytes};

use crate::error::Error;

/// A text for standard output, and what kept the command from seeing all there is.
pub struct Shown {
    pub text: String,
    pub errors: Vec<Error>,
}
