//! The step for Redis of the page for a lost host, by the user that it names, with the modes of the page that sets a host up.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use super::{LIMIT, PROGRAMS};
use crate::documents::{fenced, read};
use crate::scene::KeyPair;
use crate::support::place::{Place, free_port};
use crate::support::redis::{Program, RedisServer};
use crate::support::run::Run;
use crate::support::s3::{ACCESS_KEY, Kind, REGION, S3Server, SECRET_KEY};
use crate::support::user::{hand_over, server_account};

/// A third user, as `redis` is beside root and `postgres`.
const DAEMON: u32 = 1;

fn is(path: &Path, owner: u32, group: u32, mode: u32) {
    chown(path, Some(owner), Some(group)).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// What only root can set up, and only root has to do: for an ordinary user all is one user.
#[test]
fn root_brings_redis_back_where_everything_belongs_to_somebody_else() {
    let Some(postgres) = server_account() else { return };
    let place = Place::new();
    let s3 = S3Server::start(Kind::S3sFs, &place);
    let pair = KeyPair::new(&place);
    let redis = RedisServer::start(Program::usual(), &place, &[]);
    redis.fill();
    let etc = place.folder("etc");
    let keys = format!(
        "[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\nregion = {REGION}\n"
    );
    let credentials = place.file("etc/s3.credentials", keys);
    let port = free_port();
    let config = |port: u16| {
        format!(
            "[[repository]]\nurl = \"s3://{}/seawall\"\nendpoint = \"{}\"\ncredentials_file = {credentials:?}\n\n{}\n\
             [redis]\nurl = \"redis://127.0.0.1:{port}\"\n",
            s3.bucket(),
            s3.endpoint(),
            pair.recipients_and_identity(&[&pair])
        )
    };
    let path = place.file("etc/seawall.toml", config(redis.port()));
    hand_over(&etc);
    let create = Run::new(&place, env!("CARGO_BIN_EXE_redis-backup")).server_user();
    create.args(["create", "--config"]).arg(&path).run().expect(0);
    drop(redis);

    fs::write(&path, config(port)).unwrap();
    is(&path, 0, postgres.gid, 0o640);
    is(&etc, 0, postgres.gid, 0o750);
    is(&credentials, postgres.uid, postgres.gid, 0o600);
    is(&pair.file, postgres.uid, postgres.gid, 0o600);
    let data = place.folder("redis-data");
    is(&data, DAEMON, DAEMON, 0o750);
    let pidfile = data.join("pid");
    let conf = format!(
        "dir {}\nport {port}\nbind 127.0.0.1\nappendonly yes\nsave \"\"\npidfile {}\n",
        data.display(),
        pidfile.display()
    );
    let conf = place.file("redis.conf", conf);
    is(&conf, DAEMON, DAEMON, 0o640);
    let server = Program::usual().path.display().to_string();
    let start = format!(
        "setpriv --reuid={DAEMON} --regid={DAEMON} --clear-groups {server} {} --daemonize yes",
        conf.display()
    );
    let blocks = fenced(&read("docs/runbooks/lost-server.md"), "sh");
    assert!(read("docs/runbooks/README.md").contains("Open one bash as root"));
    let step = blocks.iter().find(|it| it.contains("redis-backup restore")).expect("its step");
    let script = format!(
        "set -eu\nKEY= CONFIG='{}' REDIS_CONF='{}' REDIS_START='{start}'\n{step}\nkill \"$(cat '{}')\"\n",
        path.display(),
        conf.display(),
        pidfile.display()
    );
    let ours = place.program(PROGRAMS[3]);
    let folder = ours.parent().expect("a program lies in a folder").display().to_string();
    let search = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
    let run = Run::new(&place, "bash").args(["-c", &script]).env("PATH", search).limit(LIMIT);
    run.run().expect(0).says("the server has its keys again");
    for entry in fs::read_dir(&data).unwrap().flatten() {
        assert_eq!(entry.metadata().unwrap().uid(), DAEMON, "{:?}", entry.path());
    }
}
