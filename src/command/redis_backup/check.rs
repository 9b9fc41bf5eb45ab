//! Whether a backup is what a server would load: read whole, and shown to Redis' own programs where they are
//! installed.

use std::io::BufRead;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::backup::{ObjectSource, damaged};
use crate::codec::read_failed;
use crate::durable::LaidFile;
use crate::error::{Error, Result};
use crate::redis_backup::{Product, RdbCheck};
use crate::redis_backup::{RedisContent, RedisDescription};

/// What it says about data of a server that is newer than itself.
const NEWER: [&str; 2] = ["Can't handle RDB format version", "Wrong signature"];

/// Redis' own program, where it is installed, and what it gets to read.
struct CheckProgram {
    program: PathBuf,
    folder: TempDir,
}

pub fn check(
    description: &RedisDescription,
    source: &ObjectSource<'_>,
    progress: &dyn Fn(u64),
) -> Result<()> {
    let tool = CheckProgram::find(description.product, description.content)?;
    for file in &description.files {
        let path = tool.as_ref().map(|tool| tool.folder.path().join(&file.name));
        source.plain(&file.stored, &|_| {}, &mut |plain| {
            let mut copy = path.clone().map(|path| LaidFile::create(path, 0o600)).transpose()?;
            let mut check = (description.content == RedisContent::Rdb).then(RdbCheck::new);
            each_piece(plain, &mut |bytes| {
                copy.as_mut().map_or(Ok(()), |copy| copy.write(bytes))?;
                check.as_mut().map_or(Ok(()), |check| check.write(bytes))
            })?;
            check.map_or(Ok(()), |check| check.finish().map(drop))
        })?;
        progress(file.stored.stored_size);
    }
    match (tool, description.files.last()) {
        (Some(tool), Some(last)) => tool.run(&last.name),
        _ => Ok(()),
    }
}

fn each_piece(plain: &mut dyn BufRead, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
    loop {
        let bytes = plain.fill_buf().map_err(|error| read_failed(&error))?;
        if bytes.is_empty() {
            return Ok(());
        }
        take(bytes)?;
        let length = bytes.len();
        plain.consume(length);
    }
}

impl CheckProgram {
    /// The one of the same product.
    fn find(product: Product, content: RedisContent) -> Result<Option<Self>> {
        let product = product.to_string().to_lowercase();
        let name = match content {
            RedisContent::Rdb => format!("{product}-check-rdb"),
            RedisContent::AppendOnly => format!("{product}-check-aof"),
        };
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let mut programs = std::env::split_paths(&folders).map(|folder| folder.join(&name));
        let Some(program) = programs.find(|program| program.is_file()) else {
            return Ok(None);
        };
        let folder = TempDir::with_prefix("seawall-check-");
        let folder =
            folder.map_err(|error| Error::file("create", &std::env::temp_dir(), &error))?;
        Ok(Some(Self { program, folder }))
    }

    fn run(&self, file: &str) -> Result<()> {
        let output = Command::new(&self.program)
            .arg(self.folder.path().join(file))
            .stdin(Stdio::null())
            .output()
            .map_err(|error| Error::file("run", &self.program, &error))?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stdout);
        if NEWER.iter().any(|words| text.contains(words)) {
            let program = self.program.display();
            tracing::info!(%program, "is older than the server was, and can't judge its data");
            return Ok(());
        }
        let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        let program = self.program.display();
        Err(damaged(format!(
            "{program} does not accept it, and ended with {}: {last}",
            output.status
        )))
    }
}
