//! The one error of everything above the parsers: what could not be done, to what, expected against
//! found, and the likeliest mend. Its class says what the caller may do and decides the exit status.

use std::fmt;
use std::io;
use std::path::Path;

use crate::words::plain;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of trouble it is. `docs/exit-statuses.md` lists them with their exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The command line is wrong.
    Usage,
    /// The configuration is wrong or incomplete.
    Configuration,
    /// Most of it was done, some of it could not be; what was done counts.
    Incomplete,
    /// A stored object is not what was stored.
    Damaged,
    /// The file to archive is not what PostgreSQL makes, or another cluster's.
    Input,
    /// The archive holds other content under the same name. Never retried.
    Conflict,
    /// A repository did not answer, or not in time, or with a server error: later may be better.
    Unreachable,
    /// A repository answered and refuses: credentials or permission.
    Refused,
    /// The local file system refuses: full, read-only, permission.
    LocalFile,
    /// A WAL segment is missing although later ones exist.
    Gap,
    /// A bug of Seawall.
    Internal,
}

/// What helps where a host's name is not found.
pub const NAMES: &str = "Is the name right? It must be in DNS or in /etc/hosts; other sources in nsswitch.conf do not count.";

/// Whether the C library says by these words that it did not find a name (`gai_strerror(3)`), as the standard
/// library and libpq hand them on.
pub fn is_of_a_name(reason: &str) -> bool {
    ["failed to lookup address information", "could not translate host name"]
        .iter()
        .any(|words| reason.contains(words))
}

/// Where the limits of threads and processes are.
const NO_MORE: &str =
    "Raise ulimit -u of this user, TasksMax of its unit or pids of its container.";

/// What a caller has to know beyond the class. It is said here, so that nobody reads it out of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorKind {
    /// The store keeps this object from being deleted.
    ObjectLock,
    /// Something else has the name of an object, and no later try finds that different.
    InTheWay,
    /// The server of PostgreSQL refused a statement, with this SQLSTATE.
    Sqlstate(String),
    /// No server of PostgreSQL takes connections there, or not yet.
    NotUp,
    /// The server knows the database that was asked for not, or lets nobody into it.
    Database,
    /// The server knows the role not, or does not let it log in.
    Role,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    class: Class,
    kind: Option<ErrorKind>,
    message: String,
    hint: Option<String>,
}

impl Error {
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, kind: None, message: message.into(), hint: None }
    }

    #[must_use]
    pub fn of(mut self, kind: ErrorKind) -> Self {
        self.kind = Some(kind);
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds this hint if the error has none yet.
    #[must_use]
    pub fn or_hint(mut self, hint: &str) -> Self {
        self.hint.get_or_insert_with(|| hint.to_owned());
        self
    }

    /// The same error said of a larger undertaking: `could not archive X: <the message>`.
    #[must_use]
    pub fn while_doing(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// The same error with more words at the end of its message.
    #[must_use]
    pub fn adding(mut self, what: impl fmt::Display) -> Self {
        self.message += &what.to_string();
        self
    }

    pub fn class(&self) -> Class {
        self.class
    }

    pub fn kind(&self) -> Option<&ErrorKind> {
        self.kind.as_ref()
    }

    /// What could not be done and why, in one line, whatever a store or a file put into it; without the hint.
    pub fn message(&self) -> String {
        plain(&self.message)
    }

    /// What to do about it, in one line too: a server has hints of its own.
    pub fn hint_text(&self) -> Option<String> {
        self.hint.as_deref().map(plain)
    }

    /// A thread that the system did not give.
    pub fn thread(error: &io::Error) -> Self {
        Self::new(Class::LocalFile, format!("could not start a thread: {error}")).hint(NO_MORE)
    }

    /// A failed operation on a file: `could not VERB "PATH": REASON`.
    pub fn file(verb: &str, path: &Path, error: &io::Error) -> Self {
        let reason = reason(error);
        let failure = Self::new(Class::LocalFile, format!("could not {verb} {path:?}: {reason}"));
        match error.kind() {
            io::ErrorKind::PermissionDenied => failure.hint(
                "Check owner and mode of it and of the folders above, for the user that runs this.",
            ),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                failure.hint("Make room on that file system.")
            }
            io::ErrorKind::FileTooLarge => {
                failure.hint("Raise the limit on the size of files (ulimit -f).")
            }
            io::ErrorKind::ReadOnlyFilesystem => failure
                .hint("Mount that file system writable; the kernel log says why it is read-only."),
            // Of a program that could not be started.
            io::ErrorKind::WouldBlock => failure.hint(NO_MORE),
            _ => failure,
        }
    }
}

/// What the system said. `tempfile` adds the random name of the file; ours is more use.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" at path ").map_or(text.clone(), |(reason, _)| reason.to_owned())
}

/// The message and the hint, in one line.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())?;
        // A server's own words may end a sentence.
        let stop = if self.message.ends_with(['.', '?', '!']) { "" } else { "." };
        self.hint_text().iter().try_for_each(|hint| write!(f, "{stop} HINT: {hint}"))
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_one_sentence_and_a_hint() {
        let error = Error::new(Class::Gap, "segment 2 is missing").hint("Look for it.");
        assert_eq!(
            (error.message(), error.hint_text()),
            ("segment 2 is missing".to_owned(), Some("Look for it.".to_owned()))
        );
        assert_eq!(
            error.while_doing("could not fetch 2").to_string(),
            "could not fetch 2: segment 2 is missing. HINT: Look for it."
        );
        let error = Error::new(Class::Unreachable, "Is it running?").hint("Start it.");
        assert_eq!(error.to_string(), "Is it running? HINT: Start it.");
    }

    #[test]
    fn is_one_line_whatever_a_store_says() {
        let error = Error::new(Class::Refused, "HTTP status 403: <Error>\n\tno\u{1b}[0m é");
        assert_eq!(error.to_string(), "HTTP status 403: <Error>\\n\\tno\\u{1b}[0m é");
        let error = Error::new(Class::Refused, "no").hint("Look\n\u{1b}[2Jhere.");
        assert_eq!(error.to_string(), "no. HINT: Look\\n\\u{1b}[2Jhere.");
    }
}
