//! `wal-push` that fails: `pg_stat_archiver` shows it, and the archiver lives on.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::archiving::commands::{Seawall, each_version, key, s3_key};
use crate::support::place::Place;
use crate::support::postgres::Server;
use crate::support::s3::{ACCESS_KEY, Kind, S3Server, SECRET_KEY};
use crate::support::wait::wait_until;

const LIMIT: Duration = Duration::from_secs(60);

each_version!(every_failure_shows_and_archiving_goes_on_by_itself_when_it_is_mended);

fn every_failure_shows_and_archiving_goes_on_by_itself_when_it_is_mended(version: u32) {
    let mut scene = Scene::new(version);
    let archiver = scene.archiver();

    scene.s3.stop();
    let segment = scene.server.switch_wal();
    scene.fails(&segment, 8, "Connection refused");
    scene.s3.restart();
    scene.goes_on();

    scene.write_credentials("wrong");
    let segment = scene.server.switch_wal();
    scene.fails(&segment, 9, "HTTP status 403");
    scene.write_credentials(SECRET_KEY);
    scene.goes_on();

    let segment = scene.push_other_content();
    assert_eq!(scene.server.switch_wal(), segment);
    scene.fails(&segment, 7, "nothing was changed");
    fs::remove_file(scene.archive.join(key(&scene.server, &segment))).expect("pushed by hand");
    scene.s3.delete(&s3_key(&scene.server, &segment));
    scene.goes_on();

    assert_eq!(scene.archiver(), archiver);
    assert!(!scene.server.log().contains("panicked"), "{}", scene.server.log());
}

struct Scene {
    server: Server,
    s3: S3Server,
    archive: PathBuf,
    seawall: Seawall,
    place: Place,
}

impl Scene {
    fn new(version: u32) -> Scene {
        let place = Place::with_odd_name();
        let s3 = S3Server::start(Kind::S3sFs, &place);
        let seawall = Seawall::new(&place).local("archive").s3(&s3);
        let seawall = seawall.option("--limits-attempts", "1");
        let server = Server::builder(&place)
            .version(version)
            .segment_mib(1)
            .archive_command(&seawall.push())
            .envs(environment(&s3, &place))
            .init();
        let archive = place.join("archive");
        let mut scene = Scene { server, s3, archive, seawall, place };
        scene.write_credentials(SECRET_KEY);
        scene.server.start();
        scene.goes_on();
        scene
    }

    fn write_credentials(&self, secret: &str) {
        let text =
            format!("[default]\naws_access_key_id={ACCESS_KEY}\naws_secret_access_key={secret}\n");
        self.place.file("credentials", text);
    }

    fn archiver(&self) -> String {
        self.server.sql("select pid from pg_stat_activity where backend_type = 'archiver'")
    }

    /// Puts something else under the name of the segment that is being written.
    fn push_other_content(&self) -> String {
        self.server.sql("select pg_logical_emit_message(true, 'tests', 'begins the segment')");
        let name = self.server.sql("select pg_walfile_name(pg_current_wal_lsn())");
        let path = self.server.data().join("pg_wal").join(&name);
        let mut content = fs::read(path).expect("the server writes it");
        *content.last_mut().expect("it is not empty") ^= 0xff;
        let path = self.place.file("other-content", content);
        let push = self.seawall.push_by_hand(self.server.data(), &path, &name);
        push.envs(environment(&self.s3, &self.place)).run().expect(0);
        name
    }

    #[track_caller]
    fn fails(&self, segment: &str, status: u8, text: &str) {
        let before = self.server.stat_archiver();
        wait_until("more failures", LIMIT, || {
            self.server.stat_archiver().failed_count >= before.failed_count + 2
        });
        let now = self.server.stat_archiver();
        assert_eq!(
            (now.archived_count, now.last_failed.as_str()),
            (before.archived_count, segment)
        );
        assert!(self.server.ready_files().iter().any(|name| name == segment));
        let log = self.server.log();
        let failed = format!("archive command failed with exit code {status}");
        assert!(log.contains(&failed) && log.contains(text), "{failed}, {text}\n{log}");
    }

    /// The archiver sleeps for a minute after three failures; a new segment wakes it, as in every server
    /// that works.
    #[track_caller]
    fn goes_on(&self) {
        self.server.wait_archived(&self.server.switch_wal(), LIMIT);
    }
}

/// Credentials come from a file, which can be mended under a running server.
fn environment(s3: &S3Server, place: &Place) -> Vec<(String, String)> {
    let mut variables = s3.environment();
    variables.retain(|(name, _)| !name.ends_with("_ACCESS_KEY") && !name.ends_with("_KEY_ID"));
    let file = place.join("credentials").to_str().expect("paths of the tests are UTF-8").to_owned();
    variables.push(("AWS_SHARED_CREDENTIALS_FILE".to_owned(), file));
    variables
}
