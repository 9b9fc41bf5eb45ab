//! How many keys each database has, and whether those of a restored server are those of its backup.
//!
//! Keys that expire may go at any time, so a number that differs is not yet a loss.

use serde::{Deserialize, Serialize};

/// How many keys a database has, and how many of them expire some day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    pub database: u32,
    pub keys: u64,
    pub expires: u64,
}

impl Keys {
    /// From a line of `INFO keyspace`: `db0:keys=3,expires=1,avg_ttl=0`. Later versions append more.
    pub fn parse(name: &str, value: &str) -> Option<Self> {
        let database = name.strip_prefix("db")?.parse().ok()?;
        let field = |wanted: &str| {
            let fields = value.split(',').filter_map(|field| field.split_once('='));
            fields.filter(|(name, _)| *name == wanted).find_map(|(_, number)| number.parse().ok())
        };
        // Hashes whose fields expire go with the last of them: as Valkey 9 and as Redis 7.4 count them.
        let volatile = field("keys_with_volatile_items").or_else(|| field("subexpiry"));
        let (keys, expires): (u64, u64) = (field("keys")?, field("expires")?);
        let expires = expires.saturating_add(volatile.unwrap_or(0)).min(keys);
        Some(Self { database, keys, expires })
    }
}

/// What differs between the keys of a backup and those of a server that was restored from it, one line a
/// database; empty when all are there. Keys that expire may be fewer: their time has come meanwhile.
pub fn compare_keys(recorded: &[Keys], now: &[Keys]) -> Vec<String> {
    let mut databases: Vec<u32> = recorded.iter().chain(now).map(|keys| keys.database).collect();
    databases.sort_unstable();
    databases.dedup();
    let of = |all: &[Keys], database: u32| {
        let found = all.iter().find(|keys| keys.database == database);
        found.copied().unwrap_or(Keys { database, keys: 0, expires: 0 })
    };
    let line = |database: u32| difference(of(recorded, database), of(now, database));
    databases.into_iter().filter_map(line).collect()
}

fn difference(recorded: Keys, now: Keys) -> Option<String> {
    let Keys { database, keys, expires } = recorded;
    let found = now.keys;
    if found == keys {
        return None;
    }
    let text = format!("database {database}: expected {keys} keys, found {found}");
    Some(match keys.checked_sub(found) {
        None => format!("{text}: {} more than the backup has", found - keys),
        Some(missing) if missing <= expires => {
            format!("{text}: {missing} of the {expires} with an expiry have expired")
        }
        Some(missing) if expires > 0 => {
            format!("{text}: {missing} are missing, and only {expires} had an expiry")
        }
        Some(missing) => format!("{text}: {missing} are missing, and none had an expiry"),
    })
}

/// Whether the difference is more than keys whose time has come.
pub(crate) fn is_explained(recorded: &[Keys], now: &[Keys]) -> bool {
    let found =
        |database| now.iter().find(|keys| keys.database == database).map_or(0, |it| it.keys);
    let known = |database| recorded.iter().any(|keys| keys.database == database);
    let enough = |it: &Keys| {
        let least = it.keys.saturating_sub(it.expires);
        (least..=it.keys).contains(&found(it.database))
    };
    recorded.iter().all(enough) && now.iter().all(|it| it.keys == 0 || known(it.database))
}

/// The same where keys were counted beside the data, while others wrote: no database lost half of its keys.
pub(crate) fn is_plausible(recorded: &[Keys], now: &[Keys]) -> bool {
    let found =
        |database| now.iter().find(|keys| keys.database == database).map_or(0, |it| it.keys);
    let lasting = |it: &Keys| it.keys.saturating_sub(it.expires);
    recorded.iter().all(|it| found(it.database).saturating_mul(2) >= lasting(it))
        && (recorded.iter().all(|it| lasting(it) == 0) || now.iter().any(|it| it.keys > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(database: u32, keys: u64, expires: u64) -> Keys {
        Keys { database, keys, expires }
    }

    #[test]
    fn lines_of_info_are_read_as_all_versions_write_them() {
        for (value, expected) in [
            ("keys=3,expires=1,avg_ttl=0", Some(keys(7, 3, 1))),
            ("keys=9,expires=1,avg_ttl=0,subexpiry=2", Some(keys(7, 9, 3))),
            ("keys=9,expires=1,avg_ttl=0,keys_with_volatile_items=9", Some(keys(7, 9, 9))),
            ("keys=3", None),
            ("", None),
        ] {
            assert_eq!(Keys::parse("db7", value), expected);
        }
        assert_eq!(Keys::parse("dbx", "keys=1,expires=0"), None);
        assert_eq!(Keys::parse("used_memory", "1"), None);
    }

    #[test]
    fn what_was_counted_beside_the_data_may_differ_by_less_than_half() {
        let recorded = [keys(0, 100, 10), keys(1, 4, 4)];
        for (now, expected) in
            [(keys(0, 45, 0), true), (keys(0, 44, 0), false), (keys(0, 500, 0), true)]
        {
            assert_eq!(is_plausible(&recorded, &[now]), expected, "{now:?}");
        }
        assert!(!is_plausible(&recorded, &[]) && is_plausible(&recorded[1..], &[]));
    }

    #[test]
    fn a_difference_is_a_line_that_says_whether_expiry_explains_it() {
        let recorded = [keys(0, 10, 3), keys(1, 5, 0), keys(2, 4, 1), keys(3, 1, 1), keys(9, 2, 0)];
        let now = [keys(0, 8, 1), keys(1, 4, 0), keys(2, 1, 0), keys(4, 2, 0), keys(9, 2, 0)];
        assert_eq!(
            compare_keys(&recorded, &now),
            [
                "database 0: expected 10 keys, found 8: 2 of the 3 with an expiry have expired",
                "database 1: expected 5 keys, found 4: 1 are missing, and none had an expiry",
                "database 2: expected 4 keys, found 1: 3 are missing, and only 1 had an expiry",
                "database 3: expected 1 keys, found 0: 1 of the 1 with an expiry have expired",
                "database 4: expected 0 keys, found 2: 2 more than the backup has",
            ]
        );
        assert_eq!(compare_keys(&recorded, &recorded), [""; 0]);
        assert!(!is_explained(&recorded, &now) && is_explained(&recorded, &recorded));
        assert!(is_explained(&recorded[..1], &now[..1]));
        assert!(!is_explained(&recorded[..1], &[keys(0, 10, 3), keys(4, 2, 0)]));
    }
}
