//! What commands say to people: texts for standard output, made of short words and aligned columns.

mod find;
mod table;
mod texts;

pub use find::{find, unfinished, unknown};
pub use table::table;
pub use texts::{at_seconds, short_size, size, tenths, took, whole_size};

pub use crate::words::{count, plain};

use crate::error::Error;

/// What a text is written onto.
#[derive(Debug, Clone, Copy, Default)]
pub struct Paper {
    /// How wide it is, in columns, where that is known.
    pub width: Option<usize>,
    /// Whether it shows colours.
    pub colour: bool,
}

/// A text for standard output, and what kept the command from seeing all there is.
pub struct Shown {
    pub text: String,
    pub errors: Vec<Error>,
}
