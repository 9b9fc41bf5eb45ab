//! What `verify` reads of backups of a Redis: all objects of each copy, several copies at the same time. The data are shown to
//! Redis' own programs, too, where these are installed.

use std::collections::BTreeSet;
use std::io::BufRead;
use std::path::PathBuf;
use std::process::{self, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use std::sync::{Mutex, PoisonError};
use tempfile::TempDir;

use crate::backup::{Described as _, FaultyCopy, ObjectSource, ReadTotals, VerifyReport, damaged};
use crate::cli::text::{count, size};
use crate::codec::read_failed;
use crate::command::backups::Presented as _;
use crate::command::backups::verify::{Verifies, VerifyJob};
use crate::config::Config;
use crate::durable::LaidFile;
use crate::error::{Class, Error, Result};
use crate::history::RecordSubject;
use crate::redis_backup::{Product, RdbCheck, RedisContent, RedisDescription};
use crate::threads::{in_threads, lock};

impl Verifies for RedisDescription {
    const VERIFY_HELP: [&'static str; 3] = [
        "Reads every byte of each Redis backup, in every repository",
        "Reads every byte of each Redis backup, in every repository

It compares what is stored with the checksums of the description, and reads the data as Redis would. Where redis-check-rdb or
redis-check-aof is installed, that program reads the data as well. Each fault is a line.",
        "Exit status 5: something is damaged or missing. A repository that does not answer is a separate error.",
    ];

    fn verified(config: &Config, (): ()) -> RecordSubject {
        Self::subject(config)
    }

    fn read_chosen(job: &VerifyJob<'_, Self>) -> VerifyReport {
        let copies = CopyToRead::of(job);
        let found = Mutex::<CopiesRead>::default();
        let of: u64 = copies.iter().map(|it| it.stored_size).sum();
        let done = AtomicU64::new(0);
        let progress = |bytes| job.bar.at(done.fetch_add(bytes, Ordering::Relaxed) + bytes, of);
        if !job.quick {
            in_threads(job.seen.config.basebackup.parallel, &copies, |copy| {
                copy.read(job, &progress, &found);
            });
        }
        let CopiesRead { faulty, unknown, mut report } =
            found.into_inner().unwrap_or_else(PoisonError::into_inner);
        report.quick = job.quick;
        report.read.backups = job.chosen.len() as u64;
        report.read.objects = copies.iter().map(|it| it.objects).sum();
        report.read.object_bytes = of;
        let misfits = job.misfits().map(|(copy, found)| FaultyCopy { copy, found });
        let faulty = misfits.chain(faulty).collect();
        let catalogue = job.seen.catalogue();
        report.add_copies(job.seen.repositories, catalogue, &job.chosen, faulty, &unknown);
        report.faults.extend(job.broken());
        let failures = catalogue.failures.iter().map(|failure| failure.error.clone());
        report.errors = failures.chain(report.errors).collect();
        report
    }

    fn read_words(read: &ReadTotals, quick: bool) -> String {
        let (backups, objects) =
            (count(read.backups, "Redis backup"), count(read.objects, "object"));
        match quick {
            true => format!("{backups} with {objects}"),
            false => format!("{backups} with {objects} ({})", size(read.object_bytes)),
        }
    }
}

/// A backup in one repository, the names and sizes of whose objects are as they should be.
struct CopyToRead {
    /// Its place among the chosen ones, and the repository.
    copy: (usize, usize),
    id: String,
    prefix: String,
    description: RedisDescription,
    objects: u64,
    /// Length of its objects in bytes.
    stored_size: u64,
}

/// What all threads found.
#[derive(Default)]
struct CopiesRead {
    faulty: Vec<FaultyCopy>,
    /// Copies of which nothing can be said.
    unknown: BTreeSet<(usize, usize)>,
    report: VerifyReport,
}

impl CopyToRead {
    fn of(job: &VerifyJob<'_, RedisDescription>) -> Vec<Self> {
        let catalogue = job.seen.catalogue();
        let mut copies = Vec::new();
        for (at, backup) in job.chosen.iter().enumerate() {
            for copy in backup.copies.iter().filter(|copy| copy.fault.is_none()) {
                let repository = &job.seen.repositories[copy.repository];
                // Who can't be asked twice is among the failures of the first time.
                let contents = catalogue.contents(&backup.id, repository).ok().flatten();
                copies.extend(contents.map(|contents| Self {
                    copy: (at, copy.repository),
                    id: backup.id.clone(),
                    prefix: catalogue.folder(&backup.id).key(""),
                    objects: contents.description.objects().count() as u64,
                    stored_size: contents.description.objects().map(|it| it.stored_size).sum(),
                    description: contents.description,
                }));
            }
        }
        copies
    }

    fn read(
        &self,
        job: &VerifyJob<'_, RedisDescription>,
        progress: &dyn Fn(u64),
        found: &Mutex<CopiesRead>,
    ) {
        let (repository, encrypted) =
            (&job.seen.repositories[self.copy.1], self.description.encrypted());
        let source = ObjectSource {
            storage: repository.storage(),
            prefix: &self.prefix,
            encrypted,
            identities: job.identities,
            attempts: job.seen.config.limits.attempts,
        };
        let (id, name) = (&self.id, repository.name());
        let outcome = if encrypted && job.identities.is_empty() {
            let report = &mut lock(found).report;
            report.locked = true;
            report.remarks.push(format!(
                "Redis backup {id} in repository {name} is encrypted and there is no identity file: only lengths and \
                 SHA-256 were checked, not what is inside"
            ));
            self.stored(&source, progress)
        } else {
            check(&self.description, &source, progress)
        };
        let Err(error) = outcome else { return };
        // It counts as pruned.
        if job.is_gone((), id, self.copy.1) {
            return;
        }
        let mut found = lock(found);
        if matches!(error.class(), Class::Damaged | Class::Input) {
            let (copy, found_there) = (self.copy, error.to_string());
            found.faulty.push(FaultyCopy { copy, found: found_there });
        } else {
            found.unknown.insert(self.copy);
            let doing = format!("could not verify all of repository {name}");
            found.report.errors.push(error.while_doing(doing));
        }
    }

    fn stored(&self, source: &ObjectSource<'_>, progress: &dyn Fn(u64)) -> Result<()> {
        self.description.objects().try_for_each(|object| source.stored(object, progress))
    }
}

/// What it says about data of a server that is newer than itself.
const NEWER: [&str; 2] = ["Can't handle RDB format version", "Wrong signature"];

/// Redis' own program, where it is installed, and what it gets to read.
struct CheckProgram {
    program: PathBuf,
    folder: TempDir,
}

fn check(
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
        let output = process::Command::new(&self.program)
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
