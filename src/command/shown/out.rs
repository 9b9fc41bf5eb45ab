//! Writes a long output piece by piece, so that it never has to fit into memory.
//!
//! A write that fails is an error: on a full disk a part of the output would else pass for all of it.

use std::io::{self, Write};

use crate::error::{Class, Error, Result};

/// Hands on a piece. Where it goes nowhere, the rest is not made.
pub fn write(out: &mut dyn Write, text: &str) -> Result<()> {
    out.write_all(text.as_bytes()).map_err(|error| not_written(&error))
}

pub fn not_written(error: &io::Error) -> Error {
    Error::new(Class::LocalFile, format!("could not write to standard output: {error}"))
        .hint("What was written is not all of it. Is the disk full that it goes to?")
}
