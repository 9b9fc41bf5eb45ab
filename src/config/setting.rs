/// One setting, declared once.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// `table.key` as in the file, or `key` alone.
    pub key: &'static str,
    pub kind: Kind,
    /// As it would be written in the environment; empty where there is none.
    pub default: &'static str,
    /// One sentence for `--help` and the reference.
    pub help: &'static str,
}

/// What a setting's value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// An absolute path: PostgreSQL calls us in its data directory.
    Path,
    Choice(&'static [&'static str]),
    Integer {
        min: i64,
        max: i64,
    },
    /// A length such as `64MiB`.
    Size,
    /// A time to wait such as `5s` or `3m`.
    Duration,
    /// An age such as `12h` or `90d`.
    Age,
    Boolean,
    /// Texts separated by white space; in the file an array.
    List,
}

impl Setting {
    /// The flag without its dashes: `wal.look_ahead` is `--wal-look-ahead`.
    pub fn flag(&self) -> String {
        self.key.replace(['.', '_'], "-")
    }

    /// The environment variable: `wal.look_ahead` is `SEAWALL_WAL_LOOK_AHEAD`.
    pub fn variable(&self) -> String {
        format!("SEAWALL_{}", self.key.replace('.', "_").to_uppercase())
    }

    /// The table it stands in, empty for the top of the file.
    pub fn table(&self) -> &'static str {
        self.key.split_once('.').map_or("", |(table, _)| table)
    }
}

impl Kind {
    /// What a person would call a value of this kind, for `--help` and errors.
    pub fn describe(self) -> String {
        match self {
            Self::Text => "a text".into(),
            Self::Path => "an absolute path".into(),
            Self::Choice(choices) => format!("one of {}", choices.join(", ")),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Size => "a size like 64MiB".into(),
            Self::Duration => "a time like 5s or 3m, at most 1 day".into(),
            Self::Age => "a time like 12h or 90d, at most 100 years".into(),
            Self::Boolean => "true or false".into(),
            Self::List => "a list of texts".into(),
        }
    }

    /// The word in capitals after a flag.
    pub fn placeholder(self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Path => "FILE",
            Self::Choice(_) => "WORD",
            Self::Integer { .. } => "NUMBER",
            Self::Size => "SIZE",
            Self::Duration | Self::Age => "TIME",
            Self::Boolean => "BOOL",
            Self::List => "LIST",
        }
    }
}
