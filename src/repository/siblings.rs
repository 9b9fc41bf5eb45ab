use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::OnceLock;

use super::{Repository, WalFolder};
use crate::error::Result;
use crate::postgres::WalFileName;

/// More keys than this are not listed for one batch; what lies behind them is asked for one by one.
const LISTED_MAX: usize = 1000;

/// Which files of a batch one repository holds under the other encryption setting. A bucket is asked once
/// for the whole batch, by whoever needs it first: a question for each file would cost as much time as
/// storing it.
#[derive(Default)]
pub struct Siblings {
    /// In the order of their keys.
    names: Vec<WalFileName>,
    listed: OnceLock<Result<Listed>>,
}

struct Listed {
    keys: BTreeSet<String>,
    /// Keys up to this one are known; `None`: all that matter.
    until: Option<String>,
}

impl Siblings {
    pub fn of(names: impl IntoIterator<Item = WalFileName>) -> Self {
        Self { names: names.into_iter().collect(), listed: OnceLock::new() }
    }

    pub(super) fn have(
        &self,
        repository: &Repository,
        folder: &WalFolder,
        name: WalFileName,
    ) -> Result<bool> {
        let sibling = |name| folder.key(name, repository.recipients.is_none());
        let key = sibling(name);
        if self.names.len() > 1 && !repository.storage.reads_are_cheap() {
            let list = || list(repository, folder, self.names.iter().map(|name| sibling(*name)));
            let listed = self.listed.get_or_init(list).as_ref().map_err(Clone::clone)?;
            if listed.until.as_ref().is_none_or(|until| key <= *until) {
                return Ok(listed.keys.contains(&key));
            }
        }
        Ok(repository.storage.head(&key)?.is_some())
    }
}

fn list(
    repository: &Repository,
    folder: &WalFolder,
    siblings: impl Iterator<Item = String>,
) -> Result<Listed> {
    let siblings: BTreeSet<String> = siblings.collect();
    let (Some(first), Some(last)) = (siblings.first(), siblings.last()) else {
        return Ok(Listed { keys: BTreeSet::new(), until: None });
    };
    // The key before the first one, or nearly so: a listing begins behind what it is given.
    let after = &first[..first.len() - 1];
    let mut listed = Listed { keys: BTreeSet::new(), until: None };
    let mut seen = 0;
    repository.storage.list(folder.prefix(), after, &mut |object| {
        let key = object.key;
        seen += 1;
        if key > last.as_str() {
            return ControlFlow::Break(());
        }
        if seen == LISTED_MAX {
            listed.until = Some(key.to_owned());
        }
        if siblings.contains(key) {
            listed.keys.insert(key.to_owned());
        }
        if seen == LISTED_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(listed)
}
