//! Listing the objects of a bucket by `ListObjectsV2`, page by page, and what makes the pages one whole listing. A store
//! that lists wrongly, or a proxy that cuts its answers, must be noticed: from half a listing it would follow that the
//! WAL ends, or that backups are gone.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use aws_sdk_s3::types::Object;
use jiff::Timestamp;

use super::{Listed, S3Storage, failure};
use crate::config::S3Config;
use crate::error::{Class, Error, Result};

/// A listing may take this many requests, and one more for every [`KEYS_A_REQUEST`]: S3 passes by deleted objects
/// in pages that hold few keys or none, but not for ever.
const REQUESTS_MAX: u64 = 1000;
const KEYS_A_REQUEST: u64 = 10;

/// A listing may take `limits.total_timeout`, and a second more for so many keys.
const KEYS_A_SECOND: u64 = 100;

/// Who lists keeps something of each key in memory.
const KEYS_MAX: u64 = 10_000_000;

const HINT: &str = "Is there a proxy or a cache between? It must pass on ListObjectsV2 and \
                    ListMultipartUploads as S3 answers them; seawall doctor tries the store out.";
const ORDER: &str = "Seawall needs keys in the order of their bytes, as S3 lists them; directory buckets of \
                     S3 Express and stores that list in another order can't be used.";

/// Why a listing is not believed.
#[derive(Debug, PartialEq)]
pub(super) struct Doubt {
    reason: String,
    hint: &'static str,
}

impl Doubt {
    fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), hint: HINT }
    }

    pub(super) fn about(self, verb: &str, config: &S3Config, prefix: &str) -> Error {
        let place = failure::place(config, prefix);
        let message = format!("{verb} {place} failed: {}", self.reason);
        Error::new(Class::Unreachable, message).hint(self.hint)
    }
}

/// The pages of one listing, from the first to the last. `T` is what asks for the next page.
pub(super) struct Pages<T> {
    time_max: Duration,
    waited: Duration,
    requests: u64,
    keys: u64,
    next: Option<T>,
}

impl<T: Clone + PartialEq> Pages<T> {
    pub(super) fn new(time_max: Duration) -> Self {
        Self { time_max, waited: Duration::ZERO, requests: 0, keys: 0, next: None }
    }

    /// What to ask the next page with.
    pub(super) fn next(&self) -> Option<T> {
        self.next.clone()
    }

    /// Takes a page of so many keys that came after `waited`: whether another one follows. Only the store's own
    /// word ends a listing: `truncated` counts, whatever `next` there is.
    pub(super) fn turn(
        &mut self,
        keys: usize,
        waited: Duration,
        truncated: bool,
        next: Option<T>,
    ) -> Result<bool, Doubt> {
        self.requests += 1;
        self.keys += keys as u64;
        self.waited += waited;
        if !truncated {
            return Ok(false);
        }
        if next.is_none() {
            return Err(Doubt::new("the listing is cut off, and the store names no next page"));
        }
        if next == self.next {
            return Err(Doubt::new("the store names the same page as the next one again"));
        }
        self.next = next;
        if self.keys > KEYS_MAX {
            return Err(Doubt::new(format!("the listing has more than {KEYS_MAX} keys")));
        }
        if self.requests >= REQUESTS_MAX + self.keys / KEYS_A_REQUEST {
            let (requests, keys) = (self.requests, self.keys);
            let reason =
                format!("{requests} pages of the listing hold {keys} keys, and more follow");
            return Err(Doubt::new(reason));
        }
        if self.waited >= self.time_max + Duration::from_secs(self.keys / KEYS_A_SECOND) {
            let time = humantime::format_duration(Duration::from_secs(self.waited.as_secs()));
            let reason = format!("{} keys of the listing took {time}, and more follow", self.keys);
            return Err(Doubt { reason, hint: "limits.total_timeout sets the limit." });
        }
        Ok(true)
    }
}

/// The order of the keys of one listing.
pub(super) struct KeyOrder<'a> {
    prefix: &'a str,
    last: String,
}

impl<'a> KeyOrder<'a> {
    pub(super) fn below(prefix: &'a str) -> Self {
        Self { prefix, last: String::new() }
    }

    /// Keys must begin with what was asked for, and each be greater than the one before it.
    pub(super) fn follow<'k>(&mut self, keys: impl Iterator<Item = &'k str>) -> Result<(), Doubt> {
        for key in keys {
            if !key.starts_with(self.prefix) {
                let reason = format!("the listing holds {key:?}, which was not asked for");
                return Err(Doubt::new(reason));
            }
            if key <= self.last.as_str() {
                let reason = if key == self.last {
                    format!("the listing holds {key:?} twice")
                } else {
                    format!("the listing is not in order: {key:?} comes behind {:?}", self.last)
                };
                return Err(Doubt { reason, hint: ORDER });
            }
            key.clone_into(&mut self.last);
        }
        Ok(())
    }
}

const VERB: &str = "LIST";

impl S3Storage {
    /// Visits the keys of a page only when all of them are known to be in order.
    pub(super) fn list_objects(
        &self,
        prefix: &str,
        after: &str,
        visit: &mut dyn FnMut(Listed<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        let (bucket, strip, prefix) = (&self.bucket, self.bucket.key(""), self.bucket.key(prefix));
        let mut start = Some(bucket.key(after)).filter(|_| !after.is_empty());
        let (mut pages, mut order) = (Pages::new(bucket.limits.total), KeyOrder::below(&prefix));
        loop {
            let request = bucket.client.list_objects_v2().bucket(&bucket.config.bucket);
            let request = request.prefix(&prefix).set_start_after(start.take());
            let asked = Instant::now();
            let answer = self.runtime.block_on(request.set_continuation_token(pages.next()).send());
            let page = answer.map_err(|error| failure::of(error, VERB, &bucket.config, &prefix))?;
            let (objects, next) = (page.contents(), page.next_continuation_token());
            let next = next.filter(|token| !token.is_empty()).map(str::to_owned);
            let truncated = page.is_truncated().unwrap_or(next.is_some());
            let more = pages
                .turn(objects.len(), asked.elapsed(), truncated, next)
                .and_then(|more| order.follow(objects.iter().map(key)).map(|()| more))
                .map_err(|doubt| doubt.about(VERB, &bucket.config, &prefix))?;
            for object in objects {
                let key = key(object).strip_prefix(&strip).unwrap_or_default();
                let size = object.size().unwrap_or_default().unsigned_abs();
                // Not every store honours start-after.
                if key > after && visit(Listed { key, size, created: created(object) }).is_break() {
                    return Ok(());
                }
            }
            if !more {
                return Ok(());
            }
        }
    }
}

fn key(object: &Object) -> &str {
    object.key().unwrap_or_default()
}

fn created(object: &Object) -> Option<Timestamp> {
    let time = object.last_modified()?;
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// Turns pages of so many keys, each of which takes so long, until one of them is in doubt.
    fn doubt(keys: usize, time: Duration) -> (u64, String) {
        let mut pages = Pages::new(MINUTE);
        for number in 1.. {
            if let Err(doubt) = pages.turn(keys, time, true, Some(number)) {
                return (number, doubt.reason);
            }
        }
        unreachable!("no range of u64 ends within a test")
    }

    #[test]
    fn a_listing_that_never_ends_comes_to_its_limits() {
        let millisecond = Duration::from_millis(1);
        let text = "1000 pages of the listing hold 0 keys, and more follow";
        assert_eq!(doubt(0, millisecond), (1000, text.to_owned()));
        let text = "1111 pages of the listing hold 1111 keys, and more follow";
        assert_eq!(doubt(1, millisecond), (1111, text.to_owned()));
        let text = "the listing has more than 10000000 keys";
        assert_eq!(doubt(1000, millisecond), (10_001, text.to_owned()));
        let text = "0 keys of the listing took 1m, and more follow";
        assert_eq!(doubt(0, Duration::from_secs(1)), (60, text.to_owned()));
        // Slow, and yet it makes its way: 1,000 keys in nine seconds.
        assert_eq!(doubt(1000, Duration::from_secs(9)).0, 10_001);
    }

    #[test]
    fn the_store_says_when_a_listing_ends() {
        let turn = |truncated, next| Pages::new(MINUTE).turn(1, MINUTE * 9, truncated, next);
        assert_eq!(turn(false, None), Ok(false));
        assert_eq!(turn(false, Some("token")), Ok(false));
        let text = "the listing is cut off, and the store names no next page";
        assert_eq!(turn(true, None).unwrap_err().reason, text);

        let mut pages = Pages::new(MINUTE);
        let mut turn = |next| pages.turn(1, Duration::ZERO, true, Some(next));
        assert_eq!((turn("a"), turn("b"), turn("a")), (Ok(true), Ok(true), Ok(true)));
        let text = "the store names the same page as the next one again";
        assert_eq!(turn("a").unwrap_err().reason, text);
    }

    #[test]
    fn keys_go_upwards_through_all_pages() {
        let mut order = KeyOrder::below("a/");
        order.follow(["a/", "a/1", "a/10", "a/2"].into_iter()).unwrap();
        order.follow([].into_iter()).unwrap();
        order.follow(["a/3"].into_iter()).unwrap();
        let mut doubt = |key: &'static str| order.follow([key].into_iter()).unwrap_err().reason;
        assert_eq!(doubt("a/3"), "the listing holds \"a/3\" twice");
        assert_eq!(doubt("a/2"), "the listing is not in order: \"a/2\" comes behind \"a/3\"");
        assert_eq!(doubt("b"), "the listing holds \"b\", which was not asked for");
    }
}
