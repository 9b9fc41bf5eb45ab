//! File systems that are mounted read-only.

use super::Steps;
use crate::by_hand::ByHand;

const WRITABLE: &str =
    "HINT: Mount that file system writable; the kernel log says why it is read-only.";

#[test]
fn a_read_only_repository_fails_a_push_and_serves_a_fetch() {
    let host = ByHand::new();
    host.archives(0);
    let (path, first, name) = (host.has(1), host.name(0), host.name(1));
    let script = format!(
        "mount --bind $repository $repository; mount -o remount,bind,ro $repository\n\
         step push $push {path} {name}\n\
         step fetch $fetch {first} pg_wal/RECOVERYXLOG\n\
         mount -o remount,bind,rw $repository\n\
         step again $push {path} {name}\n"
    );
    let Some(steps) = Steps::run(&host, &script) else { return };
    let text = format!(
        "ERROR could not archive {name} in repository local: could not create a file in \
         \"{}/.seawall-tmp\": Read-only file system (os error 30). {WRITABLE}",
        host.repository.display()
    );
    steps.ended("push", 10, &text);
    steps.ended("fetch", 0, "");
    steps.ended("again", 0, "");
    assert_eq!(host.stored().len(), 2);
}

#[test]
fn a_read_only_pg_wal_stops_recovery() {
    let host = ByHand::new();
    host.archives(0);
    let name = host.name(0);
    let script = format!(
        "mount --bind $data/pg_wal $data/pg_wal; mount -o remount,bind,ro $data/pg_wal\n\
         step fetch $fetch {name} pg_wal/RECOVERYXLOG\n"
    );
    let Some(steps) = Steps::run(&host, &script) else { return };
    let text = format!(
        "ERROR could not create a file in \"pg_wal\": Read-only file system (os error 30). {WRITABLE}"
    );
    steps.ended("fetch", 210, &text);
}
