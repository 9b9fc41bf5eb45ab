//! The objects of one probe: each step writes, reads, lists or times them as a backup would, and what was written is
//! removed.
//!
//! Stores differ in what they do with a second write to one key, a range or an object in parts. Only trying tells.

use std::io::Read;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;

use crate::codec::read_failed;
use crate::doctor::finding::{Diagnosis, Mend};
use crate::error::{Class, Error, Result};
use crate::storage::{ConditionSupport, Created, Metadata, Storage};

/// Small requests whose median is the latency.
const REQUESTS: usize = 9;

/// A store whose every answer takes longer is slow for its distance.
const SLOW: Duration = Duration::from_secs(1);

/// Times of a store are in seconds, and those of different machines of it may differ a little.
const SKEW_SECONDS: f64 = 10.0;

const RANGE: (usize, usize) = (1000, 100);

/// The objects of one probe.
pub(super) struct ProbeObjects<'a> {
    pub storage: &'a dyn Storage,
    folder: String,
    content: Bytes,
    /// Not removed yet.
    keys: Vec<String>,
    /// Before and after the object was written that the listing is asked for: however slow the store is, its
    /// time lies between them.
    written: (Timestamp, Timestamp),
}

impl<'a> ProbeObjects<'a> {
    pub(crate) fn new(storage: &'a dyn Storage, folder: &str) -> Self {
        let content = noise(folder, 4096);
        let (folder, now) = (folder.to_owned(), Timestamp::now());
        Self { storage, folder, content, keys: Vec::new(), written: (now, now) }
    }

    fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    pub(crate) fn write(&mut self) -> Result<Diagnosis> {
        let (key, before) = (self.key("small"), Timestamp::now());
        let created = self.storage.create(&key, self.content.clone(), &Metadata::new())?;
        self.written = (before, Timestamp::now());
        self.keys.push(key);
        match created {
            Created::New => Ok(Diagnosis::good("write", "done")),
            Created::Taken => Err(wrong("a new key already exists")),
        }
    }

    /// The same key again must be refused, and what is there stay.
    pub(super) fn write_again(&mut self) -> Result<Diagnosis> {
        let other = noise("other", self.content.len());
        if self.storage.create(&self.key("small"), other.clone(), &Metadata::new())?
            == Created::Taken
        {
            return Ok(Diagnosis::good("write once", "what is there stays"));
        }
        self.content = other;
        self.written.1 = Timestamp::now();
        Ok(Diagnosis::problem("write once", "the store overwrote an object")
            .mend(Mend::Line("conditional_put = \"look-first\"".to_owned())))
    }

    /// Whether the store itself keeps two writers apart.
    pub(super) fn condition(&mut self) -> Option<Result<ConditionSupport>> {
        let key = self.key("condition");
        let found = self.storage.try_condition(&key).transpose()?;
        self.keys.push(key);
        Some(found)
    }

    pub(crate) fn read(&self) -> Result<Diagnosis> {
        let found = read_all(self.storage.open(&self.key("small"), None)?)?;
        if found == self.content {
            return Ok(Diagnosis::good("read", "what was written"));
        }
        Err(wrong(format!("expected {} bytes as written, found other ones", self.content.len())))
    }

    pub(super) fn read_range(&self) -> Result<Diagnosis> {
        let (offset, length) = RANGE;
        let reader = self.storage.open_range(&self.key("small"), offset as u64, length as u64)?;
        let found = read_all(reader)?;
        if found == self.content[offset..offset + length] {
            return Ok(Diagnosis::good("read a range", "what was written"));
        }
        let bytes = found.len();
        Err(wrong(format!("expected bytes {offset} to {}, found {bytes} others", offset + length)))
    }

    /// Whether the listing has it, and what it says of the time.
    pub(super) fn list(&self) -> Vec<Diagnosis> {
        let key = self.key("small");
        let mut seen = None;
        let listed = self.storage.list(&format!("{}/", self.folder), "", &mut |listed| {
            if listed.key == key {
                seen = Some((listed.size, listed.created));
            }
            ControlFlow::Continue(())
        });
        match (listed, seen) {
            (Err(error), _) => vec![Diagnosis::problem("list", error.to_string())],
            (Ok(()), None) => {
                vec![Diagnosis::problem("list", "an object that was just written is not listed")]
            }
            (Ok(()), Some((size, created))) => {
                let whole = size == self.content.len() as u64;
                let list = match whole {
                    true => Diagnosis::good("list", "what was written"),
                    false => Diagnosis::problem("list", format!("a wrong size, {size} bytes")),
                };
                [list].into_iter().chain(created.map(|it| clock(it, self.written))).collect()
            }
        }
    }

    pub(super) fn latency(&self) -> Result<Diagnosis> {
        let key = self.key("small");
        let mut times = Vec::new();
        for _ in 0..REQUESTS {
            let start = Instant::now();
            self.storage.head(&key)?;
            times.push(start.elapsed());
        }
        times.sort_unstable();
        let median = times[REQUESTS / 2];
        let found = format!("{:.1} ms, the median of {REQUESTS}", median.as_secs_f64() * 1000.0);
        if median > SLOW {
            return Ok(Diagnosis::warning("latency", found).advice("Is there a store nearer by?"));
        }
        Ok(Diagnosis::good("latency", found))
    }

    /// A large object, in several requests, there and back.
    pub(super) fn large(&mut self, size: usize) -> Vec<Diagnosis> {
        let (key, content) = (self.key("large"), noise("large", size));
        let start = Instant::now();
        let written = self.write_large(&key, content.clone());
        let up = start.elapsed();
        self.keys.push(key.clone());
        if let Err(error) = written {
            return vec![Diagnosis::problem("large object", error.to_string())];
        }
        let start = Instant::now();
        let found = self.storage.open(&key, None).and_then(read_all);
        let down = start.elapsed();
        let read = match found {
            Ok(found) if found == content => {
                Diagnosis::good("large object", "written and read back")
            }
            Ok(found) => {
                let text =
                    format!("expected {size} bytes as written, found {} others", found.len());
                Diagnosis::problem("large object", text)
            }
            Err(error) => Diagnosis::problem("large object", error.to_string()),
        };
        let text = format!("{} up, {} down, one at a time", rate(size, up), rate(size, down));
        vec![read, Diagnosis::good("throughput", text)]
    }

    fn write_large(&self, key: &str, content: Bytes) -> Result<()> {
        let size = content.len() as u64;
        let mut object = self.storage.begin_large(key, 0, size, &Metadata::new())?;
        for at in (0..content.len()).step_by(1 << 20) {
            object.write(content.slice(at..content.len().min(at + (1 << 20))))?;
        }
        match object.finish(Bytes::new())? {
            Created::New => Ok(()),
            Created::Taken => Err(wrong("a new key already exists")),
        }
    }

    /// Removes all objects, as far as the store lets us.
    pub(super) fn remove_all(&mut self) -> Result<()> {
        let (mut left, mut first) = (Vec::new(), None);
        for key in std::mem::take(&mut self.keys) {
            if let Err(error) = self.storage.delete(&key) {
                first.get_or_insert(error);
                left.push(key);
            }
        }
        self.keys = left;
        first.map_or(Ok(()), Err)
    }

    /// What could not be removed.
    pub(crate) fn left(&self) -> String {
        format!("left behind: {}", self.keys.join(", "))
    }
}

/// Whether uploads that were cut short could be found and ended here.
pub(super) fn pending_uploads(storage: &dyn Storage) -> Option<Diagnosis> {
    if storage.reads_are_cheap() {
        return None;
    }
    let what = "cut-off uploads";
    let mut count = 0_u64;
    let listed = storage.pending_uploads("", &mut |_| {
        count += 1;
        ControlFlow::Continue(())
    });
    Some(match listed {
        Ok(true) => {
            Diagnosis::good(what, format!("can be listed; {count} now, those of others included"))
        }
        Ok(false) => Diagnosis::note(what, "the store can't list them")
            .advice("Let a rule of the bucket end uploads that are older than some days."),
        Err(error) => Diagnosis::note(what, error.to_string()),
    })
}

fn clock(created: Timestamp, (before, after): (Timestamp, Timestamp)) -> Diagnosis {
    let off = if created > after { after } else { before };
    let ahead = created.duration_since(off).as_secs_f64();
    if (before..=after).contains(&created) || ahead.abs() <= SKEW_SECONDS {
        return Diagnosis::good("clock", "as ours");
    }
    let which = if ahead > 0.0 { "before" } else { "behind" };
    // Of much nobody wants to know the seconds.
    let unit = if ahead.abs() > 120.0 { 60.0 } else { 1.0 };
    let off = Duration::from_secs_f64((ahead.abs() / unit).round() * unit);
    let off = humantime::format_duration(off);
    Diagnosis::warning("clock", format!("the store's is {off} {which} this host's")).advice(
        "Have this host keep its time with NTP (timedatectl); stores refuse requests that are 15 minutes off.",
    )
}

/// Bytes that nothing compresses.
fn noise(seed: &str, size: usize) -> Bytes {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().update(seed.as_bytes()).finalize_xof().fill(&mut bytes);
    bytes.into()
}

fn read_all(reader: Option<Box<dyn Read + Send>>) -> Result<Vec<u8>> {
    let Some(mut reader) = reader else {
        return Err(wrong("an object that was just written is not there"));
    };
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(|error| read_failed(&error))?;
    Ok(bytes)
}

fn rate(bytes: usize, time: Duration) -> String {
    format!("{:.0} MiB/s", bytes as f64 / f64::from(1 << 20) / time.as_secs_f64().max(0.001))
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(Class::Damaged, message)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_slow_request_is_no_wrong_clock() {
        let at = |seconds: i64| {
            Timestamp::from_second(1_795_000_000).unwrap() + SignedDuration::from_secs(seconds)
        };
        let found = |created, after| clock(at(created), (at(0), at(after))).found;
        for (created, after) in [(0, 0), (-1, 0), (0, 60), (59, 60), (70, 60), (-10, 60)] {
            assert_eq!(found(created, after), "as ours", "{created} {after}");
        }
        for (created, after, expected) in [
            (72, 60, "the store's is 12s before this host's"),
            (-12, 60, "the store's is 12s behind this host's"),
            (86_399, 2, "the store's is 1day before this host's"),
            (-86_401, 2, "the store's is 1day behind this host's"),
            (-3_700, 2, "the store's is 1h 2m behind this host's"),
        ] {
            assert_eq!(found(created, after), expected);
        }
    }
}
