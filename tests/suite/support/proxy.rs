//! A proxy between a client and an S3 server that counts requests and misbehaves on order.
//!
//! It passes messages on byte for byte, the `Host` header that the client signed included, keeps
//! connections open as both sides wish, and understands `Expect: 100-continue` and chunked bodies.
//! With TLS it shows a certificate of its own authority and talks plainly to the server.

mod black_hole;
mod connection;
mod exchange;
mod lie;
mod record;
mod rule;
mod shape;
mod stream;
mod tls;

pub use black_hole::BlackHole;
pub use lie::Lie;
pub use record::Recorded;
pub use rule::{Fault, Rule, Said};
pub use tls::Shown;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::ServerConfig;

use super::place::Place;
use super::s3::S3Server;
use record::Records;
use rule::Rules;

/// The proxy; it stops taking connections, and drops those it has, when it goes out of scope.
pub struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    ca_file: Option<PathBuf>,
}

/// What the threads of a proxy have in common.
struct Shared {
    server: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    rules: Rules,
    records: Records,
    connections: AtomicUsize,
    paused: AtomicBool,
    one_put_at_a_time: AtomicBool,
    turn: Mutex<()>,
    stopped: Arc<AtomicBool>,
}

impl Proxy {
    /// A plain proxy before a server.
    pub fn start(server: SocketAddr) -> Proxy {
        Proxy::launch(server, None, None)
    }

    /// A proxy that clients reach over TLS only; its authority's certificate goes into the place.
    pub fn start_tls(server: SocketAddr, place: &Place) -> Proxy {
        Proxy::start_showing(Shown::Signed, server, place)
    }

    /// The same with another certificate; the one to trust goes into the place.
    pub fn start_showing(shown: Shown, server: SocketAddr, place: &Place) -> Proxy {
        let (config, certificate) = tls::configured(shown);
        let ca_file = place.file(&format!("ca{}.pem", place.next_number()), certificate);
        Proxy::launch(server, Some(config), Some(ca_file))
    }

    fn launch(
        server: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
        ca_file: Option<PathBuf>,
    ) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let shared = Arc::new(Shared {
            server,
            tls,
            rules: Rules::default(),
            records: Records::default(),
            connections: AtomicUsize::new(0),
            paused: AtomicBool::new(false),
            one_put_at_a_time: AtomicBool::new(false),
            turn: Mutex::new(()),
            stopped: Arc::default(),
        });
        let threads = Arc::clone(&shared);
        thread::spawn(move || accept(&threads, &listener));
        Proxy { shared, address, ca_file }
    }

    /// The URL for clients.
    pub fn endpoint(&self) -> String {
        let scheme = if self.ca_file.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate that a client has to trust.
    #[track_caller]
    pub fn ca_file(&self) -> &Path {
        self.ca_file.as_deref().expect("the proxy was started with TLS")
    }

    /// The variables of the server, but pointing at this proxy.
    pub fn environment(&self, server: &S3Server) -> Vec<(String, String)> {
        let mut variables = server.environment();
        variables.retain(|(name, _)| name != "AWS_ENDPOINT_URL");
        variables.push(("AWS_ENDPOINT_URL".to_owned(), self.endpoint()));
        if let Some(file) = &self.ca_file {
            let file = file.to_str().expect("paths of the tests are UTF-8");
            variables.push(("AWS_CA_BUNDLE".to_owned(), file.to_owned()));
        }
        variables
    }

    /// Misbehaves by one more rule from the next request on.
    pub fn add(&self, rule: Rule) {
        self.shared.rules.add(rule);
    }

    /// Behaves from now on; requests that hang are dropped.
    pub fn clear(&self) {
        self.shared.rules.clear();
    }

    /// Leaves new connections unanswered, before any TLS; they are served once this is undone.
    pub fn pause(&self, paused: bool) {
        self.shared.paused.store(paused, Ordering::Relaxed);
    }

    /// From now on a PUT waits until the one before it is answered. That makes `If-None-Match` atomic
    /// on servers that look first and write then.
    pub fn one_put_at_a_time(&self) {
        self.shared.one_put_at_a_time.store(true, Ordering::Relaxed);
    }

    /// All requests so far, oldest first.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.records.all()
    }

    /// How many requests with this method had this text in their path and query.
    pub fn count(&self, method: &str, path: &str) -> usize {
        let matches = |request: &&Recorded| request.method == method && request.path.contains(path);
        self.requests().iter().filter(matches).count()
    }

    /// How many connections were taken.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
    }
}

/// One thread for each connection; polling, so that it can be paused and stopped.
fn accept(shared: &Arc<Shared>, listener: &TcpListener) {
    listener.set_nonblocking(true).expect("a socket can be made non-blocking");
    while !shared.stopped.load(Ordering::Relaxed) {
        let paused = shared.paused.load(Ordering::Relaxed);
        let Some((client, _)) = (!paused).then(|| listener.accept().ok()).flatten() else {
            thread::sleep(Duration::from_millis(1));
            continue;
        };
        shared.connections.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::clone(shared);
        thread::spawn(move || connection::serve(&shared, client));
    }
}
