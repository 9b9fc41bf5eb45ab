//! `backup.json` of a backup of a Redis or, by the first byte of the input, of media files: refused, or says the same when it
//! is written anew, and every object that it names lies beside it or beside another one's.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use seawall::backup::{BackupFolder, Described, parse_description};
use seawall::media_backup::SnapshotDescription;
use seawall::redis_backup::RedisDescription;
use seawall_fuzz::is_plain_name;
use serde_json::to_vec;

fuzz_target!(|data: &[u8]| {
    let Some((first, json)) = data.split_first() else { return };
    if first % 2 == 1 {
        let Some(description) = check::<SnapshotDescription>(json) else { return };
        let length = description.all_objects().map(|(_, stored)| stored.stored_size).sum::<u64>();
        assert!(description.all_objects().all(|(_, stored)| stored.stored_size <= length));
        for (id, stored) in description.all_objects().skip(description.objects.len()) {
            let key = BackupFolder::below("media/set/", id).key(&stored.object);
            let name = key.strip_prefix(&format!("media/set/{id}/"));
            assert!(is_plain_name(id) && name.is_some_and(is_plain_name), "{key}");
        }
    } else {
        check::<RedisDescription>(json);
    }
});

fn check<D>(json: &[u8]) -> Option<D>
where
    D: Described + serde::de::DeserializeOwned + serde::Serialize + PartialEq + Debug,
{
    let description: D = parse_description(json).ok()?;
    let again: D = parse_description(&to_vec(&description).expect("it was JSON")).expect("ours");
    assert_eq!(again, description);
    let objects = || description.objects();
    assert!(objects().all(|stored| is_plain_name(&stored.object)));
    let length = objects().map(|stored| stored.size).sum::<u64>();
    assert!(objects().all(|stored| stored.size <= length));
    Some(description)
}
