//! How much of an append-only file makes whole commands.
//!
//! The server writes at its end while it is read. A command that was cut off would make the restored server
//! refuse the file, and half a transaction would be worse.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

/// No line of an AOF's protocol is longer: a letter and a number, or a `#TS:` annotation.
const LONGEST_LINE: u64 = 1024;
/// The longest of the names that matter here.
const LONGEST_NAME: u64 = 5;

/// How many bytes of an AOF make whole commands, from `start` up to `length`; a transaction counts when it
/// is whole. A server writes at the end while we read, so the last command may be cut off. An error of the kind
/// `InvalidData` when there is something else than commands.
pub(super) fn whole_commands(file: impl Read + Seek, start: u64, length: u64) -> io::Result<u64> {
    let mut commands = Commands { reader: BufReader::new(file), at: start, length };
    commands.reader.seek(SeekFrom::Start(start))?;
    let (mut whole, mut in_transaction) = (start, false);
    while let Some(command) = commands.next()? {
        match command {
            Command::Multi => in_transaction = true,
            Command::Exec => in_transaction = false,
            Command::Other => {}
        }
        if !in_transaction {
            whole = commands.at;
        }
    }
    Ok(whole)
}

enum Command {
    Multi,
    Exec,
    Other,
}

struct Commands<R> {
    reader: BufReader<R>,
    at: u64,
    length: u64,
}

impl<R: Read + Seek> Commands<R> {
    /// Steps over one command; `None` where it is cut off.
    fn next(&mut self) -> io::Result<Option<Command>> {
        let Some(line) = self.line()? else { return Ok(None) };
        // `aof-timestamp-enabled`: when the commands behind it were run.
        if line.starts_with('#') {
            return Ok(Some(Command::Other));
        }
        let count = number(&line, '*')?;
        let mut command = Command::Other;
        for argument in 0..count {
            let Some(line) = self.line()? else { return Ok(None) };
            let length = number(&line, '$')?;
            if self.length - self.at < length.saturating_add(2) {
                return Ok(None);
            }
            if argument == 0 && length <= LONGEST_NAME {
                command = self.name(length)?;
            } else {
                self.skip(length)?;
            }
            self.skip(2)?;
        }
        Ok(Some(command))
    }

    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        let limit = LONGEST_LINE.min(self.length - self.at);
        let read = self.reader.by_ref().take(limit).read_line(&mut line)?;
        self.at += read as u64;
        match line.strip_suffix("\r\n") {
            Some(text) => Ok(Some(text.to_owned())),
            None if read as u64 == LONGEST_LINE => Err(io::ErrorKind::InvalidData.into()),
            None => Ok(None),
        }
    }

    fn name(&mut self, length: u64) -> io::Result<Command> {
        let mut name = String::new();
        self.reader.by_ref().take(length).read_to_string(&mut name)?;
        self.at += length;
        Ok(match name.to_ascii_uppercase().as_str() {
            "MULTI" => Command::Multi,
            "EXEC" => Command::Exec,
            _ => Command::Other,
        })
    }

    fn skip(&mut self, length: u64) -> io::Result<()> {
        self.at += length;
        let length = i64::try_from(length).map_err(|_| io::ErrorKind::InvalidData)?;
        self.reader.seek_relative(length)
    }
}

fn number(line: &str, letter: char) -> io::Result<u64> {
    let number = line.strip_prefix(letter).and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn encoded(words: &[&str]) -> String {
        let words = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
        format!("*{}\r\n{}", words.len(), words.collect::<String>())
    }

    fn whole(text: &str, start: u64) -> io::Result<u64> {
        whole_commands(Cursor::new(text), start, text.len() as u64)
    }

    #[test]
    fn wherever_it_is_cut_whole_commands_are_left() {
        let commands = [
            encoded(&["SELECT", "0"]),
            "#TS:1628217470\r\n".to_owned(),
            encoded(&["SET", "key", "a value\r\n*1\r\n"]),
            [encoded(&["MULTI"]), encoded(&["INCR", "a"]), encoded(&["exec"])].concat(),
            encoded(&["DEL", ""]),
        ];
        let text = commands.concat();
        let ends: Vec<usize> = commands
            .iter()
            .scan(0, |at, command| {
                *at += command.len();
                Some(*at)
            })
            .collect();
        for length in 0..=text.len() {
            let expected = ends.iter().rfind(|end| **end <= length).copied().unwrap_or(0);
            assert_eq!(whole(&text[..length], 0).unwrap(), expected as u64, "of {length}");
        }
        let behind = format!("preamble{text}");
        assert_eq!(whole(&behind, 8).unwrap(), behind.len() as u64);
    }

    #[test]
    fn something_else_is_no_aof() {
        for text in ["REDIS0010", "*1\r\n+OK\r\n", "*x\r\n", &"*".repeat(5000)] {
            let found = whole(&format!("{text}\r\n"), 0);
            assert_eq!(found.unwrap_err().kind(), io::ErrorKind::InvalidData, "{text}");
        }
    }
}
