//! The library against real Redis and Valkey servers: taking their data, and laying them down so that a server
//! really loads them.

pub mod access;
mod faults;
mod files;
mod restore;
mod tls;

use std::io::Read;
use std::path::Path;

use seawall::config::RedisConfig;
use seawall::error::Result;
use seawall::redis_backup::server_files::ServerFile;
use seawall::redis_backup::{
    Received, RedisTarget, RestoredRedisFiles, ServerConnection, Snapshot, TargetOverrides,
};

use crate::support::redis::{LIMITS, Program, RedisServer};

/// All data over the connection.
fn snapshot(config: &RedisConfig) -> Result<(Vec<u8>, Received)> {
    let mut bytes = Vec::new();
    let mut sink = |more: &[u8]| {
        bytes.extend_from_slice(more);
        Ok(())
    };
    let received = Snapshot::begin(config, &LIMITS, &mut |_| {})?.read(&mut sink, &mut |_| {})?;
    Ok((bytes, received))
}

#[track_caller]
fn connect(server: &RedisServer) -> ServerConnection {
    ServerConnection::connect(&server.config(), &LIMITS).unwrap_or_else(|error| panic!("{error}"))
}

fn target(folder: &Path, appendonly: bool, program: &Program) -> RedisTarget {
    let overrides = TargetOverrides {
        dir: Some(folder.to_owned()),
        appendonly: Some(appendonly),
        version: Some(format!("{}.{}", program.version.0, program.version.1)),
        dbfilename: None,
        likely: None,
    };
    RedisTarget::read(None, &overrides).unwrap()
}

fn lay_rdb(target: &RedisTarget, rdb: &[u8]) -> Result<RestoredRedisFiles> {
    let mut laying = target.begin()?;
    laying.begin_rdb()?;
    rdb.chunks(100_000).try_for_each(|piece| laying.write(piece))?;
    laying.finish()
}

/// A file of a server, read into memory.
type Content = (String, Vec<u8>);

#[track_caller]
fn read(file: ServerFile) -> Content {
    let mut bytes = Vec::new();
    let ServerFile { name, length, mut reader } = file;
    reader.read_to_end(&mut bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(bytes.len() as u64, length, "{name}");
    (name, bytes)
}

fn lay_set(target: &RedisTarget, files: &[Content]) -> Result<RestoredRedisFiles> {
    let mut laying = target.begin()?;
    for (name, bytes) in files {
        laying.begin_file(name)?;
        laying.write(bytes)?;
    }
    laying.finish()
}
