//! Mail, handed over SMTP to the mail server of this host. Units are confined, and there the `sendmail` of postfix or exim can't put
//! anything into its queue; the server itself listens on loopback.

use std::io::{BufRead, BufReader, Error as IoError, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::mail::{Letter, host_of_addresses};
use crate::config::Limits;
use crate::error::{Class, Error, Result};

/// More than a server says in one conversation.
const SAID: u64 = 256 << 10;

pub(super) fn send(server: &str, letter: &Letter<'_>, limits: &Limits) -> Result<()> {
    let socket = connect(server, limits).map_err(|error| {
        let message = format!("could not connect to the mail server at {server}: {}", reason(&error));
        Error::new(Class::Unreachable, message).hint(
            "Does a mail server such as postfix or exim run there, and does it listen (ss -ltn)? notify.smtp says where it is.",
        )
    })?;
    let line =
        TimedConnection { socket, silence: limits.request, until: Instant::now() + limits.total };
    let mut talk = SmtpTalk { server, reader: BufReader::new(line.take(SAID)) };
    talk.hear("its greeting", 220)?;
    let able = talk.ask(&format!("EHLO {}", host_of_addresses()), 250)?;
    let body = if able.to_ascii_uppercase().contains("8BITMIME") { " BODY=8BITMIME" } else { "" };
    talk.ask(&format!("MAIL FROM:<{}>{body}", letter.from.as_deref().unwrap_or_default()), 250)?;
    for to in letter.to {
        talk.ask(&format!("RCPT TO:<{to}>"), 250)?;
    }
    talk.ask("DATA", 354)?;
    let text: String = letter.text().lines().map(|line| format!("{}\r\n", stuffed(line))).collect();
    talk.ask(&format!("{text}."), 250)?;
    // It has the mail; what it says now changes nothing.
    let _ = talk.say("QUIT");
    Ok(())
}

/// A dot alone would end the mail.
fn stuffed(line: &str) -> String {
    if line.starts_with('.') { format!(".{line}") } else { line.to_owned() }
}

/// The first of the host's addresses that answers.
fn connect(server: &str, limits: &Limits) -> std::io::Result<TcpStream> {
    let mut failure = IoError::new(ErrorKind::NotFound, "the name has no address");
    for address in server.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, limits.connect) {
            Ok(socket) => {
                return Ok(socket);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn reason(error: &IoError) -> String {
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "no answer in time".to_owned(),
        _ => error.to_string(),
    }
}

/// A connection that waits for a while for each piece, and for all of them together no longer than it may.
struct TimedConnection {
    socket: TcpStream,
    silence: Duration,
    until: Instant,
}

impl TimedConnection {
    fn patience(&self) -> std::io::Result<Option<Duration>> {
        let left = self.until.saturating_duration_since(Instant::now());
        // A socket takes no time for no limit.
        if left.is_zero() {
            Err(ErrorKind::TimedOut.into())
        } else {
            Ok(Some(left.min(self.silence)))
        }
    }
}

impl Read for TimedConnection {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.socket.set_read_timeout(self.patience()?)?;
        self.socket.read(buffer)
    }
}

impl Write for &TimedConnection {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.socket.set_write_timeout(self.patience()?)?;
        (&self.socket).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        (&self.socket).flush()
    }
}

struct SmtpTalk<'a> {
    server: &'a str,
    reader: BufReader<std::io::Take<TimedConnection>>,
}

impl SmtpTalk<'_> {
    fn say(&mut self, text: &str) -> std::io::Result<()> {
        let mut line = self.reader.get_ref().get_ref();
        line.write_all(format!("{text}\r\n").as_bytes())
    }

    /// Says something, and returns the answer that is wanted.
    fn ask(&mut self, text: &str, wanted: u16) -> Result<String> {
        let what = if wanted == 250 && text.ends_with("\r\n.") { "the mail" } else { text };
        self.say(text).map_err(|error| self.broke_off(what, &reason(&error)))?;
        self.hear(what, wanted)
    }

    /// An answer may have several lines; the last one has a blank behind its number. What is said of a recipient that is
    /// elsewhere, 251, is as good as 250.
    fn hear(&mut self, what: &str, wanted: u16) -> Result<String> {
        let mut answer = String::new();
        loop {
            let mut line = Vec::new();
            let read = self.reader.read_until(b'\n', &mut line);
            read.map_err(|error| self.broke_off(what, &reason(&error)))?;
            if line.is_empty() {
                return Err(self.broke_off(what, "it said nothing more"));
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            answer += &format!("{line}\n");
            if line.as_bytes().get(3) != Some(&b'-') {
                break;
            }
        }
        let number = answer.lines().next_back().and_then(|line| line.get(..3)?.parse::<u16>().ok());
        match number {
            Some(number) if number / 10 == wanted / 10 => Ok(answer),
            _ => {
                let answer = answer.trim_end().replace('\n', " ");
                let message =
                    format!("the mail server at {} answered {what:?} with {answer:?}", self.server);
                Err(Error::new(Class::Refused, message).hint(
                    "Its log says more. notify.mail_to and notify.mail_from are the addresses; notify.smtp has to be a mail server \
                     that takes mail of this host without a password.",
                ))
            }
        }
    }

    fn broke_off(&self, what: &str, why: &str) -> Error {
        let message = format!("the mail server at {} broke off at {what:?}: {why}", self.server);
        Error::new(Class::Unreachable, message)
            .hint("Its log says more. Is notify.smtp a mail server?")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::Notification;

    /// A byte now and then is no silence, and all the same no mail comes of it.
    #[test]
    fn a_server_that_dribbles_is_given_up() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap().to_string();
        let dribbles = std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            while socket.write_all(b"2").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let limits = Limits {
            connect: Duration::from_secs(5),
            request: Duration::from_secs(5),
            total: Duration::from_millis(300),
            attempts: 1,
        };
        let message = Notification::trial();
        let letter = Letter { from: None, to: &["a@b".to_owned()], message: &message };
        let error = send(&server, &letter, &limits).unwrap_err().to_string();
        assert!(error.contains("broke off at \"its greeting\": no answer in time"), "{error}");
        dribbles.join().unwrap();
    }

    #[test]
    fn no_line_of_a_mail_ends_it() {
        assert_eq!([".", "..", "a.", ""].map(stuffed), ["..", "...", "a.", ""]);
    }
}
