//! One plain request on a connection of its own.

use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::{Head, Piece, find};

const LIMIT: Duration = Duration::from_secs(60);

/// An answer, read to its end.
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

/// Sends a request, unsigned, and reads the answer.
pub fn request(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> io::Result<Response> {
    let mut stream = TcpStream::connect_timeout(&to, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    receive(&mut BufReader::new(stream), method)
}

fn receive(from: &mut BufReader<TcpStream>, method: &str) -> io::Result<Response> {
    let head = Head::read(from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let mut body = Vec::new();
    let mut keep = |piece: Piece<'_>| {
        if let Piece::Content(bytes) = piece {
            body.extend_from_slice(bytes);
        }
        Ok(true)
    };
    head.response_body(method).relay(from, &mut keep)?;
    Ok(Response { status: head.status(), headers: head.headers, body })
}
