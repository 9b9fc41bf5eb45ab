//! Base backups that PostgreSQL's own program took.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use tar::{Archive, Builder, Header};

use crate::support::place::Place;
use crate::support::postgres::Server;

/// A base backup with one tablespace, with the WAL it needs inside.
#[derive(Clone)]
pub struct Backup {
    pub version: u32,
    pub system_identifier: u64,
    /// `PG_VERSION_NUM`
    pub version_number: u32,
    pub tablespace: (u32, String),
    /// Tar archives, as they go into parts: of which tablespace, and the bytes.
    pub parts: Vec<(Option<u32>, Vec<u8>)>,
    pub manifest: Vec<u8>,
    /// What [`Server::contents`] gave.
    pub contents: String,
}

/// The backup of a cluster of this version. The first caller waits for a server, all others share it.
#[track_caller]
pub fn backup(version: u32) -> Arc<Backup> {
    type Once = Arc<OnceLock<Arc<Backup>>>;
    static ALL: LazyLock<Mutex<HashMap<u32, Once>>> = LazyLock::new(Mutex::default);
    let all = ALL.lock().expect("no panic under the lock").entry(version).or_default().clone();
    all.get_or_init(|| Arc::new(Backup::take(version, &["--manifest-checksums=CRC32C"]))).clone()
}

impl Backup {
    /// Starts a server, and takes a backup of it with these further words.
    pub fn take(version: u32, words: &[&str]) -> Backup {
        let place = Place::with_odd_name();
        let builder = Server::builder(&place).version(version).segment_mib(1);
        let mut server = builder.setting("wal_keep_size", "64MB").init();
        server.start();
        let location = place.folder("table space");
        fill(&server, location.to_str().expect("plain"));
        let contents = server.contents();
        let taken = place.join("taken");
        let run = server.tool("pg_basebackup").args(["-Ft", "-Xfetch", "--checkpoint=fast", "-D"]);
        run.arg(&taken).args(words).run().expect(0);
        let oid: u32 = number(&server, "select oid from pg_tablespace where spcname = 'elsewhere'");
        let read =
            |name: &str| fs::read(taken.join(name)).unwrap_or_else(|it| panic!("{name}: {it}"));
        let of_tablespace = (Some(oid), read(&format!("{oid}.tar")));
        let base = pieces(&read("base.tar"), 3).into_iter().map(|archive| (None, archive));
        Backup {
            version,
            system_identifier: server.system_identifier(),
            version_number: number(&server, "show server_version_num"),
            tablespace: (oid, location.display().to_string()),
            parts: std::iter::once(of_tablespace).chain(base).collect(),
            manifest: if words.contains(&"--no-manifest") {
                Vec::new()
            } else {
                read("backup_manifest")
            },
            contents,
        }
    }

    /// Changes the manifest and gives it its checksum.
    pub fn edit_manifest(&mut self, edit: impl FnOnce(String) -> String) {
        let text = String::from_utf8(std::mem::take(&mut self.manifest)).expect("plain paths");
        let (lines, _) = text.split_once("\"Manifest-Checksum\"").expect("it has one");
        let lines = edit(lines.to_owned());
        let sum = super::stored::sha256(lines.as_bytes());
        self.manifest = format!("{lines}\"Manifest-Checksum\": \"{sum}\"}}\n").into_bytes();
    }

    /// Writes one of its archives anew: what becomes of each entry is up to `edit`, which may leave it out.
    pub fn edit_part(&mut self, part: usize, edit: impl Fn(&mut Header, &mut Vec<u8>) -> bool) {
        let mut builder = Builder::new(Vec::new());
        for (mut header, mut content) in entries(&self.parts[part].1) {
            if edit(&mut header, &mut content) {
                header.set_size(content.len() as u64);
                header.set_cksum();
                builder.append(&header, &content[..]).expect("in memory");
            }
        }
        self.parts[part].1 = builder.into_inner().expect("in memory");
    }

    /// Cuts the archive of the data directory in three: the middle one holds the files of a folder.
    pub fn cut_around(&mut self, folder: &str) {
        let all: Vec<_> =
            self.parts.drain(1..).flat_map(|(_, archive)| entries(&archive)).collect();
        let inside = |(header, _): &&(Header, Vec<u8>)| {
            header.entry_type().is_file() && header.path_bytes().starts_with(folder.as_bytes())
        };
        let start = all.iter().position(|entry| inside(&entry)).expect("there is one");
        let end = start + all[start..].iter().take_while(inside).count();
        for piece in [&all[..start], &all[start..end], &all[end..]] {
            self.parts.push((None, archive(piece)));
        }
    }

    /// The number of the part that holds a file of the data directory.
    pub fn part_with(&self, path: &str) -> usize {
        let holds = |archive: &[u8]| {
            entries(archive).iter().any(|(header, _)| header.path_bytes() == path.as_bytes())
        };
        self.parts.iter().position(|(_, archive)| holds(archive)).expect("some part has it")
    }
}

/// Tables in both places, some with odd content.
fn fill(server: &Server, location: &str) {
    server.sql(&format!("create tablespace elsewhere location '{location}'"));
    server.sql("create table here as select g, md5(g::text) from generate_series(1, 20000) g");
    server.sql("create table there tablespace elsewhere as select * from here");
    server.sql("create unlogged table unlogged as select * from here");
    server.sql("create table empty (a int) tablespace elsewhere");
    server.sql("select lo_from_bytea(0, 'large object')");
    server.sql("create database other tablespace elsewhere");
}

#[track_caller]
fn number(server: &Server, query: &str) -> u32 {
    server.sql(query).parse().expect("a number")
}

/// The entries of an archive, with their content.
pub fn entries(archive: &[u8]) -> Vec<(Header, Vec<u8>)> {
    let mut archive = Archive::new(archive);
    let entries = archive.entries().expect("in memory").raw(true);
    let read = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
        let mut entry = entry.expect("a whole archive");
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).expect("in memory");
        (entry.header().clone(), content)
    };
    entries.map(read).collect()
}

/// The archive as several, with about as many entries each.
fn pieces(archive: &[u8], count: usize) -> Vec<Vec<u8>> {
    let entries = entries(archive);
    entries.chunks(entries.len().div_ceil(count)).map(self::archive).collect()
}

fn archive(entries: &[(Header, Vec<u8>)]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (header, content) in entries {
        builder.append(header, &content[..]).expect("in memory");
    }
    builder.into_inner().expect("in memory")
}

/// As a manifest writes it.
pub fn crc32c(content: &[u8]) -> String {
    crate::support::crc32c(content).to_le_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A path in the place that nothing is at yet, in a folder that is.
pub fn new_folder(place: &Place) -> PathBuf {
    place.folder("restored").join(place.next_number().to_string())
}
