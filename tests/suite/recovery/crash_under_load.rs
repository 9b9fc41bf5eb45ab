//! The main job, on every version.

use std::time::Duration;

use crate::archiving::commands::{
    Seawall, copy_folder, each_version, lines_of_level, nothing_but_information,
};
use crate::support::place::Place;
use crate::support::postgres::{Load, Server};
use crate::support::s3::{Kind, S3Server};
use crate::support::wait::wait_until;

const LIMIT: Duration = Duration::from_secs(60);

each_version!(every_row_survives_a_crash_under_load_and_the_loss_of_the_data_directory);

/// A folder and a bucket get each segment; either of them alone brings back every row.
fn every_row_survives_a_crash_under_load_and_the_loss_of_the_data_directory(version: u32) {
    let place = Place::with_odd_name();
    let s3 = S3Server::start(Kind::S3sFs, &place);
    let (folder, bucket) = (Seawall::new(&place).local("archive"), Seawall::new(&place).s3(&s3));
    let builder = || Server::builder(&place).version(version).envs(s3.environment());
    let mut server = builder().archive_command(&folder.clone().s3(&s3).push()).init();
    server.start();
    server.pgbench_init(1);
    let load = server.pgbench_start(3, Load::Seconds(60));
    server.base_backup(&place.join("backup"));
    let archived = server.stat_archiver().archived_count;
    wait_until("segments archived under load", LIMIT, || {
        server.sql("checkpoint");
        server.stat_archiver().archived_count >= archived + 3
    });
    server.kill_nine();
    assert_ne!(load.finish().status, Some(0));

    server.start();
    server.wait_archived(&server.switch_wal(), LIMIT);
    let contents = server.contents();
    let log = server.log();
    assert_eq!(server.stat_archiver().failed_count, 0, "{log}");
    server.kill_nine();
    server.lose_data();
    nothing_but_information(&log);
    assert!(lines_of_level(&log, "INFO").len() > 10, "{log}");

    for (name, repository) in [("folder", &folder), ("bucket", &bucket)] {
        copy_folder(&place, &place.join("backup"), &place.join(name));
        let mut restored = builder().setting("archive_mode", "off").over(place.join(name));
        restored.recover_with(&repository.fetch());
        restored.start();
        restored.wait_promoted(LIMIT);
        assert_eq!(restored.contents(), contents, "from the {name}\n{}", restored.log());
        nothing_but_information(&restored.log());
        restored.kill_nine();
    }
}
