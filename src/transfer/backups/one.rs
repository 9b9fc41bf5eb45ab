//! One backup comes over: what it shares, its own objects, and last its description, when its WAL is there as well.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use jiff::{SignedDuration, Timestamp};

use super::super::CopiedAmount;
use super::super::objects::{CopiedObject, CopyForm};
use super::super::session::{AT_ONCE, CopySession};
use super::description::{DescribedBackup, recoded};
use super::marker::Marker;
use super::trees::TreeOnItsWay;
use super::{CopiedBackup, KnownThere};
use crate::backup::{Backup, BackupFolder, StoredBackup, StoredObject, make_exist, pins};
use crate::error::{Class, Error, Result};
use crate::failpoint;
use crate::media_backup::BEGUN;
use crate::postgres::WalFileName;
use crate::repository::{Repository, WalFolder, WalRange};
use crate::retention::CLOCKS_APART;
use crate::threads::in_threads;

/// An object, and the id of the backup that it lies with.
type PlacedObject<'a> = (&'a str, &'a StoredObject);

/// A backup that the target lacks.
pub(super) struct BackupCopy<'a, K: CopiedBackup> {
    pub(super) session: &'a CopySession<'a>,
    pub(super) folder: &'a BackupFolder,
    pub(super) backup: &'a Backup<K>,
    pub(super) here: &'a StoredBackup,
    pub(super) there: &'a mut KnownThere,
    /// The tree before, where both repositories have it.
    pub(super) previous: Option<&'a str>,
}

impl<K: CopiedBackup> BackupCopy<'_, K> {
    /// Returns the digest of its description in the target; `None` where it is left out. `name` is that of the cluster,
    /// the Redis or the set.
    pub(super) fn run(
        mut self,
        name: &str,
        found: &DescribedBackup<K>,
        new: &mut CopiedAmount,
    ) -> Result<Option<String>> {
        let session = self.session;
        if let Some(missing) = self.missing_wal(name)? {
            let (what, id, to) = (K::WHAT, &self.backup.id, session.to().name());
            let why =
                format!("{what} {id}: it needs segment {missing}, which repository {to} lacks");
            session.leave_out(why);
            return Ok(None);
        }
        let form = CopyForm::of(self.here.encrypted, session.to(), session.transfer.anew);
        if form == CopyForm::Recoded {
            self.remove_leavings()?;
        }
        let marker = Marker::set::<K>(session, self.folder, &found.description)?;
        let (folder, previous) = (self.folder, self.previous);
        let tree = TreeOnItsWay { session, folder, set: name, previous };
        let tree = Some(tree).filter(|_| K::is_tree(self.backup));
        tree.iter().try_for_each(TreeOnItsWay::begin)?;
        let shared: Vec<_> = found.description.shared().collect();
        self.objects(&shared, form, new)?;
        let id = self.backup.id.as_str();
        let own = found.description.objects().map(|it| (id, it));
        let (first, rest): (Vec<_>, Vec<_>) = own.partition(|(_, it)| it.object == BEGUN);
        let mut stored = self.objects(&first, form, new)?;
        stored.extend(self.objects(&rest, form, new)?);
        tree.iter().try_for_each(|tree| tree.lay(new))?;
        failpoint::reach("copy.objects-stored");
        if self.here.pinned {
            pins::copy_pin(session.from(), session.to(), self.folder)?;
        }
        let json = match form {
            CopyForm::AsItIs => found.bytes.clone(),
            CopyForm::Recoded => recoded(&found.bytes, &stored, session.to().encrypts())?,
        };
        marker.look_again(&found.description)?;
        if let Some(missing) = self.missing_wal(name)? {
            let message = format!("its segment {missing} was deleted meanwhile");
            return Err(Error::new(Class::Gap, message));
        }
        make_exist(session.to(), self.folder, stored.values(), json.clone())?;
        tree.iter().try_for_each(TreeOnItsWay::end)?;
        new.add(json.len() as u64);
        Ok(Some(blake3::hash(&json).to_hex().to_string()))
    }

    /// The objects as they are in the target, by their names in the source. The first failure ends it.
    fn objects(
        &mut self,
        objects: &[PlacedObject<'_>],
        form: CopyForm,
        new: &mut CopiedAmount,
    ) -> Result<BTreeMap<String, StoredObject>> {
        let (session, all) = (self.session, self.folder.all());
        let there = &*self.there;
        let copied = in_threads(AT_ONCE, objects, |(id, object)| {
            if there.has(id, object) {
                return Ok(None);
            }
            session.check()?;
            let prefix = format!("{all}{id}/");
            let source = session.objects(session.from(), &prefix, self.here.encrypted);
            session.copy_object(&source, object, form).map(Some)
        });
        let (mut stored, mut failed) = (BTreeMap::new(), None);
        for ((id, object), copied) in objects.iter().zip(copied) {
            let copied: CopiedObject = match copied {
                Ok(Some(copied)) => copied,
                Ok(None) => CopiedObject { stored: (*object).clone(), new: false },
                Err(error) => {
                    failed.get_or_insert(error);
                    continue;
                }
            };
            if copied.new {
                new.add(copied.stored.stored_size);
            }
            self.there.add(id, object);
            stored.insert(object.object.clone(), copied.stored);
        }
        failed.map_or(Ok(stored), Err)
    }

    /// The first segment without which it can't be restored and that the target lacks.
    fn missing_wal(&self, name: &str) -> Result<Option<String>> {
        let Some((folder, range)) = K::wal(name, self.backup) else { return Ok(None) };
        missing(self.session.to(), &folder, range)
    }

    /// What an earlier copy into another form has left: no two encryptions of one content are the same, so that it can't
    /// be gone on with. Whoever took the backup may still be storing it in the target, unless it ended long ago.
    fn remove_leavings(&self) -> Result<()> {
        let (to, prefix, mut keys) = (self.session.to(), self.folder.key(""), Vec::new());
        to.storage().list(&prefix, "", &mut |listed| {
            keys.push(listed.key.to_owned());
            ControlFlow::Continue(())
        })?;
        if keys.is_empty() {
            return Ok(());
        }
        let timeout = self.session.transfer.config.basebackup.wal_timeout;
        let timeout = SignedDuration::try_from(timeout).unwrap_or(SignedDuration::MAX);
        let longest = CLOCKS_APART.saturating_add(timeout);
        if Timestamp::now().duration_since(self.backup.ended) < longest {
            let message = format!(
                "repository {} has objects of it and no description: it is being stored there, or an earlier copy of \
                 it was cut short",
                to.name()
            );
            let hint = format!("Copy again later than {longest:#} after its end.");
            return Err(Error::new(Class::Conflict, message).hint(hint));
        }
        keys.iter().try_for_each(|key| to.storage().delete(key))
    }
}

/// One listing for all of them.
fn missing(to: &Repository, folder: &WalFolder, range: WalRange) -> Result<Option<String>> {
    let wanted = |name: WalFileName| match name {
        WalFileName::Segment(segment) => range.first <= segment && segment <= range.last,
        _ => false,
    };
    let there = to.stored_wal(folder, &wanted)?;
    let has = |segment| there.iter().any(|it| it.name == WalFileName::Segment(segment));
    Ok(range.segments().find(|segment| !has(*segment)).map(|it| it.to_string()))
}
