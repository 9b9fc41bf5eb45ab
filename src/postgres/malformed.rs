use std::error::Error;
use std::fmt;

/// Bytes or text that PostgreSQL would not have made. The message is a whole clause, with what was
/// expected against what was found, so that a caller only has to say which file it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(pub String);

impl Malformed {
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Malformed {}
