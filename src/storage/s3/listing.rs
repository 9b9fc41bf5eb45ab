//! Listing the objects of a bucket by `ListObjectsV2`, page by page.

use std::ops::ControlFlow;
use std::time::Instant;

use aws_sdk_s3::types::Object;
use jiff::Timestamp;

use super::paging::{Order, Pages};
use super::{Listed, S3Storage, failure};
use crate::error::Result;

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
        let (mut pages, mut order) = (Pages::new(bucket.limits.total), Order::below(&prefix));
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
