use super::{Story, faults};
use crate::support::postgres::NEWEST;

/// A description that can be read and says something else than the backup.
#[test]
fn a_description_agrees_with_the_backup() {
    let story = Story::new();
    let (side, key) = (&story.sides[0], story.description(0));
    let before = String::from_utf8(side.get(&key).unwrap()).unwrap();
    let json: serde_json::Value = serde_json::from_str(&before).unwrap();
    let start = json["start"]["lsn"].as_str().unwrap();
    let stop = json["stop"]["lsn"].as_str().unwrap();
    let oid = json["tablespaces"][0]["oid"].as_u64().unwrap();
    let location = json["tablespaces"][0]["location"].as_str().unwrap();
    let at = |lsn: &str| format!("{lsn} on timeline 1");
    let (earlier, later) = (format!("{start}0"), stop.replace("0/", "0/F"));
    for (from, to, expected) in [
        (
            format!("\"lsn\": \"{stop}\""),
            format!("\"lsn\": \"{later}\""),
            vec![format!(
                "expected a stop at {} as backup_manifest says, found {}",
                at(stop),
                at(&later)
            )],
        ),
        (
            "\"from_standby\": false".to_owned(),
            "\"from_standby\": true".to_owned(),
            vec!["expected a backup from a primary as backup_label says, found standby".to_owned()],
        ),
        (
            "\"label\": \"seawall\"".to_owned(),
            "\"label\": \"seaWall\"".to_owned(),
            vec!["expected the label seawall as backup_label says, found seaWall".to_owned()],
        ),
        (
            format!("\"postgres_version\": {NEWEST}"),
            "\"postgres_version\": 17".to_owned(),
            vec![format!("expected PostgreSQL {NEWEST} as PG_VERSION says, found 17")],
        ),
        (
            format!("\"location\": \"{location}\""),
            "\"location\": \"/elsewhere\"".to_owned(),
            vec![format!(
                "expected tablespace {oid} at {location} as tablespace_map says, found /elsewhere"
            )],
        ),
    ] {
        assert!(before.contains(&from), "{from} in {before}");
        side.put(&key, before.replacen(&from, &to, 1).as_bytes());
        let outcome = story.verify(&side.seawall, &[&story.backups[0]]);
        let id = &story.backups[0];
        let line = |found: &String| {
            format!(
                "local: {key}: {found}; base backup {id} can't be restored from repository local"
            )
        };
        let expected: Vec<String> = expected.iter().map(line).collect();
        // A stop that is too late also asks for WAL that nobody has.
        let found = faults(outcome.expect(5));
        assert_eq!(found[..expected.len()], expected, "{earlier}: {outcome}");
    }
}
