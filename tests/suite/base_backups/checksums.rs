//! Pages whose checksums are wrong on the server: it says so while it sends them.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::base_backup;
use super::sound::{LIMIT, ids, is_verified, restore};
use crate::archiving::commands::{Seawall, each_version};
use crate::scene::{error, warnings};
use crate::support::place::Place;
use crate::support::postgres::{Server, Stop};

each_version!(a_damaged_page_is_said_and_the_backup_kept);

/// It may be the only backup of all the other pages.
fn a_damaged_page_is_said_and_the_backup_kept(version: u32) {
    let place = Place::new();
    let seawall = Seawall::new(&place).local("archive");
    let builder = || Server::builder(&place).version(version);
    let mut server = builder().archive_command(&seawall.push()).init();
    // From 18 on initdb does it.
    server.tool("pg_checksums").args(["--enable", "-D"]).arg(server.data()).run();
    server.start();
    server.sql("create table sound as select generate_series(1, 1000) i");
    server.sql("create table damaged as select generate_series(1, 1000) i");
    let path = server.sql("select pg_relation_filepath('damaged')");
    base_backup(&seawall, &server, "create").args(["--label", "good"]).run().expect(0);
    server.stop(Stop::Fast);
    let file = File::options().write(true).open(server.data().join(&path)).expect("its file");
    file.write_all_at(b"not what was there", 2 * 8192 + 5000).expect("the server user's file");
    server.start();

    let create = base_backup(&seawall, &server, "create").args(["--label", "bad"]).run();
    let ids = ids(&place.join("archive"));
    assert_eq!(ids.len(), 2, "{create}");
    let id = &ids[1];
    create.expect(5).says("base backup done");
    assert_eq!(
        error(&create),
        format!(
            "base backup {id} was taken, but pages of the server have wrong checksums. HINT: \
             The server's log names them. This backup is kept. Keep an older one too, and check \
             the disk."
        )
    );
    // The file is named, the page too.
    let warning = format!("file \"./{path}\", block 2:");
    assert!(warnings(&create).iter().any(|it| it.contains(&warning)), "{create}");

    let list = seawall.base_backup_by_hand("list").run();
    let remark = format!("{id} has pages whose checksums were wrong on the server\n");
    assert!(list.expect(0).stdout.contains(&remark), "{list}");
    assert_eq!(list.stdout.matches("whose checksums were wrong").count(), 1, "{list}");
    let show = seawall.base_backup_by_hand("show").arg(id).run();
    let line =
        "Page checksums    the server found pages with a wrong checksum; its log names them\n";
    assert!(show.expect(0).stdout.contains(line), "{show}");

    let data = place.join("restored");
    restore(&seawall, &data, &[]).expect(0);
    is_verified(&server, &data, false);
    server.kill_nine();
    let mut restored = builder().over(data);
    restored.start();
    restored.wait_promoted(LIMIT);
    assert_eq!(restored.sql("select count(*) from sound"), "1000");
    let failure = restored.try_sql("select count(*) from damaged").unwrap_err();
    assert!(failure.contains("invalid page in block 2"), "{failure}");
}
