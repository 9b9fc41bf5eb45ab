use crate::error::{Class, Error, Result};

/// The name becomes a folder and part of every key.
pub(super) fn checked_name(key: &str, name: String) -> Result<String> {
    let valid = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !name.is_empty() && name.len() <= 100 && !name.starts_with('.') && name.chars().all(valid) {
        return Ok(name);
    }
    Err(Error::new(
        Class::Configuration,
        format!("expected letters, digits, '.', '_' and '-' as {key}, found {name:?}"),
    ))
}
