//! `backup.json` is refused, or says the same when it is written anew; its objects lie beside it, and all
//! that is added up of it can be.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall::backup::BackupFolder;
use seawall::basebackup::Description;
use seawall::basebackup::catalogue::Facts;
use seawall::postgres::SystemIdentifier;

fuzz_target!(|data: &[u8]| {
    let Ok(description) = Description::parse(data) else { return };
    let json = description.to_json().expect("it was JSON");
    assert_eq!(Description::parse(&json).as_ref(), Ok(&description));
    let folder = BackupFolder::new("main", SystemIdentifier(7), "id");
    for stored in description.parts.iter().map(|it| &it.stored).chain([&description.manifest]) {
        let key = folder.key(&stored.object);
        let name = key.strip_prefix(&folder.key("")).expect("below the folder");
        assert!(!name.is_empty() && !name.contains('/') && name != "..", "{key}");
        assert!(stored.size <= description.size() + description.manifest.size);
        assert!(stored.stored_size <= description.stored_size());
    }
    let Ok(facts) = Facts::of(&description) else { return };
    assert!(facts.start.lsn <= facts.stop.lsn);
    assert!(facts.same_backup(&facts.clone()));
});
