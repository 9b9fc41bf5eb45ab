//! What is damaged is said, and another repository helps out.

use std::fs;
use std::path::Path;

use super::{folder, listed, redis_backup};
use crate::support::place::Place;
use crate::support::redis::{Program, RedisServer};

#[derive(Debug, Clone, Copy)]
enum Damage {
    Delete,
    Cut,
    Flip,
    Swap,
}

const ALL: [Damage; 4] = [Damage::Delete, Damage::Cut, Damage::Flip, Damage::Swap];

impl Damage {
    fn inflict(self, path: &Path, other: &Path) {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        match self {
            Damage::Delete => return fs::remove_file(path).unwrap(),
            Damage::Cut => bytes.truncate(middle),
            Damage::Flip => bytes[middle] ^= 1,
            Damage::Swap => bytes = fs::read(other).unwrap(),
        }
        fs::write(path, bytes).unwrap();
    }
}

/// {delete, cut, flip, swap} x {data, description} x {list, verify, restore}.
#[test]
fn every_damage_is_said_and_the_other_repository_helps() {
    let place = Place::new();
    let mut server = RedisServer::start(Program::usual(), &place, &[]);
    server.fill();
    let repositories = [folder(&place, "one"), folder(&place, "two")];
    redis_backup(&server, &repositories, "create").run().expect(0);
    server.run(&["SET", "more", "of it"]);
    redis_backup(&server, &repositories, "create").run().expect(0);
    let digest = server.digest();
    server.kill();
    let ids =
        listed(&server, &repositories).into_iter().map(|it| it["id"].as_str().unwrap().to_owned());
    let ids: Vec<String> = ids.collect();
    let of =
        |id: &str, object| Path::new(&repositories[0]).join("redis/main").join(id).join(object);
    let pairs = ["dump.rdb.zst", "backup.json"].map(|name| (of(&ids[1], name), of(&ids[0], name)));
    for (number, (object, other)) in pairs.iter().enumerate() {
        for damage in ALL {
            let whole = fs::read(object).unwrap();
            damage.inflict(object, other);
            let verify = redis_backup(&server, &repositories, "verify").run();
            // Without its description it is no backup there; the other repository has it.
            let unseen = number == 1 && matches!(damage, Damage::Delete);
            // A bit of a description that changes nothing we check changes nothing at all.
            let harmless = number == 1 && matches!(damage, Damage::Flip);
            if !harmless {
                verify.expect(if unseen { 0 } else { 5 });
            }
            let fresh = place.folder(&format!("fresh-{number}-{damage:?}"));
            let restored = redis_backup(&server, &repositories, "restore");
            let restored = restored.arg("--dir").arg(&fresh).arg("--yes").run();
            restored.expect(0);
            let again = RedisServer::start_in(Program::usual(), &place, &fresh, &[]);
            assert_eq!(again.digest(), digest, "{damage:?} {number}: {restored}");
            drop(again);
            let alone = place.folder(&format!("alone-{number}-{damage:?}"));
            let outcome = redis_backup(&server, &repositories[..1], "restore");
            let outcome = outcome.arg(&ids[1]).arg("--dir").arg(&alone).arg("--yes").run();
            if !harmless {
                assert_ne!(outcome.status, Some(0), "{damage:?} {number}: {outcome}");
                assert!(!alone.join("dump.rdb").exists(), "{damage:?} {number}");
            }
            fs::write(object, whole).unwrap();
        }
    }
    redis_backup(&server, &repositories, "verify").run().expect(0);
    let newest = redis_backup(&server, &repositories, "verify").arg("--newest").run();
    assert!(newest.expect(0).stdout.starts_with("read 1 Redis backup with "), "{newest}");
}

/// A fault is told as one of a base backup is: where, what, what is lost with it, and who has it whole.
#[test]
fn a_fault_names_what_is_lost_and_who_has_it() {
    let place = Place::new();
    let mut server = RedisServer::start(Program::usual(), &place, &[]);
    server.fill();
    let repositories = [folder(&place, "one"), folder(&place, "two")];
    let verify = |words: &[&str]| redis_backup(&server, &repositories, "verify").args(words).run();
    let nothing = verify(&[]);
    nothing.expect(2).says("there is no Redis backup to verify");
    nothing.says("HINT: `redis-backup create` takes one.");
    redis_backup(&server, &repositories, "create").run().expect(0);
    let id = listed(&server, &repositories)[0]["id"].as_str().unwrap().to_owned();
    let object = Path::new(&repositories[0]).join("redis/main").join(&id).join("dump.rdb.zst");
    Damage::Flip.inflict(&object, &object);
    let outcome = verify(&[]);
    outcome.expect(5);
    let line = outcome.stdout.lines().next().unwrap_or_default();
    let begins = format!("local: redis/main/{id}: ");
    let ends = format!(
        "; Redis backup {id} can't be restored from repository local; repository local2 has it"
    );
    assert!(line.starts_with(&begins) && line.ends_with(&ends), "{outcome}");
    let json: serde_json::Value = serde_json::from_str(&verify(&["--json"]).stdout).unwrap();
    let fault = &json["faults"][0];
    assert_eq!((&json["name"], &json["well"]), (&"main".into(), &false.into()), "{json}");
    assert_eq!(fault["object"], format!("redis/main/{id}"), "{json}");
    assert_eq!(fault["elsewhere"], serde_json::json!(["local2"]), "{json}");
    let quick = verify(&["--quick"]);
    let words = "looked at names and sizes only: 1 Redis backup with 2 objects: all is well\n";
    assert_eq!(quick.expect(0).stdout, words, "{quick}");
    server.kill();
}
