//! A target time without a zone is in that of the host, however that is told; one that can't be found is an error.

use std::path::PathBuf;

use super::base_backup;
use super::sound::restoring;
use crate::archiving::commands::Seawall;
use crate::namespace;
use crate::scene::error;
use crate::support::place::Place;
use crate::support::postgres::Server;
use crate::support::run::Run;
use crate::support::user::server_account;

const HINT: &str = "HINT: Install tzdata if the name is right, or write the zone behind the time: \
                    '2026-11-22 14:29:59+01'.";

/// A repository with a base backup, and a moment behind it.
struct Scene {
    place: Place,
    seawall: Seawall,
    moment: String,
}

impl Scene {
    fn new() -> Scene {
        let place = Place::new();
        let seawall = Seawall::new(&place).local("archive");
        let builder = Server::builder(&place).segment_mib(1).archive_command(&seawall.push());
        let mut server = builder.init();
        server.start();
        base_backup(&seawall, &server, "create").run().expect(0);
        server.sql("select pg_sleep(1.1)");
        // Not rounded: that would be a moment to come.
        let moment = server.sql("select floor(extract(epoch from now()))::bigint");
        Scene { place, seawall, moment }
    }

    /// What the C library takes for the local time of the moment; `TZ` as in a zone that is there.
    fn clock(&self, zone: &str, format: &str) -> String {
        let date = Run::new(&self.place, "date").env("TZ", zone).arg("-d");
        let date = date.arg(format!("@{}", self.moment)).arg(format!("+{format}"));
        date.run().expect(0).stdout.trim().to_owned()
    }

    fn plan(&self, time: &str) -> Run {
        let plan = restoring(&self.seawall, &self.place.join("data"));
        plan.args(["--dry-run", "--target-time", time])
    }

    /// The plan has the moment, in UTC and in local time.
    #[track_caller]
    fn understands(&self, plan: Run, zone: &str, name: &str) {
        let outcome = plan.run();
        let utc = self.clock("UTC0", "%F %T");
        let here = match name {
            "UTC" => String::new(),
            name => format!(", here {}{name}", self.clock(zone, "%F %T%:z")),
        };
        let expected = format!("target      {utc}+00{here}\n");
        assert!(outcome.expect(0).stdout.contains(&expected), "expected {expected:?}: {outcome}");
    }
}

#[test]
fn the_zone_of_a_target_time_is_that_of_tz() {
    let scene = Scene::new();
    for (tz, name) in [
        ("Europe/Berlin", " in Europe/Berlin"),
        (":America/New_York", " in America/New_York"),
        ("/usr/share/zoneinfo/Asia/Kathmandu", " in Asia/Kathmandu"),
        (":/usr/share/zoneinfo/Asia/Tokyo", " in Asia/Tokyo"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", ""),
        ("<+0330>-3:30", ""),
        ("UTC", "UTC"),
        ("Etc/UTC", "UTC"),
        ("UTC0", "UTC"),
        ("", "UTC"),
    ] {
        let local = scene.clock(tz, "%F %T");
        let outcome = scene.plan(&local).env("TZ", tz);
        scene.understands(outcome, tz, name);
    }
    // As `date` prints it.
    for format in
        ["%a %b %e %H:%M:%S %Z %Y", "%a, %d %b %Y %H:%M:%S %z", "%F %T %z", "%FT%T%:z", "@%s"]
    {
        let printed = scene.clock("Europe/Berlin", format);
        let outcome = scene.plan(&printed).env("TZ", "Europe/Berlin");
        scene.understands(outcome, "Europe/Berlin", " in Europe/Berlin");
    }
    // With its zone behind it a time needs no other.
    let local = scene.clock("Asia/Tokyo", "%F %T%:z");
    scene.understands(scene.plan(&local).env("TZ", "Mars/Phobos"), "UTC0", "UTC");
    for tz in ["Mars/Phobos", ":Europe/Berlln", "/usr/share/zoneinfo/No/Where", "CET-1CEST,M3"] {
        let outcome = scene.plan(&scene.clock("UTC0", "%F %T")).env("TZ", tz).run();
        let expected =
            format!("expected a time zone that this host knows in TZ, found {tz:?}. {HINT}");
        assert_eq!(error(outcome.expect(2)), expected);
    }
}

/// Without `TZ`, and on a host without a database of zones, as slim images are.
#[test]
fn the_zone_of_a_target_time_is_that_of_the_host() {
    let scene = Scene::new();
    let uid = server_account().map_or(0, |account| account.uid);
    let passwd = scene.place.file("passwd", format!("somebody:x:{uid}:{uid}::/:/bin/sh\n"));
    let zone = PathBuf::from("/usr/share/zoneinfo/Europe/Berlin");
    let slim = "mount -t tmpfs tmpfs /usr/share/zoneinfo; export TZ=";
    let link = "ln -s /usr/share/zoneinfo/Europe/Berlin /etc/localtime";
    let berlin = scene.clock("Europe/Berlin", "%F %T");
    let utc = scene.clock("UTC0", "%F %T");
    let found = |place: &str, found: &str| {
        format!("expected a time zone that this host knows in {place}, found {found:?}. {HINT}")
    };
    for (prepare, time, expected) in [
        (link, &berlin, Ok(" in Europe/Berlin")),
        ("cp $zone /etc/localtime", &berlin, Ok("")),
        ("true", &utc, Ok("UTC")),
        (
            "mount -t tmpfs tmpfs /usr/share/zoneinfo; ln -s /usr/share/zoneinfo/Etc/UTC /etc/localtime",
            &utc,
            Ok("UTC"),
        ),
        (
            &format!("{link}; mount -t tmpfs tmpfs /usr/share/zoneinfo"),
            &utc,
            Err(found("/etc/localtime", zone.to_str().expect("plain"))),
        ),
        (&format!("{slim}Etc/UTC"), &utc, Ok("UTC")),
        (&format!("{slim}Europe/Berlin"), &berlin, Err(found("TZ", "Europe/Berlin"))),
        (&format!("{slim}CET-1CEST,M3.5.0,M10.5.0/3"), &berlin, Ok("")),
    ] {
        // Another /etc: what is a link can't be mounted over.
        let script = format!(
            "cp $zone $copy; mount -t tmpfs tmpfs /etc; cp $passwd /etc/passwd; zone=$copy; {prepare}
             exec $as $basebackup restore --yes --repository $archive $data --dry-run --target-time \"$time\""
        );
        let Some(run) = namespace::script(&scene.place, &script) else { return };
        let program = scene.place.program(env!("CARGO_BIN_EXE_basebackup"));
        let run =
            run.env("zone", &zone).env("copy", scene.place.join("zone")).env("passwd", &passwd);
        let run = run.env("basebackup", program).env("archive", scene.place.join("archive"));
        let run = run.env("data", scene.place.join("data")).env("time", time);
        match expected {
            Ok(name) => scene.understands(run, "Europe/Berlin", name),
            Err(text) => assert_eq!(error(run.run().expect(2)), text, "{prepare}"),
        }
    }
}
