//! No room: in the repository, in one of two, in `pg_wal` while fetching.

use std::fs;

use super::{ROOM, Steps, files_below};
use crate::by_hand::{ByHand, says_only};
use crate::support::run::Run;

const NO_SPACE: &str = "No space left on device (os error 28)";

/// Fills `$disk` but for 16 KiB, which is room for the folders and not for the segment.
const FILL: &str = "mount -t tmpfs -o size=1m,mode=0777 tmpfs $disk\n\
                    dd if=/dev/zero of=$disk/filler bs=4k 2>/dev/null || true\n\
                    truncate -s -16k $disk/filler\n";

#[test]
fn a_push_into_a_full_repository_fails_and_succeeds_when_there_is_room() {
    let host = ByHand::new();
    let (path, name) = (host.has(0), host.name(0));
    let script = format!(
        "{FILL}\
         step full $push {path} {name}\n\
         find $repository -type f >$out/left\n\
         rm $disk/filler\n\
         step again $push {path} {name}\n\
         find $repository -type f -printf '%f\\n' >$out/stored\n\
         step fetch $fetch {name} pg_wal/RECOVERYXLOG\n"
    );
    let Some(steps) = Steps::run(&host, &script) else { return };
    let folder = format!(
        "{}/postgres/main/{}/wal/{}",
        host.repository.display(),
        host.wal.system_identifier,
        &name[..16]
    );
    let text = format!(
        "ERROR could not archive {name} in repository local: could not write \
         \"{folder}/{name}.zst\": {NO_SPACE}. {ROOM}"
    );
    steps.ended("full", 10, &text);
    assert_eq!(steps.text("left"), "");
    steps.ended("again", 0, "");
    assert_eq!(steps.text("stored"), format!("{name}.zst\n"));
    steps.ended("fetch", 0, "");
    assert!(fs::read(host.directory.wal("RECOVERYXLOG")).expect("fetched") == host.bytes(0));
}

#[test]
fn a_full_repository_fails_the_push_after_the_other_was_given_its_copy() {
    let host = ByHand::new();
    let (path, name) = (host.has(0), host.name(0));
    let other = host.place.folder("other").join("repository");
    let script = format!(
        "{FILL}\
         export SEAWALL_REPOSITORY=\"$repository $other\"\n\
         step full $push --log-level=warn {path} {name}\n\
         find $other -name '*.zst' -printf '%f\\n' >$out/copy\n\
         rm $disk/filler\n\
         step again $push {path} {name}\n\
         find $repository $other -type f -printf '%f\\n' >$out/stored\n"
    );
    let script = format!("other={}\n{script}", other.display());
    let Some(steps) = Steps::run(&host, &script) else { return };
    assert!(steps.text("full.err").contains("in repository local: could not write"));
    assert_eq!(steps.text("full"), "10\n");
    assert_eq!(steps.text("copy"), format!("{name}.zst\n"));
    steps.ended("again", 0, "");
    assert!(steps.text("again.err").contains("the same content is already archived"));
    assert_eq!(steps.text("stored"), format!("{name}.zst\n{name}.zst\n"));
}

#[test]
fn a_fetch_into_a_full_pg_wal_stops_recovery_and_succeeds_when_there_is_room() {
    let host = ByHand::new();
    host.archives(0);
    host.directory.signal("recovery.signal");
    let name = host.name(0);
    let script = format!(
        "mount -t tmpfs -o size=4m,mode=0777 tmpfs $data/pg_wal\n\
         dd if=/dev/zero of=$data/pg_wal/filler bs=4k 2>/dev/null || true\n\
         truncate -s -512k $data/pg_wal/filler\n\
         step full $fetch {name} pg_wal/RECOVERYXLOG\n\
         touch $data/standby.signal\n\
         step standby $fetch {name} pg_wal/RECOVERYXLOG\n\
         rm $data/pg_wal/filler\n\
         find $data/pg_wal -type f -printf '%f\\n' | sort >$out/left\n\
         step again $fetch --wal-prefetch=0 {name} pg_wal/RECOVERYXLOG\n\
         cp $data/pg_wal/RECOVERYXLOG $out/\n\
         ls -A $data/pg_wal >$out/after\n"
    );
    let Some(steps) = Steps::run(&host, &script) else { return };
    let text = format!(
        "ERROR could not fetch {name} from repository local: could not write \
         \"pg_wal/RECOVERYXLOG\": {NO_SPACE}. {ROOM}"
    );
    steps.ended("full", 210, &text);
    steps.ended("standby", 10, &text);
    assert_eq!(steps.text("left"), "asked.json\ncursor\n");
    steps.ended("again", 0, "");
    assert!(fs::read(steps.0.join("RECOVERYXLOG")).expect("fetched") == host.bytes(0));
    assert_eq!(steps.text("after"), "RECOVERYXLOG\nseawall\n");
}

/// The first call leaves a process behind that prefetches as much as a quarter of the room holds.
/// Then the disk fills up.
#[test]
fn a_prefetched_segment_is_handed_over_on_a_full_disk() {
    let host = ByHand::new();
    for number in 0..4 {
        host.archives(number);
    }
    host.directory.signal("recovery.signal");
    let script = format!(
        "mount -t tmpfs -o size=8m,mode=0777 tmpfs $data/pg_wal\n\
         step first $fetch {0} pg_wal/one\n\
         for i in $(seq 300); do ls $data/pg_wal/seawall/prefetch-*/{1} 2>/dev/null && break\n\
         sleep 0.1; done\n\
         dd if=/dev/zero of=$data/pg_wal/filler bs=4k 2>/dev/null || true\n\
         step second $fetch {1} pg_wal/two\n\
         cp $data/pg_wal/two $out/\n\
         rm $data/pg_wal/filler\n\
         step third $fetch {2} pg_wal/three\n\
         cp $data/pg_wal/three $out/\n",
        host.name(0),
        host.name(1),
        host.name(2)
    );
    let Some(steps) = Steps::run(&host, &script) else { return };
    steps.ended("first", 0, "");
    assert_eq!(steps.text("second"), "0\n");
    assert!(steps.text("second.err").contains(" WARN no prefetch: could not "));
    assert!(fs::read(steps.0.join("two")).expect("fetched") == host.bytes(1));
    assert_eq!(steps.text("third"), "0\n");
    assert!(fs::read(steps.0.join("three")).expect("fetched") == host.bytes(2));
}

/// Children of PostgreSQL inherit that it ignores SIGXFSZ, others don't. Either way the limit is an error like a full
/// disk.
fn limited(host: &ByHand, ignored: bool, program: &str, words: [&str; 2]) -> Run {
    let run = Run::new(&host.place, "bash").server_user().cwd(host.directory.path());
    let ignore = if ignored { "trap '' XFSZ; " } else { "" };
    let script = format!("{ignore}ulimit -f 20; exec \"$@\"");
    let run =
        run.args(["-c", script.as_str(), "bash"]).arg(host.place.program(program)).args(words);
    run.env("SEAWALL_REPOSITORY", &host.repository)
}

#[test]
fn a_limit_on_the_size_of_files_is_a_local_failure_that_leaves_nothing() {
    let host = ByHand::new();
    let (path, name) = (host.has(0), host.name(0));
    for ignored in [true, false] {
        let push = limited(&host, ignored, env!("CARGO_BIN_EXE_wal-push"), [&path, name]);
        let outcome = push.run();
        outcome.expect(10).says("could not write").says("File too large (os error 27)");
        outcome.says("HINT: Raise the limit on the size of files (ulimit -f).");
        assert_eq!(files_below(&host.repository), Vec::<String>::new());
    }
    host.archives(0);
    assert_eq!(files_below(&host.repository), [format!("{name}.zst")]);
    let words = [name, "pg_wal/RECOVERYXLOG"];
    let text = format!(
        "ERROR could not fetch {name} from repository local: could not write \
         \"pg_wal/RECOVERYXLOG\": File too large (os error 27). HINT: Raise the limit on the size of \
         files (ulimit -f)."
    );
    for ignored in [true, false] {
        let fetch = limited(&host, ignored, env!("CARGO_BIN_EXE_wal-fetch"), words);
        says_only(&fetch.run(), 210, &text);
        let mut left = files_below(&host.directory.path().join("pg_wal"));
        left.retain(|it| !it.starts_with("local-"));
        assert_eq!(left, [name], "beside the note of what the repository took");
    }
    host.fetch().args(words).run().expect(0);
}
