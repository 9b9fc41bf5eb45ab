//! Large objects on their way into a bucket: what is sent, what goes wrong with it, and what is left.

mod complete;
mod delete;
mod headers;
mod in_flight;
mod parts;

use bytes::Bytes;
use seawall::config::{Limits, Location, S3Config};
use seawall::error::Result;
use seawall::storage::{Created, Metadata, Storage};

use crate::storage_contract::{LIMITS, PART_BYTES, bucket_config, open, pending_uploads};
use crate::support::place::Place;
use crate::support::proxy::{Proxy, Recorded};
use crate::support::s3::{Kind, S3Server};

/// What is in the path of every request about an upload under way.
const UPLOAD_ID: &str = "uploadId=";
/// And only in that of a part.
const PART: &str = "partNumber=";
const KEY: &str = "backup/part";

/// A bucket behind a proxy.
struct Line {
    place: Place,
    server: S3Server,
    proxy: Proxy,
    storage: Box<dyn Storage>,
}

impl Line {
    fn new(kind: Kind) -> Line {
        Line::with(kind, LIMITS, false, |_| {})
    }

    fn with(kind: Kind, limits: Limits, tls: bool, change: impl FnOnce(&mut S3Config)) -> Line {
        let place = Place::new();
        let server = S3Server::start(kind, &place);
        let address = server.address();
        let proxy = if tls { Proxy::start_tls(address, &place) } else { Proxy::start(address) };
        let mut config = bucket_config(&server, &proxy.endpoint(), &place);
        config.ca_file = tls.then(|| proxy.ca_file().to_owned());
        change(&mut config);
        let storage = open(Location::S3(Box::new(config)), limits);
        Line { place, server, proxy, storage }
    }

    /// Another client of the bucket, with nothing in between.
    fn other(&self) -> Box<dyn Storage> {
        let config = bucket_config(&self.server, &self.server.endpoint(), &self.place);
        open(Location::S3(Box::new(config)), LIMITS)
    }

    fn create(&self, content: &[u8]) -> Result<Created> {
        create(self.storage.as_ref(), content)
    }

    fn requests(&self, method: &str, path: &str) -> Vec<Recorded> {
        let mut requests = self.proxy.requests();
        requests.retain(|one| one.method == method && one.path.contains(path));
        requests
    }

    /// Statuses of the requests, in order.
    fn statuses(&self, method: &str, path: &str) -> Vec<Option<u16>> {
        self.requests(method, path).iter().map(|one| one.status).collect()
    }

    /// The object is there, whole, and nothing else of the upload.
    #[track_caller]
    fn holds(&self, content: &[u8]) {
        assert!(self.server.get(KEY).as_deref() == Some(content), "other bytes or none");
        self.nothing_is_pending();
    }

    /// Neither an object nor parts.
    #[track_caller]
    fn holds_nothing(&self) {
        assert_eq!(self.server.get(KEY), None);
        self.nothing_is_pending();
    }

    #[track_caller]
    fn nothing_is_pending(&self) {
        assert_eq!(pending_uploads(&self.server, &self.place).unwrap_or_default(), [""; 0]);
    }
}

fn create(storage: &dyn Storage, content: &[u8]) -> Result<Created> {
    let mut object = storage.begin_large(KEY, 0, content.len() as u64, &facts())?;
    for piece in content.chunks(1 << 20) {
        object.write(Bytes::copy_from_slice(piece))?;
    }
    object.finish(Bytes::new())
}

fn facts() -> Metadata {
    Metadata::from([("a-fact".to_owned(), "1".to_owned())])
}

/// So many whole parts and some bytes.
fn content(parts: usize, more: usize) -> Vec<u8> {
    (0..parts * PART_BYTES + more).map(|at| (at % 251) as u8 ^ (at >> 16) as u8).collect()
}

/// The number of the part that a request is about.
fn part_number(request: &Recorded) -> usize {
    let (_, rest) = request.path.split_once(PART).expect("a part");
    rest.split('&').next().and_then(|number| number.parse().ok()).expect("a number")
}
