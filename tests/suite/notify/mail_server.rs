//! What speaks SMTP on loopback, keeps what it is given, and refuses whom it is told to. The packages' test has postfix and exim.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::Mutex;

use super::loopback::Loopback;

#[derive(Default)]
struct Mailbox {
    mails: Vec<Mail>,
    refused: String,
}

/// As it came over the wire, dots and line ends included.
pub struct Mail {
    pub envelope: Vec<String>,
    pub text: String,
}

pub struct MailServer(Loopback<Mailbox>);

impl MailServer {
    pub fn start() -> MailServer {
        MailServer(Loopback::start(converse))
    }

    pub fn address(&self) -> String {
        self.0.address.to_string()
    }

    /// A command that has this in it is refused from now on.
    pub fn refuse(&self, what: &str) {
        what.clone_into(&mut self.0.state().refused);
    }

    /// What came since this was asked last.
    pub fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut self.0.state().mails)
    }
}

fn converse(stream: &TcpStream, state: &Mutex<Mailbox>) -> std::io::Result<()> {
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    write!(writer, "220-mail.example.org ESMTP\r\n220 at your service\r\n")?;
    let mut envelope = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end().to_owned();
        let refused = state.lock().unwrap().refused.clone();
        let answer = match line.split([' ', ':']).next().unwrap_or_default() {
            _ if !refused.is_empty() && line.contains(&refused) => "550-No\r\n550 not here",
            "EHLO" => "250-mail.example.org\r\n250-PIPELINING\r\n250 8BITMIME",
            "QUIT" => return Ok(()),
            "DATA" => {
                write!(writer, "354 go on\r\n")?;
                let mut text = String::new();
                while !text.ends_with("\r\n.\r\n") && reader.read_line(&mut text)? > 0 {}
                let envelope = std::mem::take(&mut envelope);
                state.lock().unwrap().mails.push(Mail { envelope, text });
                "250 queued"
            }
            _ => "250 fine",
        };
        if answer == "250 fine" {
            envelope.push(line);
        }
        write!(writer, "{answer}\r\n")?;
    }
}
