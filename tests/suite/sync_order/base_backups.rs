//! Base backups into a folder, and what is made of one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{proven, survives, survives_when_named, traced, traced_with};
use crate::archiving::commands::Seawall;
use crate::base_backups::base_backup;
use crate::support::place::Place;
use crate::support::postgres::Server;
use crate::support::run::Run;
use crate::support::trace::{Event, Trace};

const LIMIT: Duration = Duration::from_secs(120);

struct Scene {
    place: Place,
    seawall: Seawall,
    server: Server,
    oid: String,
}

impl Scene {
    fn new() -> Scene {
        let place = Place::new();
        let seawall = Seawall::new(&place).local("archive");
        let builder = Server::builder(&place).segment_mib(1);
        let mut server = builder.archive_command(&seawall.push()).init();
        server.start();
        let location = place.folder("tablespace");
        server.sql(&format!("create tablespace elsewhere location '{}'", location.display()));
        let oid = server.sql("select oid from pg_tablespace where spcname = 'elsewhere'");
        server.sql("create table far tablespace elsewhere as select generate_series(1, 1000) i");
        Scene { place, seawall, server, oid }
    }

    fn create(&self) -> Run {
        base_backup(&self.seawall, &self.server, "create").limit(LIMIT)
    }

    fn restore(&self, name: &str, flags: &[&str]) -> Run {
        let tablespace = format!("{}={}", self.oid, self.far(name).display());
        let run = self.seawall.base_backup_by_hand("restore").arg(self.place.join(name));
        run.args(["--yes", "--tablespace", &tablespace]).args(flags).limit(LIMIT)
    }

    fn far(&self, name: &str) -> PathBuf {
        self.place.join(format!("{name}-far"))
    }
}

/// A file system that is not synced as a whole: each file is.
const EACH_FILE: [&str; 1] = ["inject=fstatfs:error=ENOSYS"];

#[test]
fn a_base_backup_and_a_restore_of_it_survive_a_power_cut() {
    let scene = Scene::new();
    let archive = scene.place.join("archive");
    let trace = traced(scene.create(), &scene.place);
    let folder = archive.join("postgres");
    proven(&trace, &folder);
    // By its description a backup exists: everything else is durable by then.
    survives_when_named(&trace, &folder, "backup.json");
    let verify = scene.seawall.base_backup_by_hand("verify").limit(LIMIT);
    let trace = traced(verify, &scene.place);
    // The record of it.
    proven(&trace, &archive);

    for (name, tampering) in [("whole", &[][..]), ("each", &EACH_FILE)] {
        let trace = traced_with(scene.restore(name, &[]), &scene.place, tampering);
        restored(&trace, &scene.place.join(name), &scene.far(name));
        let calls = trace.count("syncfs", scene.place.path());
        assert_eq!(calls > 0, tampering.is_empty(), "{name}: {calls} calls of syncfs");
        let far = scene.far(name);
        std::fs::remove_dir_all(&far).expect("our own folder");
        let trace = traced_with(scene.restore(name, &["--replace"]), &scene.place, tampering);
        restored(&trace, &scene.place.join(name), &far);
        aside_first(&trace, &scene.place.join(name));
        let trace = traced_with(scene.restore(name, &["--delta"]), &scene.place, tampering);
        restored(&trace, &scene.place.join(name), &far);
    }
}

/// No server starts without the control file. It gets its name when all else is durable; and where there was
/// one, it is durably gone before anything else changes.
#[track_caller]
fn restored(trace: &Trace, data: &Path, far: &Path) {
    survives(trace, data);
    survives(trace, far);
    let control_file = data.join("global/pg_control");
    let unfinished = data.join("global/pg_control.seawall-unfinished");
    let (mut marked, mut finished) = (false, false);
    trace.replay(|event, disk| match event {
        Event::Renamed { to, .. } if *to == control_file => {
            finished = true;
            for folder in [data, far] {
                let lost = disk.at_risk(folder);
                assert!(lost.is_empty(), "not durable when a server may start: {lost:?}");
            }
            for file in ["backup_label", "recovery.signal", "postgresql.auto.conf", "PG_VERSION"] {
                assert!(disk.has(&data.join(file)), "no {file} when a server may start");
            }
        }
        Event::Renamed { to, .. } if *to == unfinished => marked = true,
        Event::Written(path) | Event::Removed(path) | Event::Created(path)
            if marked && path.starts_with(data) && path != data && !below_global(path, data) =>
        {
            let marked = disk.has_name(&unfinished) && disk.has_name(&data.join("global"));
            assert!(marked, "{} changes too early", path.display());
        }
        _ => {}
    });
    assert!(marked && finished);
}

/// The old directory has its new name before there is a new one.
#[track_caller]
fn aside_first(trace: &Trace, data: &Path) {
    let mut aside = None;
    let mut created = 0;
    trace.replay(|event, disk| match (event, &aside) {
        (Event::Renamed { from, to }, None) if from == data => aside = Some(to.clone()),
        (Event::Created(path), Some(aside)) if path == data => {
            created += 1;
            assert!(disk.has_name(aside), "the old directory may be lost");
        }
        _ => {}
    });
    assert_eq!(created, 1);
}

fn below_global(path: &Path, data: &Path) -> bool {
    path.starts_with(data.join("global"))
}
