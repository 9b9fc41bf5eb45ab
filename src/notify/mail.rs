//! Mail, handed to the `sendmail` that a host has (postfix, exim, msmtp, dma): it knows where mail goes.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

use super::Notification;
use crate::error::{Class, Error, Result};

/// It only puts it into a queue.
const LIMIT: Duration = Duration::from_secs(60);

/// The longest line that every mail server takes is of 998 bytes.
const LINE: usize = 900;

/// A mail, and for whom.
pub(super) struct Letter<'a> {
    /// `None` where the mail program knows.
    pub from: Option<String>,
    pub to: &'a [String],
    pub message: &'a Notification,
}

pub(super) fn send(program: &Path, letter: &Letter<'_>) -> Result<()> {
    let failed = |what: &str| {
        let hint = if is_confined() {
            "Its unit keeps it from changing its user or group (NoNewPrivileges), as the sendmail of postfix, exim and dma does. Where a \
             mail server listens on this host, set notify.smtp = \"127.0.0.1:25\" in its place; docs/notify.md says more."
        } else {
            "Is a mail program with a sendmail installed (postfix, exim, msmtp-mta)? notify.sendmail names another one, and \
             notify.smtp a mail server."
        };
        Error::new(Class::LocalFile, format!("{} {what}", program.display())).hint(hint)
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
        let _ = input.write_all(letter.text().as_bytes());
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

/// Whether a program that is set-uid or set-gid stays what its caller is.
fn is_confined() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .any(|line| line.strip_prefix("NoNewPrivs:").is_some_and(|value| value.trim() == "1"))
}

impl Letter<'_> {
    /// With all that a mail server may not add by itself.
    pub(super) fn text(&self) -> String {
        let (host, now) = (host_name(), Timestamp::now());
        let subject = ascii(&format!("{host}: {}", self.message.title));
        let subject: String = subject.chars().take(200).collect();
        let date = rfc2822::to_string(&now.to_zoned(TimeZone::UTC)).unwrap_or_default();
        let id = format!("{}.{}@{}", now.as_nanosecond(), std::process::id(), host_of_addresses());
        let from = self.from.as_ref().map_or(String::new(), |from| format!("From: {from}\n"));
        let text = self.message.text();
        let lines: String = text.lines().flat_map(folded).map(|line| format!("{line}\n")).collect();
        format!(
            "To: {}\nSubject: {subject}\n{from}Date: {date}\nMessage-ID: <{id}>\nAuto-Submitted: auto-generated\n\
             MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{lines}",
            self.to.join(", "),
        )
    }
}

/// A line in pieces that are short enough, between words where it has any.
fn folded(line: &str) -> Vec<&str> {
    let (mut rest, mut pieces) = (line, Vec::new());
    while rest.len() > LINE {
        let end = rest.floor_char_boundary(LINE);
        let (end, next) =
            rest[..end].rfind(' ').filter(|at| *at > 0).map_or((end, end), |at| (at, at + 1));
        pieces.push(&rest[..end]);
        rest = &rest[next..];
    }
    pieces.push(rest);
    pieces
}

/// What may stand behind an `@`.
pub(super) fn host_of_addresses() -> String {
    host_name().chars().filter(|c| c.is_ascii_alphanumeric() || ".-".contains(*c)).collect()
}

/// Headers hold nothing else, and no end of a line.
pub(super) fn ascii(text: &str) -> String {
    text.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect()
}

pub(super) fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    Some(name.trim()).filter(|it| !it.is_empty()).unwrap_or("this host").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_folded_between_words() {
        assert_eq!(folded(""), [""]);
        let words = vec!["word"; 400].join(" ");
        let pieces = folded(&words);
        assert!(pieces.len() == 3 && pieces.iter().all(|it| it.len() <= LINE), "{pieces:?}");
        assert_eq!(pieces.join(" "), words);
        let one = "ä".repeat(1000);
        let pieces = folded(&one);
        assert!(pieces.iter().all(|it| it.len() <= LINE) && pieces.concat() == one, "{pieces:?}");
    }
}
