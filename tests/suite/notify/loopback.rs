//! A server on loopback that answers one connection after the other, and what it keeps of them.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

pub struct Loopback<S> {
    pub address: SocketAddr,
    state: Arc<Mutex<S>>,
}

impl<S: Default + Send + 'static> Loopback<S> {
    /// Each connection is for `answer`.
    pub fn start(answer: fn(&TcpStream, &Mutex<S>) -> std::io::Result<()>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let state = Arc::new(Mutex::new(S::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Who breaks off has said nothing, and gets no answer.
                let limited = stream.set_read_timeout(Some(Duration::from_secs(20)));
                let _ = limited.and_then(|()| answer(&stream, &shared));
            }
        });
        Self { address, state }
    }

    pub fn state(&self) -> MutexGuard<'_, S> {
        self.state.lock().unwrap()
    }
}
