//! Nothing is left but the bucket and the private key.

use std::fs;
use std::path::Path;

use super::Host;
use crate::support::place::free_port;
use crate::support::postgres::NEWEST;
use crate::support::redis::{Program, RedisServer};
use crate::support::user::hand_over;

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("below a folder")).expect("made");
    fs::write(path, text).expect("written");
    hand_over(path.parent().expect("below a folder"));
    hand_over(path);
}

#[test]
fn postgresql_redis_and_media_come_back_from_the_bucket() {
    let mut host = Host::new(NEWEST);
    let redis = RedisServer::start(Program::usual(), &host.place, &[]);
    redis.fill();
    let (uploads, etc) = (host.place.folder("uploads"), host.place.folder("etc"));
    write(&uploads.join("2026/one.jpg"), "a picture");
    write(&uploads.join("two.jpg"), "another one");
    write(&etc.join("app.conf"), "answer = 42\n");
    host.configure(&format!(
        "[redis]\nurl = \"redis://127.0.0.1:{}\"\n\n[media.uploads]\npaths = [{uploads:?}]\n\n\
         [media.config]\npaths = [{etc:?}]\n\n[media_backup]\nstate_directory = {:?}\n",
        redis.port(),
        host.place.folder("state")
    ));
    host.server.start();
    host.server.pgbench_init(1);
    host.run(env!("CARGO_BIN_EXE_basebackup"), &["create"]).run().expect(0);
    host.server.sql("create table after_the_backup as select generate_series(1, 500) i");
    host.run(env!("CARGO_BIN_EXE_redis-backup"), &["create"]).run().expect(0);
    for set in ["uploads", "config"] {
        host.run(env!("CARGO_BIN_EXE_media-backup"), &["create", "--set", set]).run().expect(0);
    }
    host.archive_all();
    let contents = host.server.contents();

    // The disk is gone.
    host.server.kill_nine();
    host.server.lose_data();
    drop(redis);
    for folder in [&uploads, &etc, &host.place.join("archive"), &host.place.join("state")] {
        fs::remove_dir_all(folder).expect("our own folder");
    }
    fs::remove_file(&host.config).expect("our own file");

    let (new, port) = (host.place.folder("new"), free_port());
    let conf = format!(
        "dir {}\nport {port}\nbind 127.0.0.1\nappendonly yes\nsave \"\"\n",
        host.place.folder("new-redis").display()
    );
    let conf = host.place.file("redis.conf", conf);
    let start = format!("{} {} --daemonize yes", Program::usual().path.display(), conf.display());
    let shown = |path: &Path| path.display().to_string();
    let outcome = host.page(
        "lost-server",
        &[
            ("REPOSITORY", &host.url()),
            ("ENDPOINT", &host.s3.endpoint()),
            ("CREDENTIALS", &shown(&host.credentials)),
            ("PUBLIC", &host.pair.recipient),
            ("NAME", "main"),
            ("REDIS_CONF", &shown(&conf)),
            ("REDIS_URL", &format!("redis://127.0.0.1:{port}")),
            ("REDIS_START", &start),
            ("MEDIA", &shown(&new)),
        ],
    );
    outcome.expect(0).says("the server has its keys again");
    assert!(outcome.stdout.contains("everything is back after "), "{outcome}");
    assert_eq!(host.server.contents(), contents);
    host.configure("");
    host.can_be_restored_again();
    let came =
        |path: &Path| fs::read_to_string(new.join(path.strip_prefix("/").expect("absolute")));
    assert_eq!(came(&uploads.join("2026/one.jpg")).expect("back"), "a picture");
    assert_eq!(came(&uploads.join("two.jpg")).expect("back"), "another one");
    assert_eq!(came(&etc.join("app.conf")).expect("back"), "answer = 42\n");
}
