use std::io::{self, BufRead, BufReader, Read, Write};

use super::bound::Bound;
use super::link::Link;

/// No line that a server answers with is longer.
const LONGEST_LINE: u64 = 4096;
/// One read takes as much as a socket usually has.
const BUFFER: usize = 256 << 10;

/// A link on which lines and then raw bytes come in.
pub struct Lines(BufReader<Link>);

impl Lines {
    pub fn new(link: Link) -> Self {
        Self(BufReader::with_capacity(BUFFER, link))
    }

    /// What comes from now on.
    pub fn bound(&mut self, bound: Bound) {
        self.0.get_mut().bound(bound);
    }

    pub fn send(&mut self, words: &[&str]) -> io::Result<()> {
        let (name, arguments) = words.split_first().unwrap_or((&"", &[]));
        let mut command = redis::cmd(name);
        for argument in arguments {
            command.arg(*argument);
        }
        let link = self.0.get_mut();
        link.write_all(&command.get_packed_command())?;
        link.flush()
    }

    /// The next line without its end. At the end of the stream, or when it is no line: an error.
    pub fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.0.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            let whole = line.len() as u64 + 1 < LONGEST_LINE;
            let kind =
                if whole { io::ErrorKind::UnexpectedEof } else { io::ErrorKind::InvalidData };
            return Err(kind.into());
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    /// The next bytes, at least one; none at the end of the stream. [`Lines::consume`] says how many of
    /// them are done with.
    pub fn fill(&mut self) -> io::Result<&[u8]> {
        loop {
            match self.0.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(_) => return Ok(self.0.buffer()),
            }
        }
    }

    pub fn consume(&mut self, bytes: usize) {
        self.0.consume(bytes);
    }

    /// The link again, for another way to read it. Nothing may have been read ahead.
    pub fn into_link(self) -> Link {
        self.0.into_inner()
    }
}
