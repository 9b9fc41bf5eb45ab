//! The time zone of this host, as `date` and PostgreSQL would find it: `TZ`, else `/etc/localtime`, else UTC.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::target::in_utc;
use crate::error::{Class, Error, Result};

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
