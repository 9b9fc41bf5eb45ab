//! A cluster with two timelines: three segments, two histories, and a neighbour.

use super::File;
use crate::scene::{Kind, Scene, Store, of_another_cluster};
use crate::support::crc32c;
use crate::support::place::Place;

const HISTORIES: [(&str, &str); 2] = [
    ("00000002.history", "1\t0/7000000\tno recovery target specified\n"),
    (
        "00000003.history",
        "1\t0/7000000\tno recovery target specified\n2\t0/7100000\tno recovery target specified\n",
    ),
];

pub struct Cluster {
    pub scene: Scene,
    foreign: [Vec<u8>; 2],
}

impl Cluster {
    /// Everything is archived in `store`.
    pub fn archived_in(store: &Store, place: &Place) -> Cluster {
        let scene = Scene::in_place(place).with(&store.table("tested"));
        for number in 0..3 {
            scene.has(number);
        }
        for (name, content) in HISTORIES {
            scene.directory.put(name, content.as_bytes());
        }
        let names = [scene.name(0), scene.name(1), scene.name(2), HISTORIES[0].0, HISTORIES[1].0];
        for name in names {
            scene.push_file(name).run().expect(0);
        }
        let foreign = foreign_objects(&scene, place);
        Cluster { scene, foreign }
    }

    pub fn name(&self, file: File) -> &str {
        match file {
            File::Segment => self.scene.name(0),
            File::History => HISTORIES[0].0,
        }
    }

    pub fn content(&self, file: File) -> &[u8] {
        match file {
            File::Segment => self.scene.bytes(0),
            File::History => HISTORIES[0].1.as_bytes(),
        }
    }

    pub fn key(&self, file: File) -> String {
        self.scene.key(self.name(file), ".zst")
    }

    pub fn next_key(&self, file: File) -> String {
        match file {
            File::Segment => self.scene.clear_key(1),
            File::History => self.scene.key(HISTORIES[1].0, ".zst"),
        }
    }

    /// The object of the same name that another cluster made.
    pub fn foreign(&self, file: File) -> Vec<u8> {
        self.foreign[file as usize].clone()
    }
}

/// Made by Seawall itself, away from any data directory: the segment says whose it is.
fn foreign_objects(scene: &Scene, place: &Place) -> [Vec<u8>; 2] {
    let store = Store::start(Kind::Local, place);
    let other = Scene::in_place(place).with(&store.table("other"));
    let control = other.directory.path().join("global/pg_control");
    let mut bytes = std::fs::read(&control).expect("there");
    // Its first eight bytes are the system identifier, as in the segment's header; without a valid
    // checksum it would not be believed.
    bytes[0] ^= 0xff;
    let crc = crc32c(&bytes[..CRC_OFFSET]).to_le_bytes();
    bytes[CRC_OFFSET..CRC_OFFSET + 4].copy_from_slice(&crc);
    std::fs::write(&control, bytes).expect("root or owner");
    let mut segment = of_another_cluster(scene.bytes(0));
    // Other records, so that the compressed length is another one too.
    (0..1000).for_each(|number: usize| segment[500_000 + number] = (number * number % 251) as u8);
    other.directory.put(scene.name(0), &segment);
    let history = "1\t0/5000000\tbefore 2026-01-01 00:00:00+00\n";
    other.directory.put(HISTORIES[0].0, history.as_bytes());
    [scene.name(0), HISTORIES[0].0].map(|name| {
        other.push_file(name).run().expect(0);
        let ending = format!("/{name}.zst");
        let key = store.keys().into_iter().find(|key| key.ends_with(&ending)).expect("archived");
        store.get(&key).expect("archived")
    })
}

/// Where PostgreSQL 15 keeps the checksum of `ControlFileData`.
const CRC_OFFSET: usize = 288;
