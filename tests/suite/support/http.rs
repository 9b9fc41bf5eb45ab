//! As much of HTTP/1.1 as a proxy needs to pass messages on unchanged, and a client of a few lines.

mod client;

pub use client::{Response, request};

use std::io::{self, BufRead};

/// The first line and the headers of a request or a response, with the very bytes they came in.
pub struct Head {
    pub raw: Vec<u8>,
    pub first_line: String,
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// Reads up to the empty line; `None` when the peer closed instead of sending another message.
    pub fn read(from: &mut impl BufRead) -> io::Result<Option<Head>> {
        let mut raw = Vec::new();
        let mut lines = Vec::new();
        loop {
            let start = raw.len();
            if from.read_until(b'\n', &mut raw)? == 0 {
                return if start == 0 {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
            let line = String::from_utf8_lossy(&raw[start..]).trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        let split = |line: &String| {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            (name.trim().to_ascii_lowercase(), value.trim().to_owned())
        };
        let headers = lines.iter().skip(1).map(split).collect();
        Ok(Some(Head { raw, first_line: lines.swap_remove(0), headers }))
    }

    /// The value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The word of the first line at this place: method and path, or version and status.
    pub fn word(&self, number: usize) -> &str {
        self.first_line.split(' ').nth(number).unwrap_or_default()
    }

    /// The status of a response.
    pub fn status(&self) -> u16 {
        self.word(1).parse().unwrap_or_default()
    }

    /// How the body of this request is marked off.
    pub fn request_body(&self) -> Body {
        self.marked_body().unwrap_or(Body::Length(0))
    }

    /// How the body of this response to a request with `method` is marked off.
    pub fn response_body(&self, method: &str) -> Body {
        if method == "HEAD" || matches!(self.status(), 100..=199 | 204 | 304) {
            return Body::Length(0);
        }
        self.marked_body().unwrap_or(Body::UntilClose)
    }

    fn marked_body(&self) -> Option<Body> {
        let chunked = |value: &str| value.to_ascii_lowercase().contains("chunked");
        if self.header("transfer-encoding").is_some_and(chunked) {
            return Some(Body::Chunked);
        }
        Some(Body::Length(self.header("content-length")?.parse().ok()?))
    }
}

/// The value of a header whose name is in lower case.
pub fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
}

/// Where a body ends.
#[derive(Clone, Copy, PartialEq)]
pub enum Body {
    Length(u64),
    Chunked,
    UntilClose,
}

/// A stretch of a body: bytes of the content, or of the marks between chunks.
pub enum Piece<'a> {
    Content(&'a [u8]),
    Mark(&'a [u8]),
}

/// Takes the pieces of a body; says whether it wants more.
pub trait Sink: FnMut(Piece<'_>) -> io::Result<bool> {}

impl<F: FnMut(Piece<'_>) -> io::Result<bool>> Sink for F {}

impl Body {
    /// Passes a body on; false when the sink wanted no more.
    pub fn relay(self, from: &mut impl BufRead, sink: &mut impl Sink) -> io::Result<bool> {
        match self {
            Body::Length(length) => relay_content(from, Some(length), sink),
            Body::UntilClose => relay_content(from, None, sink),
            Body::Chunked => relay_chunks(from, sink),
        }
    }
}

fn relay_content(
    from: &mut impl BufRead,
    length: Option<u64>,
    sink: &mut impl Sink,
) -> io::Result<bool> {
    let mut left = length.unwrap_or(u64::MAX);
    while left > 0 {
        let bytes = from.fill_buf()?;
        if bytes.is_empty() {
            return if length.is_none() {
                Ok(true)
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            };
        }
        let count = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if !sink(Piece::Content(&bytes[..count]))? {
            return Ok(false);
        }
        from.consume(count);
        left -= count as u64;
    }
    Ok(true)
}

/// Each chunk is a line with its length in hex, the bytes, and a line end; one of length zero, lines
/// of trailing headers and an empty line are the end.
fn relay_chunks(from: &mut impl BufRead, sink: &mut impl Sink) -> io::Result<bool> {
    let mut last = false;
    loop {
        let mut line = Vec::new();
        if from.read_until(b'\n', &mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if !sink(Piece::Mark(&line))? {
            return Ok(false);
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if last && text.is_empty() {
            return Ok(true);
        }
        if last || text.is_empty() {
            continue;
        }
        let digits = text.split(';').next().unwrap_or_default();
        let length = u64::from_str_radix(digits, 16).map_err(io::Error::other)?;
        last = length == 0;
        if !relay_content(from, Some(length), sink)? {
            return Ok(false);
        }
    }
}
