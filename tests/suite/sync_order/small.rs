//! Small files that somebody counts on: a pin, a first configuration and a key, records of what was verified.

use std::fs;

use super::{proven, traced};
use crate::init::init;
use crate::listing::laid::{Laid, described};
use crate::support::place::Place;

const ID: &str = "20200105T030000Z-0001";

#[test]
fn a_pin_is_durable_also_where_it_was_there_already() {
    let laid = Laid::with_folder();
    laid.backup("disk", &described(ID, 1, 2));
    let pin = || laid.basebackup("pin").arg(ID);
    let root = laid.store("disk").folder().to_owned();
    proven(&traced(pin(), &laid.place), &root);
    let trace = traced(pin(), &laid.place);
    let disk = trace.replay(|_, _| {});
    let key = laid.store("disk").keys().into_iter().find(|key| key.ends_with("pin.json"));
    let path = root.join(key.expect("a pin"));
    for path in [&path, path.parent().expect("a folder")] {
        assert!(disk.was_synced(path), "{} is not synced", path.display());
    }
}

#[test]
fn a_first_configuration_and_its_key_survive_a_power_cut() {
    let place = Place::new();
    place.folder("etc");
    let run = init(&place).args(["--cluster", "shop", "--encrypt", "new"]);
    let run = run.arg("--repository").arg(place.folder("disk").join("repository"));
    let trace = traced(run, &place);
    proven(&trace, &place.join("etc"));
    assert!(fs::metadata(place.join("etc/seawall.key")).is_ok_and(|it| it.is_file()));
}
