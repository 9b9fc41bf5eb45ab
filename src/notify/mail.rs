//! Mail, handed to the `sendmail` that a host has (postfix, exim, msmtp, dma): it knows where mail goes.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::message::Message;
use crate::error::{Class, Error, Result};

/// It only puts it into a queue.
const LIMIT: Duration = Duration::from_secs(60);

pub fn send(program: &Path, to: &[String], message: &Message) -> Result<()> {
    let failed = |what: &str| {
        Error::new(Class::LocalFile, format!("{} {what}", program.display())).hint(
            "Is a mail program with a sendmail installed (postfix, msmtp-mta, dma)? notify.sendmail names another one. Units of a \
             package are confined: docs/notify.md says what mail needs.",
        )
    };
    let mut child = Command::new(program)
        .args(["-i", "-t"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|error| failed(&format!("could not be run: {error}")))?;
    if let Some(mut input) = child.stdin.take() {
        // Why it does not read shows in its exit status.
        let _ = input.write_all(text(to, message).as_bytes());
    }
    match waited(&mut child) {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(failed(&format!("ended with {status}"))),
        None => Err(failed("did not end in time")),
    }
}

fn waited(child: &mut Child) -> Option<std::process::ExitStatus> {
    let until = Instant::now() + LIMIT;
    while Instant::now() < until {
        if let Some(status) = child.try_wait().ok()? {
            return Some(status);
        }
        sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

fn text(to: &[String], message: &Message) -> String {
    let subject = ascii(&format!("{}: {}", host_name(), message.title));
    let subject: String = subject.chars().take(200).collect();
    format!(
        "To: {}\nSubject: {subject}\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{}",
        to.join(", "),
        message.text()
    )
}

/// Headers hold nothing else, and no end of a line.
pub fn ascii(text: &str) -> String {
    text.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect()
}

pub fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    Some(name.trim()).filter(|it| !it.is_empty()).unwrap_or("this host").to_owned()
}
