//! `postmaster.pid`, the lock file in which a server says of itself in its data directory which process it is, where it
//! listens and how it does (`pidfile.h` and `miscinit.c`).
//!
//! A server that starts has not written all of its lines yet, and one that was killed leaves the file.

/// Its name in the data directory.
pub const PID_FILE: &str = "postmaster.pid";

/// Its lines. One that is not there yet is an empty text, or `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PidFile {
    /// 0 where it names none.
    pub process: i64,
    /// Seconds since 1970.
    pub started: Option<i64>,
    pub port: String,
    socket_folder: String,
    /// The first of `listen_addresses`.
    address: String,
    /// Key and number of the server's shared memory of System V. Every server has a small piece, whatever
    /// `shared_memory_type` is.
    pub memory: Option<(u32, u32)>,
    status: String,
    /// Process, directory, start, port: no two runs of a server have the same.
    pub identity: String,
}

impl PidFile {
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let line = |number: usize| lines.get(number).copied().unwrap_or_default();
        let mut numbers = line(6).split_whitespace().map(number);
        let memory = || Some((numbers.next()??, numbers.next()??));
        Self {
            // A single-user server writes its number with a minus.
            process: line(0).parse::<i64>().unwrap_or_default().saturating_abs(),
            started: line(2).parse().ok(),
            port: line(3).to_owned(),
            socket_folder: line(4).to_owned(),
            address: line(5).to_owned(),
            memory: { memory }(),
            status: line(7).to_owned(),
            identity: lines.iter().take(4).copied().collect::<Vec<_>>().join("\n"),
        }
    }

    /// Where to reach it on its own host: the folder of its socket, or an address.
    pub fn host(&self) -> &str {
        match (self.socket_folder.as_str(), self.address.as_str()) {
            ("", "" | "*") => "localhost",
            ("", address) => address,
            (folder, _) => folder,
        }
    }

    /// Whether it takes connections, be it for reading only.
    pub fn is_ready(&self) -> bool {
        self.status == "ready"
    }

    /// Whether it is going down. Before it does, it waits for its archiver.
    pub fn is_stopping(&self) -> bool {
        self.status == "stopping"
    }
}

/// A key is a number with a sign, which is written as a long one without.
fn number(text: &str) -> Option<u32> {
    let signed = || text.parse::<i64>().ok().map(i64::cast_unsigned);
    Some((text.parse::<u64>().ok().or_else(signed)? & 0xFFFF_FFFF) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(socket_folder: &str, address: &str, memory: &str, status: &str) -> PidFile {
        let text = format!(
            "812\n/data\n1732307400\n6001\n{socket_folder}\n{address}\n{memory}\n{status}\n"
        );
        PidFile::parse(text.as_bytes())
    }

    #[test]
    fn it_tells_where_the_server_is_and_how_it_does() {
        let file = of("/run", "*", " 10018160  10813441", "ready   ");
        assert_eq!((file.process, file.started), (812, Some(1_732_307_400)));
        assert_eq!((file.port.as_str(), file.host()), ("6001", "/run"));
        assert_eq!(file.memory, Some((10_018_160, 10_813_441)));
        assert_eq!(file.identity, "812\n/data\n1732307400\n6001");
        assert!(file.is_ready() && !file.is_stopping());
        assert!(of("/run", "*", "", "stopping").is_stopping());
        assert_eq!(of("", "*", "", "").host(), "localhost");
        assert_eq!(of("", "127.0.0.1", "", "").host(), "127.0.0.1");
        assert_eq!(of("", "", "18446744072414584320 7", "").memory, Some((3_000_000_000, 7)));
    }

    #[test]
    fn what_is_not_written_yet_is_not_there() {
        for text in ["", "what?\n", "0\n"] {
            let file = PidFile::parse(text.as_bytes());
            assert_eq!((file.process, file.started, file.memory), (0, None, None));
            assert!(file.port.is_empty() && !file.is_ready());
        }
        assert_eq!(PidFile::parse(b"-17\n/data\n").process, 17);
    }
}
