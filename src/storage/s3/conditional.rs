//! Whether a store honours `If-None-Match: *` on PUT. Some refuse it, and some accept it and overwrite
//! all the same (Garage 2.5 and `rclone serve s3` do): that is found out before it is relied on.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use super::bucket::Bucket;
use super::content::Content;
use super::{Created, Facts};
use crate::config::ConditionalPut;
use crate::error::Result;

/// How long a finding holds: a store may be replaced or upgraded.
const HOLDS_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

/// An object that says nothing and is only ever written with this content.
const PROBE_KEY: &str = "seawall-conditional-put-probe";
const PROBE: &[u8] = b"Written twice to find out whether this store honours If-None-Match.\n";

pub use crate::storage::Conduct;

/// What is known of one store, in memory and in a small file.
pub struct ConditionalPuts {
    setting: ConditionalPut,
    file: Option<PathBuf>,
    known: Mutex<Option<Conduct>>,
    probe: OnceCell<Conduct>,
}

#[derive(Serialize, Deserialize)]
struct Finding {
    seawall: u32,
    place: String,
    conduct: Conduct,
    /// Seconds since 1970.
    found: u64,
}

impl ConditionalPuts {
    pub fn new(setting: ConditionalPut, place: &str, state: Option<&Path>) -> Self {
        let name = blake3::hash(place.as_bytes()).to_hex();
        let file = state.map(|state| state.join(format!("store-{}.json", &name[..16])));
        Self {
            setting,
            known: Mutex::new(file.as_deref().and_then(remembered)),
            file,
            probe: OnceCell::new(),
        }
    }

    fn known(&self) -> Option<Conduct> {
        match self.setting {
            ConditionalPut::Trust => Some(Conduct::Honours),
            ConditionalPut::LookFirst => Some(Conduct::Ignores),
            ConditionalPut::Auto => {
                *self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
            }
        }
    }

    /// Keeps a finding, and says so if it means less than the full guarantee.
    pub fn found(&self, conduct: Conduct) {
        *self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(conduct);
        if conduct != Conduct::Honours {
            warn(conduct);
        }
        if let Some(file) = &self.file {
            remember(file, conduct);
        }
    }
}

fn remembered(file: &Path) -> Option<Conduct> {
    let finding: Finding = serde_json::from_slice(&crate::durable::read_small(file).ok()?).ok()?;
    let age = now().checked_sub(finding.found)?;
    (age < HOLDS_FOR.as_secs()).then_some(finding.conduct)
}

/// A finding that can't be kept is found again next time.
fn remember(file: &Path, conduct: Conduct) {
    let finding = Finding { seawall: 1, place: file.display().to_string(), conduct, found: now() };
    let Ok(json) = serde_json::to_vec(&finding) else { return };
    if let Err(error) = crate::durable::replace(file, &json) {
        tracing::debug!("could not keep what was found out about the store: {error}");
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

impl Bucket {
    pub async fn conduct(&self) -> Result<Conduct> {
        if let Some(conduct) = self.conditional.known() {
            return Ok(conduct);
        }
        let probe = || async {
            let conduct = self.probe().await?;
            self.conditional.found(conduct);
            Ok(conduct)
        };
        self.conditional.probe.get_or_try_init(probe).await.copied()
    }

    /// After a refusal that what was known does not account for: only if the store sticks to it, it has changed.
    pub async fn find_out_anew(&self) -> Result<Conduct> {
        if self.conditional.setting != ConditionalPut::Auto {
            warn(Conduct::Refuses);
            return Ok(Conduct::Refuses);
        }
        let conduct = self.probe().await?;
        self.conditional.found(conduct);
        Ok(conduct)
    }

    async fn probe(&self) -> Result<Conduct> {
        self.try_condition(&self.key(PROBE_KEY)).await
    }

    /// Writes the probe under the condition. Taken: the store honours it. Written: it was not there, or
    /// the store does not care; the second time tells. Refused: a store that takes the same without the condition, and
    /// refuses it again with it, refuses the condition; somebody on the way who has a bad minute does not.
    pub async fn try_condition(&self, key: &str) -> Result<Conduct> {
        let (content, facts) = (Content::from(Bytes::from_static(PROBE)), Facts::new());
        for written in [false, true] {
            match self.put_if_absent(key, &content, &facts).await? {
                Some(Created::Taken) => return Ok(Conduct::Honours),
                Some(Created::New) if written => return Ok(Conduct::Ignores),
                Some(Created::New) => {}
                None => break,
            }
        }
        self.put_anyway(key, &content).await?;
        Ok(match self.put_if_absent(key, &content, &facts).await? {
            Some(Created::Taken) => Conduct::Honours,
            Some(Created::New) => Conduct::Ignores,
            None => Conduct::Refuses,
        })
    }
}

fn warn(conduct: Conduct) {
    let verb = if conduct == Conduct::Ignores { "ignores" } else { "refuses" };
    tracing::warn!(
        "the store {verb} If-None-Match on PUT: Seawall looks before it puts, so of two hosts that \
         archive one name at the same instant the later may overwrite the earlier"
    );
}
