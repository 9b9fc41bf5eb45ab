//! Times as people copy them: from `date`, from the server's log, from what they know. One without a zone is as this host's
//! clock shows it, whose zone is found as `date` and PostgreSQL find it: `TZ`, else `/etc/localtime`, else UTC.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

use super::recovery_target::{in_utc, wrong};
use crate::error::{Class, Error, Result};

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Abbreviations that mean one offset wherever they are used, in minutes. Of others, such as CST, IST and BST, that is not so.
const ABBREVIATIONS: [(&str, i32); 14] = [
    ("UTC", 0),
    ("GMT", 0),
    ("Z", 0),
    ("WET", 0),
    ("WEST", 60),
    ("CET", 60),
    ("CEST", 120),
    ("EET", 120),
    ("EEST", 180),
    ("MSK", 180),
    ("JST", 540),
    ("AEST", 600),
    ("EST", -300),
    ("EDT", -240),
];

/// A time with its zone (`2026-11-22 14:29:59+01`, `2026-11-22T13:29:59Z`, as `date` and the server's log print it, `@` and
/// seconds since 1970), or as the clock of `zone` shows it, which is asked for only then. One that the clock shows twice or never,
/// as at the end and the beginning of summer time, is refused.
pub fn parse_time(text: &str, zone: impl FnOnce() -> Result<TimeZone>) -> Result<Timestamp> {
    let text = text.trim();
    if has_no_such_second(text) {
        return Err(unreadable(text));
    }
    if text.contains('[') {
        let zoned: Result<Zoned, _> = text.parse();
        return zoned.map(|time| time.timestamp()).map_err(|_| unknown_zone(text));
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Some(time) = seconds(text) {
        return time.ok_or_else(|| unreadable(text));
    }
    if let Ok(local) = text.parse::<DateTime>() {
        return once(&zone()?, local, text);
    }
    let Written { local, zone: said } = Written::read(text).ok_or_else(|| unreadable(text))?;
    match said {
        None => once(&zone()?, local, text),
        Some(said) => in_zone(local, said, text, zone),
    }
}

/// A clock shows no second 60, and who wrote it down did not mean the one before.
fn has_no_such_second(text: &str) -> bool {
    text.split_whitespace().flat_map(|word| word.split(['T', 't'])).any(|word| {
        let second = word.split(':').nth(2).unwrap_or_default();
        let digits: String = second.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u32>().is_ok_and(|second| second >= 60)
    })
}

/// `@1764437100` as for `date -d`, and `1764437100.123` as `%n` of `log_line_prefix` writes it.
fn seconds(text: &str) -> Option<Option<Timestamp>> {
    let plain = text.strip_prefix('@');
    let number = plain.unwrap_or(text);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || (plain.is_none() && whole.len() < 10) {
        return None;
    }
    let nanoseconds: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let (whole, nanoseconds) = (whole.parse().ok(), nanoseconds.parse().ok());
    Some(whole.zip(nanoseconds).and_then(|(whole, rest)| Timestamp::new(whole, rest).ok()))
}

/// A time in words: what the clock showed, and which zone was said.
struct Written<'a> {
    local: DateTime,
    zone: Option<&'a str>,
}

impl<'a> Written<'a> {
    /// As in `2026-11-29 17:20:00.123 CET`, `Sun Nov 29 18:23:02 CET 2026`, `Sun, 29 Nov 2026 18:23:02 +0100`.
    fn read(text: &'a str) -> Option<Self> {
        let (mut date, mut time, mut zone, mut afternoon) = (None, None, None, None);
        let (mut year, mut month, mut day) = (None, None, None);
        for word in text.split_whitespace() {
            let word = word.trim_end_matches(',');
            let beginning = word.get(..3).unwrap_or_default().to_ascii_lowercase();
            let letters = word.bytes().all(|byte| byte.is_ascii_alphabetic());
            let digits = word.bytes().all(|byte| byte.is_ascii_digit());
            let month_of = || MONTHS.iter().position(|month| *month == beginning);
            let twice = if word.contains(':') && !word.starts_with(['+', '-']) {
                time.replace(word).is_some()
            } else if digits && word.len() == 4 {
                year.replace(word).is_some()
            } else if digits && word.len() <= 2 {
                day.replace(word).is_some()
            } else if word.len() == 10 && word.as_bytes()[4] == b'-' {
                date.replace(word.to_owned()).is_some()
            } else if ["AM", "PM"].contains(&word) {
                afternoon.replace(word == "PM").is_some()
            } else if let (true, Some(at)) = (letters && month.is_none(), month_of()) {
                month.replace(at + 1).is_some()
            } else if letters && zone.is_none() && time.is_none() && DAYS.contains(&&*beginning) {
                false
            } else {
                zone.replace(word).is_some()
            };
            if twice {
                return None;
            }
        }
        let of_words = || Some(format!("{}-{:02}-{:0>2}", year?, month?, day?));
        let date = if date.is_some() && year.or(day).is_none() { date } else { of_words() };
        let time = on_the_whole_day(time?, afternoon)?;
        Some(Self { local: format!("{}T{time}", date?).parse().ok()?, zone })
    }
}

fn on_the_whole_day(time: &str, afternoon: Option<bool>) -> Option<String> {
    let Some(afternoon) = afternoon else { return Some(time.to_owned()) };
    let (hour, rest) = time.split_once(':')?;
    let hour: u32 = hour.parse().ok().filter(|hour| (1..=12).contains(hour))?;
    Some(format!("{:02}:{rest}", hour % 12 + if afternoon { 12 } else { 0 }))
}

fn in_zone(
    local: DateTime,
    said: &str,
    text: &str,
    zone: impl FnOnce() -> Result<TimeZone>,
) -> Result<Timestamp> {
    if said.starts_with(['+', '-']) {
        let offset = offset(said).ok_or_else(|| unreadable(text))?;
        return offset.to_timestamp(local).map_err(|_| unreadable(text));
    }
    if said.contains('/') {
        let zone = TimeZone::get(said).map_err(|_| unknown_zone(text))?;
        return once(&zone, local, text);
    }
    // The clock of this host tells the two hours apart that it shows twice.
    let known = zone().ok().and_then(|zone| {
        let both = zone.to_ambiguous_timestamp(local);
        let times = [both.earlier(), both.later()].into_iter().flatten();
        times.into_iter().find(|time| zone.to_offset_info(*time).abbreviation() == said)
    });
    let fixed = || {
        let minutes = ABBREVIATIONS.iter().find(|(name, _)| *name == said)?.1;
        Offset::from_seconds(minutes * 60).ok()?.to_timestamp(local).ok()
    };
    let always_utc = ["UTC", "GMT", "Z"].contains(&said);
    let found = if always_utc { fixed() } else { known.or_else(fixed) };
    found.ok_or_else(|| unknown_zone(text))
}

/// `+01`, `+0100`, `+01:00`
fn offset(text: &str) -> Option<Offset> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let plain = text[1..].bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    let (hours, minutes) = match digits.len() {
        2 => (digits.parse::<i32>().ok()?, 0),
        4 => (digits[..2].parse().ok()?, digits[2..].parse::<i32>().ok()?),
        _ => return None,
    };
    let known = plain && hours < 16 && minutes < 60;
    known.then(|| Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()).flatten()
}

fn once(zone: &TimeZone, local: DateTime, text: &str) -> Result<Timestamp> {
    zone.to_ambiguous_timestamp(local).unambiguous().map_err(|_| {
        wrong("a time that the local clock shows once", text).hint(
            "Summer time begins or ends there: write the zone, as in '2026-10-25 02:30:00+01'.",
        )
    })
}

fn unreadable(text: &str) -> Error {
    wrong("a time like '2026-11-22 14:29:59' or '2026-11-22 14:29:59+01'", text)
        .hint("Without a zone it is the local time of this host.")
}

fn unknown_zone(text: &str) -> Error {
    wrong("a time whose zone this host knows", text)
        .hint("Write the offset from UTC after it, as in '2026-11-22 14:29:59+01'.")
}

const LOCALTIME: &str = "/etc/localtime";

/// What needs no database of zones.
const UTC: [&str; 4] = ["UTC", "Etc/UTC", "GMT", "Etc/GMT"];

/// The zone in which this host tells the time: `TZ`, else `/etc/localtime`, else UTC (`tzset(3)`). One that is named
/// and can't be found is an error. The C library takes UTC then, and a server would recover to another moment.
pub fn local_zone() -> Result<TimeZone> {
    let found = TimeZone::try_system();
    match std::env::var_os("TZ") {
        Some(name) => found.or_else(|_| unfound("TZ", &name)),
        None => found.or_else(|_| without_variable(Path::new(LOCALTIME))),
    }
}

/// A broken link leads nowhere, and says all the same which zone it was to be.
fn without_variable(localtime: &Path) -> Result<TimeZone> {
    match fs::read_link(localtime) {
        Ok(target) => unfound(LOCALTIME, target.as_os_str()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(TimeZone::UTC),
        Err(_) => Err(unknown(LOCALTIME, "something that is no time zone")),
    }
}

fn unfound(place: &str, name: &OsStr) -> Result<TimeZone> {
    let name = name.to_string_lossy();
    let zone = name.trim_start_matches(':');
    let zone = zone.rsplit_once("zoneinfo/").map_or(zone, |(_, zone)| zone);
    if UTC.contains(&zone) {
        return Ok(TimeZone::UTC);
    }
    Err(unknown(place, &format!("{name:?}")))
}

fn unknown(place: &str, found: &str) -> Error {
    let message = format!("expected a time zone that this host knows in {place}, found {found}");
    Error::new(Class::Usage, message).hint(
        "Install tzdata if the name is right, or write the zone behind the time: '2026-11-22 14:29:59+01'.",
    )
}

/// In UTC, and as the clock on the wall showed it where that is another.
pub(super) fn in_both(time: Timestamp, zone: &TimeZone) -> String {
    let local = time.to_zoned(zone.clone());
    if local.offset().is_zero() {
        return in_utc(time);
    }
    let name = zone.iana_name().map_or(String::new(), |name| format!(" in {name}"));
    format!("{}, here {}{name}", in_utc(time), local.strftime("%Y-%m-%d %H:%M:%S%.f%:z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> TimeZone {
        // The rule itself (POSIX TZ), so that it does not matter which zones are installed.
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    fn utc(text: &str) -> String {
        parse_time(text, || Ok(berlin())).map_or_else(|error| error.to_string(), in_utc)
    }

    #[test]
    fn times_are_read_with_a_zone_or_as_local_and_shown_in_utc() {
        assert_eq!(utc("2026-11-22 14:29:59"), "2026-11-22 13:29:59+00");
        assert_eq!(utc("2026-07-22 14:29:59.25"), "2026-07-22 12:29:59.25+00");
        assert_eq!(utc("2026-11-22 14:29:59+00"), "2026-11-22 14:29:59+00");
        assert_eq!(utc("2026-11-22T14:29:59Z"), "2026-11-22 14:29:59+00");
        assert_eq!(utc("2026-11-22 14:29:59-05:30"), "2026-11-22 19:59:59+00");
        assert_eq!(utc("2026-11-22"), "2026-11-21 23:00:00+00");
    }

    /// `date`, `date -R`, `date -Is`, `date '+%F %T %z'`, `%m`, `%t` and `%n` of `log_line_prefix`.
    #[test]
    fn times_are_read_as_date_and_the_log_print_them() {
        for (text, expected) in [
            ("Sun Nov 29 18:23:02 CET 2026", "2026-11-29 17:23:02+00"),
            ("Sun Nov 29 06:23:02 PM CET 2026", "2026-11-29 17:23:02+00"),
            ("Sun Nov 29 12:23:02 AM CET 2026", "2026-11-28 23:23:02+00"),
            ("Sun 29 Nov 18:23:02 UTC 2026", "2026-11-29 18:23:02+00"),
            ("Sun Nov  9 18:23:02 UTC 2026", "2026-11-09 18:23:02+00"),
            ("Sun, 29 Nov 2026 18:23:02 +0100", "2026-11-29 17:23:02+00"),
            ("2026-11-29T18:23:02+01:00", "2026-11-29 17:23:02+00"),
            ("2026-11-29 18:23:02 +0100", "2026-11-29 17:23:02+00"),
            ("2026-11-29 17:20:00.123 UTC", "2026-11-29 17:20:00.123+00"),
            ("2026-11-29 18:20:00.123 CET", "2026-11-29 17:20:00.123+00"),
            ("2026-07-29 18:20:00 CEST", "2026-07-29 16:20:00+00"),
            ("2026-11-29 12:20:00 EST", "2026-11-29 17:20:00+00"),
            ("2026-11-29 17:20:00 GMT", "2026-11-29 17:20:00+00"),
            ("@1764437100", "2025-11-29 17:25:00+00"),
            ("@1764437100.5", "2025-11-29 17:25:00.5+00"),
            ("1764437100.123", "2025-11-29 17:25:00.123+00"),
            // The hour that comes twice, told apart.
            ("2026-10-25 02:30:00 CEST", "2026-10-25 00:30:00+00"),
            ("2026-10-25 02:30:00 CET", "2026-10-25 01:30:00+00"),
        ] {
            assert_eq!(utc(text), expected, "{text}");
        }
    }

    #[test]
    fn times_that_are_none_or_two_are_refused() {
        for text in [
            "yesterday",
            "2026-11-29 17:20:60",
            "2026-11-29T17:20:60Z",
            "17:20:00",
            "Nov 29 2026",
            "@",
            "@x",
        ] {
            assert_eq!(
                utc(text),
                format!(
                    "expected a time like '2026-11-22 14:29:59' or '2026-11-22 14:29:59+01', found {text:?}. \
                     HINT: Without a zone it is the local time of this host."
                )
            );
        }
        for text in ["2026-10-25 02:30:00", "2026-03-29 02:30:00"] {
            assert_eq!(
                utc(text),
                format!(
                    "expected a time that the local clock shows once, found {text:?}. HINT: Summer time begins \
                     or ends there: write the zone, as in '2026-10-25 02:30:00+01'."
                )
            );
        }
        assert_eq!(utc("2026-10-25 02:30:00+01"), "2026-10-25 01:30:00+00");
    }

    /// Somebody meant something by it, and UTC is a guess.
    #[test]
    fn a_zone_that_is_not_known_is_refused() {
        for text in [
            "2026-11-29 17:20:00 CST",
            "2026-11-29 17:20:00 Nowhere/Bad",
            "2026-11-29T17:20:00[Nowhere/Bad]",
        ] {
            assert_eq!(
                utc(text),
                format!(
                    "expected a time whose zone this host knows, found {text:?}. HINT: \
                     Write the offset from UTC after it, as in '2026-11-22 14:29:59+01'."
                )
            );
        }
    }

    #[test]
    fn what_is_no_zone_is_not_taken_for_utc() {
        let place = tempfile::tempdir().unwrap();
        let localtime = place.path().join("localtime");
        assert_eq!(without_variable(&localtime), Ok(TimeZone::UTC));
        fs::write(&localtime, "not a zone").unwrap();
        let said = without_variable(&localtime).unwrap_err().to_string();
        let front = "expected a time zone that this host knows in /etc/localtime, found ";
        assert!(
            said.starts_with(&format!(
                "{front}something that is no time zone. HINT: Install tzdata"
            )),
            "{said}"
        );
        for (target, utc) in [("/usr/share/zoneinfo/Etc/UTC", true), ("../zoneinfo/No/Zone", false)]
        {
            fs::remove_file(&localtime).unwrap();
            std::os::unix::fs::symlink(target, &localtime).unwrap();
            let zone = without_variable(&localtime).map_err(|error| error.to_string());
            match zone {
                Ok(zone) => assert!(utc && zone == TimeZone::UTC, "{target}"),
                Err(said) => assert!(said.starts_with(&format!("{front}{target:?}.")), "{said}"),
            }
        }
    }

    #[test]
    fn a_moment_is_shown_as_the_clock_on_the_wall_showed_it() {
        let time: Timestamp = "2026-07-22T12:29:59.25Z".parse().unwrap();
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        assert_eq!(
            in_both(time, &berlin),
            "2026-07-22 12:29:59.25+00, here 2026-07-22 14:29:59.25+02:00"
        );
        assert_eq!(in_both(time, &TimeZone::UTC), "2026-07-22 12:29:59.25+00");
    }
}
