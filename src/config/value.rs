//! The value of a setting once it was checked, read from text and shown as the file would have it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::secrets::without_secrets;
use super::setting::{RATE_MIN, ValueKind};

/// No wait is longer. (Far longer ones could not even be added to the time of day.)
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Nobody keeps anything longer by a rule, and it is far from where calendars end.
const OLDEST: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

/// The word of [`ValueKind::AllOrNumber`].
const ALL: &str = "all";

/// A checked value of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Path(PathBuf),
    Integer(i64),
    Size(u64),
    Duration(Duration),
    Boolean(bool),
    List(Vec<String>),
}

impl Value {
    /// From a flag, a variable or a quoted text in the file; `None` when it is not of that kind.
    pub fn from_text(kind: ValueKind, text: &str) -> Option<Self> {
        Some(match kind {
            ValueKind::Text => Self::Text(text.to_owned()),
            ValueKind::Path => {
                Self::Path(Some(PathBuf::from(text)).filter(|path| path.is_absolute())?)
            }
            ValueKind::Choice(choices) => {
                Self::Text(choices.contains(&text).then(|| text.to_owned())?)
            }
            ValueKind::AllOrNumber { .. } if text == ALL => Self::Text(text.to_owned()),
            ValueKind::Integer { .. } | ValueKind::AllOrNumber { .. } => {
                return Self::from_integer(kind, text.parse().ok()?);
            }
            ValueKind::Size => Self::Size(size(text)?),
            ValueKind::Rate => Self::Size(size(text).filter(|rate| *rate >= RATE_MIN)?),
            ValueKind::Duration => Self::Duration(time(text, LONGEST)?),
            ValueKind::Age => Self::Duration(time(text, OLDEST)?),
            ValueKind::Boolean => Self::Boolean(text.parse().ok()?),
            ValueKind::List => Self::List(text.split_whitespace().map(str::to_owned).collect()),
        })
    }

    pub fn from_integer(kind: ValueKind, number: i64) -> Option<Self> {
        match kind {
            ValueKind::Integer { min, max } => {
                (min..=max).contains(&number).then_some(Self::Integer(number))
            }
            ValueKind::AllOrNumber { max } => {
                (1..=max).contains(&number).then_some(Self::Integer(number))
            }
            _ => None,
        }
    }

    /// The same with secrets made unreadable, for showing it.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        let shown = |text: &String| without_secrets(text).into_owned();
        match self {
            Self::Text(text) => Self::Text(shown(text)),
            Self::List(list) => Self::List(list.iter().map(shown).collect()),
            other => other.clone(),
        }
    }

    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::List(list) => list.is_empty(),
            _ => false,
        }
    }
}

fn size(text: &str) -> Option<u64> {
    text.parse::<bytesize::ByteSize>().ok().map(|size| size.as_u64())
}

fn time(text: &str, max: Duration) -> Option<Duration> {
    humantime::parse_duration(text).ok().filter(|time| *time <= max)
}

/// As it would be written in the file.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::Path(path) => f.write_str(&quoted(&path.to_string_lossy())),
            Self::Integer(number) => number.fmt(f),
            Self::Size(bytes) => write!(f, "\"{}\"", whole_unit(*bytes)),
            Self::Duration(time) => write!(f, "\"{}\"", humantime::format_duration(*time)),
            Self::Boolean(on) => on.fmt(f),
            Self::List(list) => {
                let quoted: Vec<String> = list.iter().map(|text| quoted(text)).collect();
                write!(f, "[{}]", quoted.join(", "))
            }
        }
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => {
                quoted.push_str(&format!("\\u{:04X}", u32::from(control)));
            }
            other => quoted.push(other),
        }
    }
    quoted + "\""
}

/// The largest unit that says it exactly.
fn whole_unit(bytes: u64) -> String {
    for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] {
        if bytes > 0 && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    format!("{bytes}B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_it_can_be_read() {
        for (kind, text, written) in [
            (ValueKind::Size, "64MiB", "\"64MiB\""),
            (ValueKind::Size, "1000", "\"1000B\""),
            (ValueKind::Rate, "64KiB", "\"64KiB\""),
            (ValueKind::Duration, "90s", "\"1m 30s\""),
            (ValueKind::Age, "7d", "\"7days\""),
            (ValueKind::Integer { min: 1, max: 9 }, "9", "9"),
            (ValueKind::AllOrNumber { max: 9 }, "all", "\"all\""),
            (ValueKind::AllOrNumber { max: 9 }, "2", "2"),
            (ValueKind::List, "a b", "[\"a\", \"b\"]"),
            (ValueKind::Path, "/a b", "\"/a b\""),
            (ValueKind::Text, "a\\\"\u{1}\u{200b}é", "\"a\\\\\\\"\\u0001\u{200b}é\""),
            (ValueKind::Boolean, "true", "true"),
        ] {
            let value = Value::from_text(kind, text).unwrap();
            assert_eq!(value.to_string(), written);
            let again = written.trim_matches('"');
            if !matches!(kind, ValueKind::List | ValueKind::Text) {
                assert_eq!(Value::from_text(kind, again), Some(value));
            }
        }
    }

    #[test]
    fn is_refused_when_it_is_not_of_the_kind() {
        for (kind, text) in [
            (ValueKind::Path, "relative"),
            (ValueKind::Integer { min: 1, max: 9 }, "10"),
            (ValueKind::Integer { min: 1, max: 9 }, "1.5"),
            (ValueKind::AllOrNumber { max: 9 }, "0"),
            (ValueKind::AllOrNumber { max: 9 }, "any"),
            (ValueKind::Size, "much"),
            (ValueKind::Rate, "0"),
            (ValueKind::Rate, "63KiB"),
            (ValueKind::Duration, "5"),
            (ValueKind::Duration, "25h"),
            (ValueKind::Age, "7"),
            (ValueKind::Age, "101y"),
            (ValueKind::Boolean, "yes"),
            (ValueKind::Choice(&["a"]), "b"),
        ] {
            assert_eq!(Value::from_text(kind, text), None, "{text}");
        }
    }
}
