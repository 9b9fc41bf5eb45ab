use jiff::{SignedDuration, Timestamp};

use super::CLOCKS_APART;

/// From the end of a backup to its description: it waits for its WAL meanwhile.
const LATE_MAX: SignedDuration = SignedDuration::from_hours(6);

/// Why nobody believes when a backup ended, from what its description says and when that was stored by the clock of
/// the store.
pub fn doubt(ended: Timestamp, stored: Option<Timestamp>) -> Option<String> {
    let stored = stored?;
    let late = stored.duration_since(ended);
    (late > LATE_MAX || late < -CLOCKS_APART)
        .then(|| format!("says that it ended at {ended:.0}, and was stored at {stored:.0}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stored_long_after_it_ended_or_before_is_in_doubt() {
        let at = |time: &str| -> Timestamp { format!("2026-11-30T{time}Z").parse().unwrap() };
        let ended = at("12:00:00");
        assert_eq!(doubt(ended, None), None);
        for stored in ["11:00:00", "12:00:05", "18:00:00"] {
            assert_eq!(doubt(ended, Some(at(stored))), None, "{stored}");
        }
        for stored in ["10:59:59", "18:00:01"] {
            let text = format!(
                "says that it ended at 2026-11-30T12:00:00Z, and was stored at 2026-11-30T{stored}Z"
            );
            assert_eq!(doubt(ended, Some(at(stored))), Some(text));
        }
    }
}
