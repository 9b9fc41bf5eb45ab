/// Bytes or text that PostgreSQL would not have made. The message is a whole clause, with what was
/// expected against what was found, so that a caller only has to say which file it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

impl Malformed {
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}
