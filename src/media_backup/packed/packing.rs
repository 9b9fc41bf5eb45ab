//! How packs keep files (`Keep`): each file is read and compressed once, and encrypted once, for all repositories that
//! lack its content. Short files are compressed by the threads that read them, long ones piece by piece by all threads.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard};
use std::thread;

use super::super::entry::Entry;
use super::super::path::EntryPath;
use super::super::scan::FoundEntry;
use super::super::source_file::SourceFile;
use super::super::take::Keep;
use super::pack_lane::PackLane;
use super::pack_lane::{Maker, each_piece, encrypt, not_made};
use super::{PACK_BYTES, SMALL};
use crate::codec::{Digest, FrameStream, Recipients, StreamOutput};
use crate::error::{Class, Error, Result};
use crate::failpoint::reach;
use crate::threads::lock;

/// How often a long file is read that changes while it is read.
const TRIES: u32 = 3;

/// All repositories at once; one that fails is left out.
pub(crate) struct Packing<'a> {
    pub lanes: Mutex<Vec<PackLane>>,
    pub recipients: Option<&'a Recipients>,
    pub level: i32,
    pub threads: NonZeroUsize,
}

pub(crate) struct PackingTool {
    maker: Maker,
    /// What was kept last, and under which path.
    last: Option<(EntryPath, Digest)>,
}

impl Packing<'_> {
    fn lanes(&self) -> MutexGuard<'_, Vec<PackLane>> {
        lock(&self.lanes)
    }

    fn small(&self, maker: &mut Maker, source: &mut SourceFile) -> Result<(Digest, bool)> {
        let digest = maker.read(source)?;
        let lacking = |lane: &PackLane| lane.is_alive() && !lane.contents.has(&digest);
        let (clear, encrypted) = {
            let lanes = self.lanes();
            let any = |encrypted| lanes.iter().any(|it| it.encrypted == encrypted && lacking(it));
            (any(false), any(true))
        };
        let mut member: &[u8] = &[];
        if clear || encrypted {
            member = maker.compress()?;
        }
        let wrapped = match self.recipients.filter(|_| encrypted) {
            Some(recipients) => encrypt(member, recipients)?,
            None => Vec::new(),
        };
        let (mut lanes, mut new) = (self.lanes(), false);
        for lane in lanes.iter_mut().filter(|lane| lane.is_alive()) {
            // Another thread may have kept the same content meanwhile.
            if !lane.contents.take(&digest) {
                let begun = lane.begin(PACK_BYTES * 2);
                lane.give(if lane.encrypted { &wrapped } else { member });
                lane.add(digest, begun, source.size());
                new = true;
            }
        }
        any_alive(&lanes)?;
        reach("packed.member-kept");
        Ok((digest, new))
    }

    /// A long one goes straight into the packs; meanwhile the other threads wait, whose time is taken by
    /// compressing it. Only where it may be known already is it read before.
    fn long(&self, source: &mut SourceFile) -> Result<(Digest, bool)> {
        let mut lanes = self.lanes();
        let size = source.size();
        let (mut digest, mut new) = (None, false);
        if lanes.iter().any(|lane| lane.is_alive() && lane.contents.has_size(size)) {
            digest = Some(source.read(&mut |_| Ok(()))?);
        }
        for _ in 0..TRIES {
            let lacks = |lane: &PackLane| digest.is_none_or(|it| !lane.contents.has(&it));
            let lacking = lanes.iter_mut().filter(|lane| lane.is_alive() && lacks(lane));
            let mut lacking: Vec<&mut PackLane> = lacking.collect();
            if !lacking.is_empty() {
                digest = Some(self.stream(&mut lacking, source)?);
                new = true;
            }
            any_alive(&lanes)?;
            let alive = || lanes.iter().filter(|lane| lane.is_alive());
            if let Some(digest) = digest
                && alive().all(|lane| lane.contents.has(&digest))
            {
                lanes.iter_mut().for_each(|lane| {
                    lane.contents.take(&digest);
                });
                reach("packed.member-kept");
                return Ok((digest, new));
            }
        }
        Err(source.failed(io::Error::other("it keeps changing while it is read")))
    }

    /// Into these repositories. What was given of a file that can't be read to its end stays in the pack,
    /// and nobody knows of it.
    fn stream(&self, lanes: &mut [&mut PackLane], source: &mut SourceFile) -> Result<Digest> {
        let size = source.size();
        let alone = size > PACK_BYTES;
        let size_max = if alone { size.saturating_add(size / 64 + SMALL) } else { PACK_BYTES * 2 };
        let mut begun = Vec::new();
        for lane in lanes.iter_mut() {
            if alone {
                lane.end();
            }
            begun.push(lane.begin(size_max));
        }
        match self.write_member(lanes, source) {
            Ok(digest) => {
                for (lane, begun) in lanes.iter_mut().zip(begun) {
                    if lane.contents.has(&digest) {
                        // It was not the file that was expected, and this one is known.
                        if alone {
                            lane.abandon();
                        }
                        continue;
                    }
                    lane.add(digest, begun, size);
                    lane.contents.give_back(&digest);
                    if alone {
                        lane.end();
                    }
                }
                Ok(digest)
            }
            Err(error) => {
                if alone {
                    lanes.iter_mut().for_each(|lane| lane.abandon());
                }
                Err(error)
            }
        }
    }

    fn write_member(&self, lanes: &mut [&mut PackLane], source: &mut SourceFile) -> Result<Digest> {
        let (mut encrypted, mut clear) = (Vec::new(), Vec::new());
        for lane in lanes.iter_mut() {
            if lane.encrypted { &mut encrypted } else { &mut clear }.push(&mut **lane);
        }
        let mut clear = Fan(clear);
        let wrapped = self.recipients.filter(|_| !encrypted.is_empty());
        let mut wrapped = wrapped.map(|it| it.wrap(Fan(encrypted))).transpose()?;
        let digest = thread::scope(|scope| {
            let mut take = |output: StreamOutput<()>| match output {
                StreamOutput::Frame(frame) => {
                    clear.write_all(&frame)?;
                    wrapped.as_mut().map_or(Ok(()), |it| it.write_all(&frame))
                }
                StreamOutput::Mark(()) => Ok(()),
            };
            let mut frames = FrameStream::start(scope, self.level, self.threads);
            let digest = source.read(&mut |piece| {
                each_piece(&piece, &mut |bytes| {
                    frames.write(bytes, &mut take).map_err(|error| not_made(&error))
                })
            })?;
            // The last frame ends here.
            frames.mark((), &mut take).map_err(|error| not_made(&error))?;
            frames.finish(&mut take).map_err(|error| not_made(&error))?;
            Ok::<_, Error>(digest)
        })?;
        if let Some(writer) = wrapped {
            writer.finish().map_err(|error| not_made(&error))?;
        }
        Ok(digest)
    }
}

/// Gives what is written to it to several repositories.
struct Fan<'l>(Vec<&'l mut PackLane>);

impl Write for Fan<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.iter_mut().for_each(|lane| lane.give(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn any_alive(lanes: &[PackLane]) -> Result<()> {
    if lanes.iter().any(PackLane::is_alive) {
        return Ok(());
    }
    Err(Error::new(Class::Unreachable, "every repository failed"))
}

impl Keep for Packing<'_> {
    type Tool<'k>
        = PackingTool
    where
        Self: 'k;

    fn tool(&self) -> PackingTool {
        PackingTool { maker: Maker::new(self.level), last: None }
    }

    fn directory(&self, _: &mut PackingTool, _: &Entry) -> Result<()> {
        Ok(())
    }

    fn link(&self, _: &mut PackingTool, _: &Entry) -> Result<()> {
        Ok(())
    }

    fn again(&self, tool: &mut PackingTool, entry: &Entry, _: &Entry) -> Result<bool> {
        tool.last = None;
        let Some(content) = entry.content() else { return Ok(false) };
        let mut lanes = self.lanes();
        any_alive(&lanes)?;
        let lacks = |lane: &PackLane| lane.is_alive() && !lane.contents.has(&content.digest);
        if lanes.iter().any(lacks) {
            return Ok(false);
        }
        lanes.iter_mut().for_each(|lane| {
            lane.contents.take(&content.digest);
        });
        tool.last = Some((entry.path.clone(), content.digest));
        Ok(true)
    }

    fn file(
        &self,
        tool: &mut PackingTool,
        found: &FoundEntry,
        source: &mut SourceFile,
    ) -> Result<(Digest, bool)> {
        tool.last = None;
        let short = source.size() <= SMALL;
        let kept = if short { self.small(&mut tool.maker, source) } else { self.long(source) }?;
        tool.last = Some((found.path.clone(), kept.0));
        Ok(kept)
    }

    fn forget(&self, tool: &mut PackingTool, found: &FoundEntry) -> Result<()> {
        if let Some((_, digest)) = tool.last.take_if(|(path, _)| *path == found.path) {
            self.lanes().iter_mut().for_each(|lane| lane.contents.give_back(&digest));
        }
        Ok(())
    }
}
