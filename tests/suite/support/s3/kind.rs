//! The programs, and how each is started.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{ACCESS_KEY, SECRET_KEY};
use crate::support::installed;

/// Which S3 server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    S3sFs,
    Moto,
    Rclone,
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::S3sFs, Kind::Moto, Kind::Rclone];

    /// Whether its objects are files that a test can look at and damage.
    pub fn keeps_files(self) -> bool {
        self != Kind::Moto
    }

    pub(super) fn program(self) -> PathBuf {
        installed::program(match self {
            Kind::S3sFs => "SEAWALL_S3S_FS",
            Kind::Moto => "SEAWALL_MOTO_SERVER",
            Kind::Rclone => "SEAWALL_RCLONE",
        })
    }

    /// rclone is told to forget folder listings soon, so that it sees what tests do to the files. (At
    /// `0s` it spends seconds on forgetting as soon as a few folders lie side by side.)
    pub(super) fn arguments(self, port: u16, folder: &Path) -> Vec<OsString> {
        let port = port.to_string();
        let address = format!("127.0.0.1:{port}");
        let key = format!("{ACCESS_KEY},{SECRET_KEY}");
        let words: Vec<&str> = match self {
            Kind::S3sFs => {
                let keys = ["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY];
                [&["--host", "127.0.0.1", "--port", &port], &keys[..]].concat()
            }
            Kind::Moto => vec!["-H", "127.0.0.1", "-p", &port],
            Kind::Rclone => {
                let quiet = ["--config", "/dev/null", "--dir-cache-time", "10ms"];
                [&["serve", "s3", "--addr", &address, "--auth-key", &key], &quiet[..]].concat()
            }
        };
        let words = words.into_iter().map(OsString::from);
        words.chain(self.keeps_files().then(|| folder.into())).collect()
    }
}
