//! An HTTP proxy as companies put it between their servers and the world: it connects (`CONNECT`) and forwards
//! (`GET http://host/…`). Whatever host it is asked for, it leads to one server: names of the tests are in no DNS.

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::http::{Head, Piece};

/// How it treats who asks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Conduct {
    Lead,
    /// Only with this `Proxy-Authorization`.
    Ask(&'static str),
    /// Answers these bytes to everybody.
    Say(&'static str),
    /// Answers nothing.
    Hang,
}

/// The proxy. It lives as long as the test process; its threads end with their connections.
pub struct ForwardProxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl ForwardProxy {
    pub fn start(server: SocketAddr, conduct: Conduct) -> ForwardProxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&asked);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let seen = Arc::clone(&seen);
                thread::spawn(move || serve(client, server, conduct, &seen));
            }
        });
        ForwardProxy { address, asked }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The first lines of what it was asked for.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic under the lock").clone()
    }
}

fn serve(
    client: TcpStream,
    server: SocketAddr,
    conduct: Conduct,
    seen: &Mutex<Vec<String>>,
) -> Option<()> {
    let mut from = BufReader::new(client.try_clone().ok()?);
    let mut to = client;
    loop {
        let head = Head::read(&mut from).ok()??;
        seen.lock().expect("no panic under the lock").push(head.first_line.clone());
        let refusal = match conduct {
            Conduct::Lead => None,
            Conduct::Ask(secret) if head.header("proxy-authorization") == Some(secret) => None,
            Conduct::Ask(_) => Some(
                "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\
                 Content-Length: 0\r\nConnection: close\r\n\r\n",
            ),
            Conduct::Say(bytes) => Some(bytes),
            Conduct::Hang => {
                // Until the client goes.
                while from.read(&mut [0; 4096]).ok()? > 0 {}
                return None;
            }
        };
        if let Some(refusal) = refusal {
            to.write_all(refusal.as_bytes()).ok()?;
            to.shutdown(Shutdown::Write).ok()?;
            while from.read(&mut [0; 4096]).ok()? > 0 {}
            return None;
        }
        if head.word(0) == "CONNECT" {
            let behind = TcpStream::connect(server).ok()?;
            to.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").ok()?;
            return tunnel(from, to, behind).ok();
        }
        forward(&head, &mut from, &mut to, server).ok()?;
    }
}

fn tunnel(mut from: BufReader<TcpStream>, mut to: TcpStream, behind: TcpStream) -> io::Result<()> {
    let (mut there, mut back) = (behind.try_clone()?, behind);
    let going = thread::spawn(move || {
        let _ = io::copy(&mut from, &mut there);
        let _ = there.shutdown(Shutdown::Write);
    });
    let _ = io::copy(&mut back, &mut to);
    let _ = to.shutdown(Shutdown::Write);
    let _ = going.join();
    Ok(())
}

/// One request to the server, its target without scheme and host, and the answer back.
fn forward(
    head: &Head,
    from: &mut BufReader<TcpStream>,
    to: &mut TcpStream,
    server: SocketAddr,
) -> io::Result<()> {
    let target = head.word(1);
    let rest = target.strip_prefix("http://").ok_or(io::ErrorKind::InvalidData)?;
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    let raw = String::from_utf8_lossy(&head.raw).replacen(target, path, 1);
    let mut behind = TcpStream::connect(server)?;
    behind.set_read_timeout(Some(Duration::from_secs(60)))?;
    behind.write_all(raw.as_bytes())?;
    let mut answers = BufReader::new(behind.try_clone()?);
    let mut pass = |piece: Piece<'_>| {
        let (Piece::Content(bytes) | Piece::Mark(bytes)) = piece;
        behind.write_all(bytes).map(|()| true)
    };
    head.request_body().relay(from, &mut pass)?;
    loop {
        let answer = Head::read(&mut answers)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        to.write_all(&answer.raw)?;
        if (100..200).contains(&answer.status()) {
            continue;
        }
        let mut pass = |piece: Piece<'_>| {
            let (Piece::Content(bytes) | Piece::Mark(bytes)) = piece;
            to.write_all(bytes).map(|()| true)
        };
        answer.response_body(head.word(0)).relay(&mut answers, &mut pass)?;
        return to.flush();
    }
}
