use std::path::Path;

use super::Programs;
use crate::error::{Class, Error, Result};

/// What the control file demands of a server, as `pg_controldata` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Control {
    pub max_prepared_transactions: u32,
    pub max_locks_per_transaction: u32,
    /// Whether pages have checksums.
    pub checksums: bool,
}

impl Control {
    pub fn read(programs: &Programs, data: &Path) -> Result<Self> {
        let output = programs.command("pg_controldata").arg("-D").arg(data).output();
        let program = programs.folder().join("pg_controldata");
        let output = output.map_err(|error| Error::file("run", &program, &error))?;
        let text = String::from_utf8_lossy(&output.stdout);
        Self::parse(&text).ok_or_else(|| {
            let said = String::from_utf8_lossy(&output.stderr);
            let message = format!(
                "expected pg_controldata to show the control file of {data:?}, it said {:?}",
                said.trim()
            );
            Error::new(Class::Damaged, message)
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let number = |name: &str| -> Option<u32> {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            line.strip_prefix(':')?.trim().parse().ok()
        };
        Some(Self {
            max_prepared_transactions: number("max_prepared_xacts setting")?,
            max_locks_per_transaction: number("max_locks_per_xact setting")?,
            checksums: number("Data page checksum version")? > 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_lines_are_read() {
        let text = "pg_control version number:            1800\n\
                    max_prepared_xacts setting:           7\n\
                    max_locks_per_xact setting:           64\n\
                    Data page checksum version:           1\n";
        let expected = Control {
            max_prepared_transactions: 7,
            max_locks_per_transaction: 64,
            checksums: true,
        };
        assert_eq!(Control::parse(text), Some(expected));
        assert_eq!(Control::parse("pg_control version number: 1800\n"), None);
    }
}
