//! One connection of a client: request after request.

use std::io::{self, BufReader, Write};
use std::net::TcpStream;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::Duration;

use super::Shared;
use super::exchange::{Exchange, Next, OTHER_ETAG};
use super::lie;
use super::rule::Fault;
use super::stream::{Client, Socket};
use crate::support::http::{Head, Piece};

/// Serves a client until either side has enough. An error on the way ends in a reset, as it would
/// with a machine that lost its state.
pub fn serve(shared: &Shared, client: TcpStream) {
    let Ok(socket) = Socket::new(client, &shared.stopped) else { return };
    let Ok(client) = Client::new(socket, shared.tls.as_ref()) else { return };
    let mut connection = Connection { shared, client, server: None };
    loop {
        match connection.request() {
            Ok(Next::Keep) => {}
            Ok(Next::Close) => return connection.client.get_mut().close(),
            Ok(Next::Reset | Next::Hang) | Err(_) => return connection.reset(),
        }
    }
}

struct Connection<'a> {
    shared: &'a Shared,
    client: BufReader<Client>,
    /// Kept open between requests, as the client keeps its own.
    server: Option<BufReader<Socket>>,
}

impl Connection<'_> {
    fn request(&mut self) -> io::Result<Next> {
        let Some(head) = Head::read(&mut self.client)? else { return Ok(Next::Close) };
        let (delay, fault) = self.shared.rules.verdict(&head);
        let number = self.shared.records.add(&head, fault);
        sleep(delay);
        let shared = self.shared;
        let in_turn = shared.one_put_at_a_time.load(Ordering::Relaxed) && head.word(0) == "PUT";
        let _turn = in_turn.then(|| shared.turn.lock().unwrap_or_else(PoisonError::into_inner));
        match fault {
            Some(Fault::Answer(status)) => {
                let body = error_document(status);
                self.answer(&head, number, status, "Content-Type: application/xml\r\n", &body)
            }
            Some(Fault::Say(said)) => {
                self.answer(&head, number, said.status, said.headers, said.body)
            }
            Some(Fault::KeepNothing) => self.keep_nothing(&head, number),
            Some(Fault::Lie(lie)) => {
                self.drain(&head, number)?;
                self.shared.records.set_status(number, 200);
                let (client, server) = (self.client.get_mut(), self.shared.server);
                lie::answer(client, server, head.word(1), lie)?;
                Ok(Next::Keep)
            }
            Some(Fault::Hang) => {
                if head.header("expect").is_none() {
                    self.drain(&head, number)?;
                }
                Ok(self.hang())
            }
            _ => match self.pass(&head, number, fault)? {
                Next::Hang => Ok(self.hang()),
                next => Ok(next),
            },
        }
    }

    /// Answers in the server's place. A client that waits for leave to send its body gets the answer
    /// instead; nobody knows whether the body follows, so the connection ends there.
    fn answer(
        &mut self,
        head: &Head,
        number: usize,
        status: u16,
        headers: &str,
        document: &str,
    ) -> io::Result<Next> {
        self.shared.records.set_status(number, status);
        let waits = head.header("expect").is_some();
        if !waits {
            self.drain(head, number)?;
        }
        let body = if head.word(0) == "HEAD" { "" } else { document };
        let length = document.len();
        let answer = format!(
            "HTTP/1.1 {status} Made By Proxy\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        self.client.get_mut().write_all(answer.as_bytes())?;
        self.client.get_mut().flush()?;
        Ok(if waits { Next::Close } else { Next::Keep })
    }

    /// Says what a store says that has stored the body.
    fn keep_nothing(&mut self, head: &Head, number: usize) -> io::Result<Next> {
        self.shared.records.set_status(number, 200);
        if head.header("expect").is_some() {
            self.client.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            self.client.get_mut().flush()?;
        }
        self.drain(head, number)?;
        let answer = format!("HTTP/1.1 200 OK\r\nETag: {OTHER_ETAG}\r\nContent-Length: 0\r\n\r\n");
        self.client.get_mut().write_all(answer.as_bytes())?;
        self.client.get_mut().flush()?;
        Ok(Next::Keep)
    }

    /// Keeps silent until the client goes, or the rules are cleared.
    fn hang(&self) -> Next {
        let cleared = self.shared.rules.cleared();
        let over = || {
            self.shared.rules.cleared() != cleared || self.shared.stopped.load(Ordering::Relaxed)
        };
        while !over() && !self.client.get_ref().socket().closed() {
            sleep(Duration::from_millis(5));
        }
        Next::Reset
    }

    fn drain(&mut self, head: &Head, number: usize) -> io::Result<()> {
        let mut count = |piece: Piece<'_>| {
            if let Piece::Content(bytes) = piece {
                self.shared.records.add_bytes(number, bytes.len());
            }
            Ok(true)
        };
        head.request_body().relay(&mut self.client, &mut count).map(drop)
    }

    fn pass(&mut self, head: &Head, number: usize, fault: Option<Fault>) -> io::Result<Next> {
        let kept = self.server.take().filter(|server| !server.get_ref().closed());
        let server = match kept {
            Some(server) => server,
            None => self.connect()?,
        };
        let server = self.server.insert(server);
        let records = &self.shared.records;
        Exchange { client: &mut self.client, server, records, number, fault }.run(head)
    }

    fn connect(&self) -> io::Result<BufReader<Socket>> {
        let socket = Socket::new(TcpStream::connect(self.shared.server)?, &self.shared.stopped)?;
        Ok(BufReader::with_capacity(1 << 16, socket))
    }

    fn reset(&self) {
        self.client.get_ref().socket().reset_on_drop();
        if let Some(server) = &self.server {
            server.get_ref().reset_on_drop();
        }
    }
}

/// What S3 says with the statuses that tests ask for.
fn error_document(status: u16) -> String {
    let (code, message) = match status {
        403 => ("AccessDenied", "Access Denied"),
        429 => ("TooManyRequests", "Please reduce your request rate."),
        500 => ("InternalError", "We encountered an internal error. Please try again."),
        503 => ("SlowDown", "Please reduce your request rate."),
        _ => ("MadeByProxy", "Made by the proxy of the tests."),
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
         <Message>{message}</Message><RequestId>PROXY</RequestId></Error>"
    )
}
