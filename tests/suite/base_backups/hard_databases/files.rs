//! Files of somebody's in the data directory.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::support::user::write_as_server_user;

/// Included by `postgresql.conf`; the setting in it has the name of the file as its value.
pub const GUC_FILE: &str = "it's 100% \"odd\" – ünïcödé.conf";

/// The third has the 99 bytes that a tar header holds; the last is no UTF-8.
const ODD_FILES: [&[u8]; 4] = [
    b" begins and ends with a space ",
    b"two\nlines \\ and %20 \x7f",
    &[b'n'; 99],
    b"latin-\xe4\xff.conf",
];

/// What such a file holds.
fn content(name: &[u8]) -> Vec<u8> {
    name.repeat(1000)
}

pub fn write_odd_files(data: &Path) {
    for name in ODD_FILES {
        write_as_server_user(&data.join(OsStr::from_bytes(name)), content(name));
    }
    let quoted = GUC_FILE.replace('\'', "''");
    write_as_server_user(&data.join(GUC_FILE), format!("seawall.odd = '{quoted}'\n"));
    let configuration = fs::File::options().append(true).open(data.join("postgresql.conf"));
    let written = configuration.and_then(|mut file| writeln!(file, "include '{quoted}'"));
    written.expect("postgresql.conf can be written");
}

#[track_caller]
pub fn has_odd_files(data: &Path) {
    for name in ODD_FILES {
        let found = fs::read(data.join(OsStr::from_bytes(name)));
        assert!(found.is_ok_and(|found| found == content(name)), "{}", name.escape_ascii());
    }
}
