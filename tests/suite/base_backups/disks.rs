//! Disks that are full, read-only or closed while a base backup is taken, restored or pruned: it is said, and
//! once it is mended the same command does what it was asked to.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{backups_in, base_backup};
use crate::archiving::commands::Seawall;
use crate::namespace;
use crate::support::place::Place;
use crate::support::postgres::Server;

const LIMIT: Duration = Duration::from_secs(60);
const NO_SPACE: &str =
    "No space left on device (os error 28). HINT: Make room on that file system.\n";
const READ_ONLY: &str = "Read-only file system (os error 30). HINT: Mount that file system writable; the \
                         kernel log says why it is read-only.\n";
const CLOSED: &str = "Permission denied (os error 13). HINT: Check owner and mode of it and of the folders \
                      above, for the user that runs this.\n";

/// A running server, and a repository with a base backup of it in a folder of its own.
struct Host {
    place: Place,
    server: Server,
    /// What small disks are mounted on.
    disk: PathBuf,
    contents: String,
}

impl Host {
    fn new() -> Host {
        let place = Place::new();
        let mut server = Server::builder(&place).segment_mib(1).init();
        server.start();
        server.sql("create table t as select generate_series(1, 1000) i");
        let contents = server.contents();
        let disk = place.folder("disk");
        let host = Host { place, server, disk, contents };
        let create =
            base_backup(&Seawall::new(&host.place).local("archive"), &host.server, "create");
        create.arg("--standalone").limit(LIMIT).run().expect(0);
        host
    }

    fn archive(&self) -> PathBuf {
        self.place.join("archive")
    }

    /// Runs a script with mounts of its own; `None` where the kernel allows none. In it,
    /// `step NAME WORDS…` runs `basebackup` as the server user and keeps its status and what it said.
    #[track_caller]
    fn run(&self, script: &str) -> Option<Steps> {
        let out = self.place.folder("steps");
        let function = "step() { name=$1; shift; status=0; \
                        $as $basebackup \"$@\" >$out/$name.out 2>$out/$name.err || status=$?; \
                        echo $status >$out/$name; }\n";
        let run = namespace::script(&self.place, &format!("{function}{script}"))?;
        let program = self.place.program(env!("CARGO_BIN_EXE_basebackup"));
        let run = run.env("basebackup", program).env("out", &out).env("disk", &self.disk);
        let run = run.env("archive", self.archive()).env("SEAWALL_LOG_FORMAT", "text");
        run.envs(self.server.connection()).limit(LIMIT).run().expect(0);
        Some(Steps(out))
    }

    /// A server starts on what was restored, and has every row.
    #[track_caller]
    fn is_back(&self, data: &Path) {
        let mut server = Server::builder(&self.place).over(data.to_owned());
        server.start();
        assert_eq!(server.contents(), self.contents);
    }
}

/// What the steps of a script said and how they ended.
struct Steps(PathBuf);

impl Steps {
    #[track_caller]
    fn ended(&self, name: &str, status: i32, text: &str) {
        let said = self.text(&format!("{name}.err"));
        assert_eq!(self.text(name).trim(), status.to_string(), "{name}: {said}");
        assert!(said.contains(text), "no {text:?} in {said}");
    }

    #[track_caller]
    fn text(&self, name: &str) -> String {
        let path = self.0.join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
    }
}

#[test]
fn a_full_repository_fails_the_backup_and_the_other_one_has_it_whole() {
    let host = Host::new();
    let Some(steps) = host.run(
        "mount -t tmpfs -o size=30m,mode=0777 tmpfs $disk\n\
         head -c 29m /dev/zero >$disk/filler\n\
         step alone create --standalone --repository=$disk/full\n\
         step both create --standalone --repository=$disk/full --repository=$archive\n\
         find $disk/full -type f -printf '%f\\n' >$out/left\n\
         rm $disk/filler\n\
         step again create --standalone --repository=$disk/full\n\
         find $disk/full -name backup.json -printf '%f\\n' >$out/stored\n\
         find $disk/full/.seawall-tmp -type f >$out/left-after\n",
    ) else {
        return;
    };
    let text = format!("\": {NO_SPACE}");
    steps.ended(
        "alone",
        10,
        "ERROR could not take a base backup: could not store the backup in repository ",
    );
    for name in ["alone", "both"] {
        steps.ended(name, 10, &text);
    }
    steps.ended("both", 10, "base backup done");
    assert_eq!(steps.text("left"), "");
    steps.ended("again", 0, "base backup done");
    assert_eq!(
        (steps.text("stored").as_str(), steps.text("left-after").as_str()),
        ("backup.json\n", "")
    );
    assert_eq!(backups_in(&host.archive()).len(), 2);
}

#[test]
fn a_restore_to_a_full_disk_goes_on_when_there_is_room() {
    let host = Host::new();
    let Some(steps) = host.run(
        "mount -t tmpfs -o size=12m,mode=0777 tmpfs $disk\n\
         step full restore $disk/data --yes --no-recovery --repository=$archive\n\
         ls $disk/data/global >$out/names\n\
         mount -t tmpfs -o remount,size=200m tmpfs $disk\n\
         step again restore $disk/data --yes --no-recovery --repository=$archive\n\
         cp -a $disk/data $out/data\n",
    ) else {
        return;
    };
    let data = host.disk.join("data");
    let begin = format!(
        "ERROR could not restore into {data:?}: could not restore from repository local: could not write \
         \"{}/",
        data.display()
    );
    steps.ended("full", 10, &begin);
    steps.ended("full", 10, &format!("\": {NO_SPACE}"));
    let names = steps.text("names");
    assert!(names.contains("pg_control.seawall-unfinished\n") && !names.contains("pg_control\n"));
    steps.ended("again", 0, "restored");
    assert!(steps.text("again.out").contains("(continues an interrupted restore)\n"));
    host.is_back(&steps.0.join("data"));
}

#[test]
fn a_read_only_repository_is_restored_from_and_neither_written_to_nor_pruned() {
    let host = Host::new();
    let Some(steps) = host.run(
        "mount --bind $archive $archive; mount -o remount,bind,ro $archive\n\
         step create create --standalone --repository=$archive\n\
         step list list --repository=$archive\n\
         step restore restore $disk/data --yes --no-recovery --repository=$archive\n\
         mount -o remount,bind,rw $archive\n\
         step second create --standalone --repository=$archive\n\
         mount -o remount,bind,ro $archive\n\
         step prune prune --yes --repository=$archive --retention-keep-within=0s --retention-keep-last=1 \
            --retention-keep-daily=0 --retention-keep-weekly=0 --retention-keep-monthly=0 \
            --retention-wal-window=0s\n",
    ) else {
        return;
    };
    let archive = host.archive();
    steps.ended(
        "create",
        10,
        &format!(
            "could not store the backup in repository local: could not create folder \
             \"{}/postgres/main/",
            archive.display()
        ),
    );
    steps.ended("create", 10, READ_ONLY);
    steps.ended("list", 0, "");
    assert!(steps.text("list.out").contains(" yes\n"));
    steps.ended("restore", 0, "restored");
    host.is_back(&host.disk.join("data"));
    steps.ended("prune", 10, "could not prune repository local: could not remove \"");
    steps.ended("prune", 10, READ_ONLY);
    assert_eq!(backups_in(&archive).len(), 2);
}

#[test]
fn a_target_that_may_not_be_written_to_is_left_as_it_is() {
    use std::os::unix::fs::PermissionsExt;
    let host = Host::new();
    let seawall = Seawall::new(&host.place).local("archive");
    let restore = |data: &Path, options: &[&str]| {
        let run = seawall.base_backup_by_hand("restore").arg(data).args(["--yes", "--no-recovery"]);
        run.args(options).limit(LIMIT).run()
    };
    let set_mode = |mode| {
        let set = fs::set_permissions(&host.disk, fs::Permissions::from_mode(mode));
        set.expect("root or owner");
    };
    let data = host.disk.join("data");
    let begin =
        format!("could not restore into {data:?}: could not restore from repository local: ");
    set_mode(0o500);
    let outcome = restore(&data, &[]);
    outcome.expect(10).says(&format!("{begin}could not create folder {data:?}: {CLOSED}"));
    set_mode(0o700);
    restore(&data, &[]).expect(0);
    set_mode(0o500);
    let outcome = restore(&data, &["--replace"]);
    // Known before anything is stopped for it.
    outcome.expect(6).says(&format!(
        "could not restore into {data:?}: {data:?} can't be moved aside: it is in a folder that this user may not \
         write to. HINT: --delta overwrites the directory instead; it keeps nothing of the old files."
    ));
    set_mode(0o700);
    host.is_back(&data);
}
