//! How the objects of a backup get into every repository, and how one learns what became of them.
//!
//! Here the stored bytes are made, a thread for each form, so an object is encrypted and hashed once, however many repositories
//! there are. `object_lane` stores them, a thread for each repository.

mod object_lane;

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::mpsc;
use std::thread;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{BackupFolder, Known, StoredObject, withdraw};
use crate::backup::description::hex;
use crate::codec::{FrameStream, Recipients, StreamOutput};
use crate::error::{Class, Error, Result};
use crate::repository::Repository;
use crate::threads::start_in;

pub use object_lane::{ObjectEnd, ObjectLane, ObjectMessage, create_once, taken};

/// So many pieces wait for each thread that takes them: enough that none idles, little enough that
/// memory stays bounded where a repository is slow.
const WAITING_MAX: usize = 8;

/// What stands behind the last byte of an object: its length before compression in bytes, and what its
/// maker wants to know of it again.
#[derive(Debug, Clone)]
pub struct End<M> {
    pub size: u64,
    pub mark: M,
}

/// An object that is durable in a repository.
#[derive(Debug, Clone)]
pub struct Sent<M> {
    pub stored: StoredObject,
    pub mark: M,
}

/// Takes finished frames and ends of objects; an error stops everything.
pub type Take<'a, M> = &'a mut dyn FnMut(StreamOutput<End<M>>) -> io::Result<()>;

/// Sends the objects of a backup through the compressor into every repository at once, without a copy
/// in between. One that fails is left out; the backup goes on as long as one is left.
pub struct Sending<'a> {
    pub repositories: &'a [Repository],
    pub folder: &'a BackupFolder,
    /// A repository that is not the one we knew takes nothing.
    pub known: &'a Known,
    /// The name of an object, by its number from 1 on and whether it is encrypted.
    pub name: &'a (dyn Fn(usize, bool) -> String + Sync),
    /// The greatest length of an object, about, in bytes.
    pub size_max: u64,
    /// zstd level.
    pub level: i32,
    /// How many threads compress.
    pub threads: NonZeroUsize,
}

/// Why a repository does not have a backup.
#[derive(Debug, Clone)]
pub struct CreateFailure {
    /// Its name.
    pub repository: String,
    pub error: Error,
}

impl CreateFailure {
    pub fn of(repository: &Repository, error: Error) -> Self {
        Self { repository: repository.name().to_owned(), error }
    }
}

/// What was made, and what became of its objects in each repository, in the order of the configuration.
pub type Outcomes<T, M> = (T, Vec<Result<Vec<Sent<M>>>>);

impl Sending<'_> {
    /// `make` puts plain bytes and ends of objects into the stream, and finishes it.
    pub fn run<M: Clone + Send, T>(
        &self,
        make: impl FnOnce(FrameStream<'_, End<M>>, Take<'_, M>) -> Result<T>,
    ) -> Result<Outcomes<T, M>> {
        thread::scope(|scope| {
            let (mut lanes, mut variants, mut inputs) = (Vec::new(), Vec::new(), Vec::new());
            for encrypted in [false, true] {
                let of_kind =
                    || self.repositories.iter().filter(move |it| it.encrypts() == encrypted);
                let mut senders = Vec::new();
                for repository in of_kind() {
                    let (sender, messages) = mpsc::sync_channel::<ObjectMessage<M>>(WAITING_MAX);
                    senders.push(sender);
                    let store = move || self.store(repository, messages);
                    lanes.push((repository.name(), start_in(scope, store)?));
                }
                let Some(recipients) = of_kind().map(Repository::recipients).next() else {
                    continue;
                };
                let (input, outputs) = mpsc::sync_channel::<StreamOutput<End<M>>>(WAITING_MAX);
                inputs.push(input);
                let form = Form { recipients, name: self.name, size_max: self.size_max };
                let variant = move || make_variant(outputs, &form, senders);
                variants.push(start_in(scope, variant)?);
            }
            let mut take = |output: StreamOutput<End<M>>| -> io::Result<()> {
                inputs.retain(|input| input.send(output.clone()).is_ok());
                if inputs.is_empty() {
                    Err(io::Error::other("every repository failed"))
                } else {
                    Ok(())
                }
            };
            let made = make(FrameStream::start(scope, self.level, self.threads), &mut take);
            drop(inputs);
            let written: Vec<Result<()>> =
                variants.into_iter().map(|it| it.join().unwrap_or_else(|_| Err(died()))).collect();
            let mut outcomes: Vec<(&str, Result<Vec<Sent<M>>>)> = Vec::new();
            for (name, lane) in lanes {
                outcomes.push((name, lane.join().unwrap_or_else(|_| Err(died()))));
            }
            // In the order of the configuration again.
            let place = |name: &str| self.repositories.iter().position(|it| it.name() == name);
            outcomes.sort_by_key(|(name, _)| place(name));
            let outcomes: Vec<_> = outcomes.into_iter().map(|(_, it)| it).collect();
            if outcomes.iter().all(Result::is_err) {
                // Why the rest failed is only an echo of it.
                return Err(outcomes.into_iter().find_map(Result::err).unwrap_or_else(died));
            }
            let made =
                made.and_then(|made| written.into_iter().collect::<Result<()>>().map(|()| made));
            match made {
                Ok(made) => Ok((made, outcomes)),
                Err(error) => {
                    self.withdraw_all(&outcomes);
                    Err(error)
                }
            }
        })
    }
}

impl Sending<'_> {
    /// The objects that are durable in one repository. One that fails is alone with that: what it stored is withdrawn, and
    /// the backup goes on in the others.
    fn store<M: Send>(
        &self,
        repository: &Repository,
        messages: mpsc::Receiver<ObjectMessage<M>>,
    ) -> Result<Vec<Sent<M>>> {
        let failpoints = ["create.part-begun", "create.part-stored"];
        let lane = ObjectLane { repository, folder: self.folder, what: "backup", failpoints };
        let known = self.known.check(repository, self.folder.all());
        let (stored, error) = match known {
            Ok(()) => lane.store(messages),
            Err(error) => (Vec::new(), Some(error)),
        };
        let Some(error) = error else { return Ok(stored) };
        let objects: Vec<&str> = stored.iter().map(|sent| sent.stored.object.as_str()).collect();
        withdraw(repository, self.folder, &objects);
        let name = repository.name();
        Err(error.while_doing(format!("could not store the backup in repository {name}")))
    }

    /// What was stored of a backup that comes to nothing. A repository that failed has seen to it already.
    fn withdraw_all<M>(&self, outcomes: &[Result<Vec<Sent<M>>>]) {
        for (repository, outcome) in self.repositories.iter().zip(outcomes) {
            let objects = outcome.iter().flatten().map(|sent| sent.stored.object.as_str());
            withdraw(repository, self.folder, &objects.collect::<Vec<_>>());
        }
    }
}

fn died() -> Error {
    Error::new(Class::Internal, "a thread of the backup died")
}

/// A form in which repositories store objects, and how these are called.
pub struct Form<'a> {
    /// None: in the clear.
    pub recipients: Option<&'a Recipients>,
    /// The name of an object, by its number from 1 on and whether it is encrypted.
    pub name: &'a (dyn Fn(usize, bool) -> String + Sync),
    /// The greatest length of an object, about, in bytes.
    pub size_max: u64,
}

/// Ends early when no repository is left; each says why itself.
pub fn make_variant<M: Clone>(
    outputs: mpsc::Receiver<StreamOutput<End<M>>>,
    form: &Form<'_>,
    lanes: Vec<mpsc::SyncSender<ObjectMessage<M>>>,
) -> Result<()> {
    let mut out = Hashed { lanes, hasher: Sha256::new(), length: 0 };
    let made = make_all(outputs, form, &mut out);
    if out.lanes.is_empty() { Ok(()) } else { made }
}

fn make_all<M: Clone>(
    outputs: mpsc::Receiver<StreamOutput<End<M>>>,
    form: &Form<'_>,
    out: &mut Hashed<M>,
) -> Result<()> {
    let mut outputs = outputs.into_iter().peekable();
    for number in 1.. {
        if outputs.peek().is_none() {
            break;
        }
        let object = (form.name)(number, form.recipients.is_some());
        out.begin(&object, form.size_max);
        let end = match form.recipients {
            None => copy_object(&mut outputs, &mut |frame| out.give(frame))?,
            Some(recipients) => {
                let mut writer = recipients.wrap(&mut *out)?;
                let end = copy_object(&mut outputs, &mut |frame| writer.write_all(&frame))?;
                writer.finish().map_err(|error| not_made(&error))?;
                end
            }
        };
        let Some(end) = end else { break };
        out.end(object, end);
    }
    Ok(())
}

/// Until the end of the object; `None` when the stream breaks off before.
fn copy_object<M>(
    outputs: &mut impl Iterator<Item = StreamOutput<End<M>>>,
    write: &mut dyn FnMut(Bytes) -> io::Result<()>,
) -> Result<Option<End<M>>> {
    for output in outputs {
        match output {
            StreamOutput::Frame(frame) => write(frame).map_err(|error| not_made(&error))?,
            StreamOutput::Mark(end) => return Ok(Some(end)),
        }
    }
    Ok(None)
}

fn not_made(error: &io::Error) -> Error {
    Error::new(Class::Internal, format!("could not make an object of the backup: {error}"))
}

/// Gives what is written to it to all repositories.
struct Hashed<M> {
    lanes: Vec<mpsc::SyncSender<ObjectMessage<M>>>,
    hasher: Sha256,
    length: u64,
}

impl<M: Clone> Hashed<M> {
    fn begin(&mut self, object: &str, size_max: u64) {
        let begin = || ObjectMessage::Begin { object: object.to_owned(), size_max, sum: false };
        self.lanes.retain(|lane| lane.send(begin()).is_ok());
    }

    /// A repository that is gone has failed, and says so itself; when all have, nobody wants the rest.
    fn give(&mut self, bytes: Bytes) -> io::Result<()> {
        self.hasher.update(&bytes);
        self.length += bytes.len() as u64;
        self.lanes.retain(|lane| lane.send(ObjectMessage::Bytes(bytes.clone())).is_ok());
        if self.lanes.is_empty() {
            return Err(io::Error::other("every repository failed"));
        }
        Ok(())
    }

    fn end(&mut self, object: String, end: End<M>) {
        let sha256 = hex(std::mem::take(&mut self.hasher));
        let stored_size = std::mem::take(&mut self.length);
        let stored = StoredObject { object, size: end.size, stored_size, sha256 };
        let sent = Sent { stored, mark: end.mark };
        self.lanes
            .retain(|lane| lane.send(ObjectMessage::End(ObjectEnd::Summed(sent.clone()))).is_ok());
    }
}

impl<M: Clone> Write for Hashed<M> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.give(Bytes::copy_from_slice(bytes)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
