//! How JSON is written for programs: over several lines, with an end of line. A value that can't be written is a bug of
//! Seawall, so the error is an internal one.

use serde::Serialize;

use crate::error::{Class, Error, Result};

/// One JSON document, for programs.
pub fn document(content: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(content);
    text.map(|text| text + "\n")
        .map_err(|error| Error::new(Class::Internal, format!("could not write JSON: {error}")))
}
