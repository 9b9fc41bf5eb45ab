use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::secrets::without_secrets;
use super::setting::Kind;

/// No wait is longer. (Far longer ones could not even be added to the time of day.)
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Nobody keeps anything longer by a rule, and it is far from where calendars end.
const OLDEST: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

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
    pub fn from_text(kind: Kind, text: &str) -> Option<Self> {
        Some(match kind {
            Kind::Text => Self::Text(text.to_owned()),
            Kind::Path => Self::Path(Some(PathBuf::from(text)).filter(|path| path.is_absolute())?),
            Kind::Choice(choices) => Self::Text(choices.contains(&text).then(|| text.to_owned())?),
            Kind::Integer { .. } => return Self::from_integer(kind, text.parse().ok()?),
            Kind::Size => Self::Size(text.parse::<bytesize::ByteSize>().ok()?.as_u64()),
            Kind::Duration => Self::Duration(time(text, LONGEST)?),
            Kind::Age => Self::Duration(time(text, OLDEST)?),
            Kind::Boolean => Self::Boolean(text.parse().ok()?),
            Kind::List => Self::List(text.split_whitespace().map(str::to_owned).collect()),
        })
    }

    pub fn from_integer(kind: Kind, number: i64) -> Option<Self> {
        match kind {
            Kind::Integer { min, max } => {
                (min..=max).contains(&number).then_some(Self::Integer(number))
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
            (Kind::Size, "64MiB", "\"64MiB\""),
            (Kind::Size, "1000", "\"1000B\""),
            (Kind::Duration, "90s", "\"1m 30s\""),
            (Kind::Age, "7d", "\"7days\""),
            (Kind::Integer { min: 1, max: 9 }, "9", "9"),
            (Kind::List, "a b", "[\"a\", \"b\"]"),
            (Kind::Path, "/a b", "\"/a b\""),
            (Kind::Text, "a\\\"\u{1}\u{200b}é", "\"a\\\\\\\"\\u0001\u{200b}é\""),
            (Kind::Boolean, "true", "true"),
        ] {
            let value = Value::from_text(kind, text).unwrap();
            assert_eq!(value.to_string(), written);
            let again = written.trim_matches('"');
            if !matches!(kind, Kind::List | Kind::Text) {
                assert_eq!(Value::from_text(kind, again), Some(value));
            }
        }
    }

    #[test]
    fn is_refused_when_it_is_not_of_the_kind() {
        for (kind, text) in [
            (Kind::Path, "relative"),
            (Kind::Integer { min: 1, max: 9 }, "10"),
            (Kind::Integer { min: 1, max: 9 }, "1.5"),
            (Kind::Size, "much"),
            (Kind::Duration, "5"),
            (Kind::Duration, "25h"),
            (Kind::Age, "7"),
            (Kind::Age, "101y"),
            (Kind::Boolean, "yes"),
            (Kind::Choice(&["a"]), "b"),
        ] {
            assert_eq!(Value::from_text(kind, text), None, "{text}");
        }
    }
}
