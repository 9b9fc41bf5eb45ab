//! What `seawall::storage::Storage` promises, checked on every back end by the same suite.

mod checks;
mod folder;
mod large;
mod lies;
mod listings;
mod pending;

pub use large::PART_BYTES;
pub use pending::pending_uploads;

use std::path::Path;
use std::time::Duration;

use seawall::config::{
    Addressing, Checksum, ConditionalPut, Limits, Location, RepositoryConfig, S3Config, Sse,
};
use seawall::storage::{self, Storage};

use crate::support::place::Place;
use crate::support::proxy::Proxy;
use crate::support::s3::{ACCESS_KEY, Kind, REGION, S3Server, SECRET_KEY};

pub const LIMITS: Limits = Limits {
    connect: Duration::from_secs(10),
    request: Duration::from_secs(60),
    total: Duration::from_secs(60),
    attempts: 3,
};

pub fn open(location: Location, limits: Limits) -> Box<dyn Storage> {
    let (name, url) = ("tested".to_owned(), "not used".to_owned());
    let config = RepositoryConfig { name, url, location, encrypt: None, required: false };
    storage::open(&config, limits, None).expect("it opens")
}

fn folder(root: &Path) -> Box<dyn Storage> {
    open(Location::Folder(root.to_owned()), LIMITS)
}

fn bucket(server: &S3Server, endpoint: &str, place: &Place, prefix: &str) -> Box<dyn Storage> {
    let config = S3Config { prefix: prefix.to_owned(), ..bucket_config(server, endpoint, place) };
    open(Location::S3(Box::new(config)), LIMITS)
}

/// Its keys come from a file: the environment belongs to all tests.
pub fn bucket_config(server: &S3Server, endpoint: &str, place: &Place) -> S3Config {
    let credentials = place.file(
        "credentials",
        format!(
            "[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n"
        ),
    );
    S3Config {
        bucket: server.bucket().to_owned(),
        prefix: String::new(),
        endpoint: Some(endpoint.to_owned()),
        region: Some(REGION.to_owned()),
        addressing: Addressing::Auto,
        ca_file: None,
        checksum: Checksum::Auto,
        conditional_put: ConditionalPut::Auto,
        storage_class: None,
        sse: Sse::None,
        profile: None,
        credentials_file: Some(credentials),
    }
}

#[test]
fn a_folder_keeps_the_contract() {
    let place = Place::with_odd_name();
    let root = place.join("repository");
    checks::all(folder(&root).as_ref());
    listings::all(folder(&root).as_ref());
    large::all(folder(&root).as_ref());
    listings::long_listings(folder(&root).as_ref(), |key| {
        std::fs::write(root.join(key), "").expect("its folder is there");
    });
    checks::of_many_creators_one_wins(folder(&root).as_ref());
}

#[test]
fn s3s_fs_keeps_the_contract() {
    bucket_keeps_the_contract(Kind::S3sFs);
}

#[test]
fn moto_keeps_the_contract() {
    bucket_keeps_the_contract(Kind::Moto);
}

#[test]
fn rclone_keeps_the_contract() {
    bucket_keeps_the_contract(Kind::Rclone);
}

fn bucket_keeps_the_contract(kind: Kind) {
    let place = Place::new();
    let server = S3Server::start(kind, &place);
    let storage = bucket(&server, &server.endpoint(), &place, "");
    checks::all(storage.as_ref());
    listings::all(storage.as_ref());
    large::all(storage.as_ref());
    assert_eq!(pending_uploads(&server, &place).unwrap_or_default(), [""; 0]);
    listings::long_listings(storage.as_ref(), |key| server.put(key, b""));
    let deeper = bucket(&server, &server.endpoint(), &place, "deep/er");
    checks::all(deeper.as_ref());
    listings::all(deeper.as_ref());
    let foreign = |key: &&String| key.starts_with("deep/") && !key.starts_with("deep/er/");
    assert_eq!(server.keys().iter().find(foreign), None, "the prefix is kept to");
}

/// The servers at hand look first and write then, so the proxy gives them one PUT at a time.
#[test]
fn of_many_creators_in_a_bucket_one_wins() {
    let place = Place::new();
    let server = S3Server::start(Kind::S3sFs, &place);
    let proxy = Proxy::start(server.address());
    proxy.one_put_at_a_time();
    let storage = bucket(&server, &proxy.endpoint(), &place, "");
    checks::of_many_creators_one_wins(storage.as_ref());
}
