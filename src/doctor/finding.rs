//! What the doctor says: findings with a verdict, and the statement, command or line that mends what was found.
//!
//! Names and values in SQL are quoted here: an administrator types the statement as it stands.

/// How bad it is, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Good,
    /// Worth knowing, and as good as anything else.
    Note,
    Warning,
    /// It could not be looked at.
    Unknown,
    Problem,
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Problem => "problem",
        }
    }
}

/// What a setting takes to come into force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restart {
    /// A reload is enough.
    Needless,
    Server,
    /// By this command: where a server goes away by itself, Patroni looks for another leader.
    By(String),
}

/// What to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mend {
    /// A statement of SQL, without its semicolon.
    Sql {
        statement: String,
        restart: Restart,
    },
    /// A command for a shell.
    Shell(String),
    /// A line of the configuration.
    Line(String),
    Advice(String),
}

impl Mend {
    /// `ALTER SYSTEM SET name = 'value'`
    pub fn alter_system(name: &str, value: &str, restart: bool) -> Self {
        let statement = format!("ALTER SYSTEM SET {name} = {}", literal(value));
        let restart = if restart { Restart::Server } else { Restart::Needless };
        Self::Sql { statement, restart }
    }

    /// A statement after which a reload is enough.
    pub fn sql(statement: String) -> Self {
        Self::Sql { statement, restart: Restart::Needless }
    }

    /// The line to type.
    pub fn text(&self) -> String {
        match self {
            Self::Sql { statement, restart } => match restart {
                Restart::Needless => format!("{statement};"),
                Restart::Server => format!("{statement};  -- restart needed"),
                Restart::By(command) => format!("{statement};  -- restart needed: {command}"),
            },
            Self::Shell(text) | Self::Line(text) | Self::Advice(text) => text.clone(),
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// A setting, or what was tried.
    pub what: String,
    pub verdict: Severity,
    pub found: String,
    /// Where the setting has its value from.
    pub set_in: Option<String>,
    pub mend: Option<Mend>,
}

impl Diagnosis {
    pub fn new(verdict: Severity, what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { what: what.into(), verdict, found: found.into(), set_in: None, mend: None }
    }

    pub fn good(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Severity::Good, what, found)
    }

    pub fn note(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Severity::Note, what, found)
    }

    pub fn warning(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Severity::Warning, what, found)
    }

    pub fn unknown(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Severity::Unknown, what, found)
    }

    pub fn problem(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(Severity::Problem, what, found)
    }

    #[must_use]
    pub fn mend(self, mend: Mend) -> Self {
        Self { mend: Some(mend), ..self }
    }

    #[must_use]
    pub fn advice(self, text: impl Into<String>) -> Self {
        self.mend(Mend::Advice(text.into()))
    }
}

/// Findings about one thing: the server, a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    pub about: String,
    pub findings: Vec<Diagnosis>,
}

/// A text as a literal of SQL.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A name as an identifier of SQL.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_the_greatest() {
        let mut all = [
            Severity::Problem,
            Severity::Good,
            Severity::Unknown,
            Severity::Warning,
            Severity::Note,
        ];
        all.sort();
        assert_eq!(all.map(Severity::word), ["ok", "note", "warning", "unknown", "problem"]);
    }

    #[test]
    fn statements_are_quoted() {
        let mend = Mend::alter_system("archive_command", "a 'b' \"%p\"", false);
        assert_eq!(mend.text(), "ALTER SYSTEM SET archive_command = 'a ''b'' \"%p\"';");
        let mend = Mend::alter_system("wal_level", "replica", true);
        assert_eq!(mend.text(), "ALTER SYSTEM SET wal_level = 'replica';  -- restart needed");
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
    }
}
