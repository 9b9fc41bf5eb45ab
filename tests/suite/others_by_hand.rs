//! `docs/restore-redis-by-hand.md` and `docs/restore-media-by-hand.md`, done as they stand: their blocks one after
//! the other, with the values of their first block set.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use crate::documents::{fenced, read};
use crate::media::trees::{Random, content, facts, same, set_mtime};
use crate::media_packed::scene::Scene;
use crate::redis_backups::{folder, objects, redis_backup};
use crate::scene::{KeyPair, Kind};
use crate::support::place::{Place, free_port};
use crate::support::redis::{Program, RedisServer};
use crate::support::run::Run;

const REDIS: &str = "docs/restore-redis-by-hand.md";
const MEDIA: &str = "docs/restore-media-by-hand.md";
const LIMIT: Duration = Duration::from_secs(60);

/// All blocks of a page. What its first one sets has to be given, and nothing else.
fn script(page: &str, values: &[(&str, String)]) -> String {
    let mut blocks = fenced(&read(page), "sh");
    let names: Vec<&str> = blocks[0].lines().filter_map(|line| line.split('=').next()).collect();
    let given: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, given, "what {page} sets");
    blocks[0] = values.iter().map(|(name, value)| format!("{name}='{value}'\n")).collect();
    assert!(blocks.len() > 2, "{page} has only {} blocks", blocks.len());
    format!("set -eu\n{}", blocks.concat())
}

fn text(path: &Path) -> String {
    path.to_str().expect("paths of the tests are UTF-8").to_owned()
}

#[test]
fn a_redis_comes_back_with_the_page_alone() {
    for encrypted in [false, true] {
        let place = Place::new();
        let pair = KeyPair::new(&place);
        let mut server = RedisServer::start(Program::usual(), &place, &[]);
        server.fill();
        let digest = server.digest();
        let archive = [folder(&place, "archive")];
        let create = redis_backup(&server, &archive, "create");
        let recipient = ["--encryption-recipients", pair.recipient.as_str()];
        create.args(recipient.into_iter().filter(|_| encrypted)).run().expect(0);
        server.kill();
        let backup = objects(&archive[0])[0].parent().unwrap().to_owned();
        let data = place.join("restored");
        let script = script(
            REDIS,
            &[
                ("REPOSITORY", text(backup.parent().unwrap())),
                ("BACKUP", text(Path::new(backup.file_name().unwrap()))),
                ("DATA", text(&data)),
                ("PORT", free_port().to_string()),
                ("IDENTITY", text(&pair.file)),
            ],
        );
        let bin = text(Program::usual().path.parent().unwrap());
        let script = format!("PATH={bin}:$PATH\n{script}");
        let outcome =
            Run::new(&place, "bash").server_user().args(["-c", &script]).limit(LIMIT).run();
        outcome.expect(0);
        for said in ["dump.rdb", ": OK", "RDB looks OK!", "db3:keys=", "db3: "] {
            assert!(outcome.stdout.contains(said), "no {said:?} in {outcome}");
        }
        for appendonly in ["yes", "no"] {
            let settings = [("appendonly", appendonly)];
            let mut again = RedisServer::start_in(Program::usual(), &place, &data, &settings);
            assert_eq!(again.digest(), digest, "{appendonly} {}", again.log());
            again.kill();
        }
    }
}

#[test]
fn files_in_packs_come_back_with_the_page_alone() {
    for encrypted in [false, true] {
        let mut scene = Scene::new(Kind::Local, encrypted);
        let top = scene.source();
        for number in 0..20 {
            scene.write(&format!("{}/{number}.jpg", number % 3), format!("picture {number}"));
        }
        scene.take();
        scene.write("0/3.jpg", "another picture");
        scene.write("empty", "");
        scene.write("long", content(&mut Random::of_seed(600), 3 << 20));
        fs::create_dir(top.join("empty folder")).unwrap();
        symlink("../elsewhere", top.join("0/link")).unwrap();
        fs::hard_link(top.join("long"), top.join("the same")).unwrap();
        set_mtime(&top.join("1"), 1_000_000_000, 123_456_789);
        scene.take();
        let crate::scene::Store::Folder(root) = scene.store() else { panic!("a folder") };
        let to = scene.place.join("back");
        let identity = fs::read_dir(scene.place.path()).unwrap().flatten();
        let mut identity =
            identity.filter(|it| it.file_name().to_string_lossy().starts_with("key"));
        let script = script(
            MEDIA,
            &[
                ("REPOSITORY", text(&root.join("media/uploads"))),
                ("SNAPSHOT", Scene::id(2)),
                ("TO", text(&to)),
                ("IDENTITY", text(&identity.next().expect("a key").path())),
            ],
        );
        Run::new(&scene.place, "bash").args(["-c", &script]).limit(LIMIT).run().expect(0);
        same(&facts(&top), &facts(&scene.restored(&to)));
    }
}
