//! What a repository that is a folder lies on.

use std::fs;

use super::{Found, about, complaints, doctor, findings, findings_in};
use crate::namespace;
use crate::support::place::Place;
use crate::support::postgres::Server;
use crate::support::user::hand_over;

/// What a doctor finds of a folder below which a script has mounted something; `None` where that can't be.
fn of_mounted(mount: &str) -> Option<Vec<Found>> {
    let place = Place::new();
    let disk = place.folder("disk");
    let config = place.file("seawall.toml", format!("[[repository]]\nurl = {disk:?}\n"));
    let script = format!(
        "{mount}\n\
         status=0; $as $seawall doctor --without-server --json --objectives-free-space=0 \
         --config $config >$out || status=$?\n\
         echo $status >$out.status\n"
    );
    let (out, seawall) = (place.join("out.json"), place.program(env!("CARGO_BIN_EXE_seawall")));
    let run = namespace::script(&place, &script)?.env("disk", &disk).env("out", &out);
    let run = run.env("config", config).env("seawall", seawall).env("place", place.folder("more"));
    run.run().expect(0);
    Some(findings_in(&fs::read_to_string(&out).unwrap()))
}

#[test]
fn memory_is_no_place_for_backups() {
    let mount = "mount -t tmpfs -o size=100m,mode=0777 tmpfs $disk";
    let Some(all) = of_mounted(mount) else { return };
    assert_eq!(complaints(&all), ["warning permissions", "problem file system"]);
    let found = about(&all, "file system");
    assert_eq!(found.found, "tmpfs: it is gone with the next restart");
    assert_eq!(found.mend, "Put the repository on a disk.");
}

#[test]
fn what_goes_with_its_container_is_named() {
    let mount = "mount -t tmpfs -o size=100m tmpfs $place\n\
                 mkdir $place/lower $place/upper $place/work\n\
                 chmod 777 $place/upper\n\
                 layers=lowerdir=$place/lower,upperdir=$place/upper,workdir=$place/work\n\
                 mount -t overlay -o $layers overlay $disk";
    let Some(all) = of_mounted(mount) else { return };
    assert_eq!(complaints(&all), ["warning permissions", "warning file system"]);
    let found = about(&all, "file system");
    assert_eq!(found.found, "overlay: it goes with its container");
    assert_eq!(found.mend, "Mount a volume there.");
}

/// Without any mount of ours: the database's own disk, and memory that every Linux has.
#[test]
fn the_disk_of_the_database_is_lost_with_it() {
    let place = Place::new();
    let mut server = Server::builder(&place).init();
    server.start();
    let run = |text: String| {
        let config = place.file(&format!("seawall{}.toml", place.next_number()), text);
        findings(&doctor(&place, &config).envs(server.connection()).arg("--json").run())
    };
    let near = place.folder("near").join("repository");
    let near = format!("[[repository]]\nname = \"near\"\nurl = {near:?}\n");
    fs::create_dir(place.join("near/repository")).unwrap();
    hand_over(&place.join("near"));
    let all = run(near.clone());
    let disk = about(&all, "disk");
    assert_eq!(disk.verdict, "warning");
    assert_eq!(disk.found, "the same file system as the database: it is lost with it");
    assert_eq!(
        disk.mend,
        "Add a repository elsewhere: [[repository]] url = \"s3://BUCKET/PREFIX\""
    );
    let Ok(memory) = tempfile::tempdir_in("/dev/shm") else { return };
    hand_over(memory.path());
    let far = format!("[[repository]]\nname = \"memory\"\nurl = {:?}\n", memory.path());
    let all = run(format!("{near}{far}"));
    // One of several may be near.
    assert_eq!(about(&all, "disk").verdict, "note");
    let systems: Vec<&Found> = all.iter().filter(|it| it.what == "file system").collect();
    assert_eq!(systems[1].found, "tmpfs: it is gone with the next restart");
}
