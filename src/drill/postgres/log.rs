use std::path::Path;

use crate::base_backup::restore::{Reason, ServerLog};
use crate::error::{Class, Error};

/// Why the server of a drill went down.
pub(super) fn failure(path: &Path) -> Error {
    let log = ServerLog::read(path, 0);
    let reason = log.reason().unwrap_or(Reason {
        class: None,
        text: "it wrote nothing about it".to_owned(),
        hint: None,
    });
    let message = format!("the server stopped during recovery: {}", reason.text);
    if log.is_of_new_tablespace() {
        return Error::new(Class::Incomplete, message).hint(
            "A tablespace was created after the base backup; a drill writes in its own folder only. Take a base \
             backup, then drill that one.",
        );
    }
    let hint = reason.hint.as_deref();
    let hint = hint.unwrap_or("With --keep the folder stays, and the log of the server in it.");
    Error::new(reason.class.unwrap_or(Class::Damaged), message).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_says_nothing_says_that() {
        let error = failure(Path::new("/nowhere"));
        assert_eq!(
            error.to_string(),
            "the server stopped during recovery: it wrote nothing about it. HINT: With --keep the folder stays, \
             and the log of the server in it."
        );
        assert_eq!(error.class(), Class::Damaged);
    }
}
