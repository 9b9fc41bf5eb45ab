//! Which repositories take part in a `create`, and which ones are owed the backup at the end. With `needed = N` one that failed within
//! the last minute is left out at once. If enough have the backup, a note beside each good copy says who lacks it.

use std::collections::BTreeMap;
use std::io::Read as _;

use crate::backup::{
    BackupFolder, Configured, CreateFailure, DESCRIPTION, DESCRIPTION_BYTES_MAX, notes_folder,
};
use crate::codec::{Digest, read_failed};
use crate::config::{Config, Location};
use crate::debts::{AwayNotes, Quorum, creditor_of, is_owed_any_wal, is_owed_segment, owe_backup};
use crate::error::{Class, Error, Result};
use crate::postgres::WalSegment;
use crate::repository::{self, Repository, WalFolder};

/// All repositories, as they stand when a backup begins. By their places in the configuration.
pub struct Attendance<'a> {
    config: &'a Config,
    repositories: Vec<Repository>,
    quorum: Quorum,
    away: Option<AwayNotes>,
    /// With why.
    left_out: BTreeMap<usize, Error>,
}

/// What a `create` ends with.
pub struct CreateEnd {
    /// The names of those that are owed the backup.
    pub owed: Vec<String>,
    /// What decides the exit status.
    pub errors: Vec<Error>,
}

impl CreateEnd {
    /// Why none of several repositories has it is said once.
    fn add(&mut self, error: Error) {
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }
}

impl<'a> Attendance<'a> {
    /// `needs_wal`: one that is owed WAL gets the backup after that.
    pub fn of<K: Configured>(config: &'a Config, needs_wal: bool) -> Result<Self> {
        let repositories = repository::open_all(config, None)?;
        let quorum = Quorum::of(config, &repositories);
        let state = config.state_directory.as_deref().filter(|state| state.is_dir());
        let away = state.map(|state| AwayNotes::new(&notes_folder(state, K::NOTES)));
        let left_out = BTreeMap::new();
        let mut all = Self { config, repositories, quorum, away, left_out };
        if !all.quorum.is_all() {
            all.leave_out_the_away();
            if needs_wal {
                all.leave_out_who_is_owed_wal();
            }
        }
        Ok(all)
    }

    /// Where it can't be done without one that failed, none is left out.
    fn leave_out_the_away(&mut self) {
        let Some(away) = &self.away else { return };
        let failed = |place: &usize| away.is_left_out(&self.repositories[*place]);
        let (failed, others): (Vec<usize>, Vec<usize>) = self.places().partition(failed);
        if self.quorum.is_met(others) {
            for place in failed {
                self.leave_out(place, "it failed within the last minute");
            }
        }
    }

    fn leave_out_who_is_owed_wal(&mut self) {
        for place in self.places() {
            let creditor = creditor_of(&self.repositories[place]);
            let mut holders = self.places().filter(|other| self.takes_part(*other, place));
            let owed = holders.any(|holder| {
                let holder = &self.repositories[holder];
                let owed = is_owed_any_wal(holder, &creditor, &self.config.cluster);
                owed.unwrap_or_else(|error| {
                    tracing::debug!("{error}");
                    false
                })
            });
            if owed && self.may_miss(place) {
                self.leave_out(place, "it is owed WAL, and gets that first");
            }
        }
    }

    fn places(&self) -> std::ops::Range<usize> {
        0..self.repositories.len()
    }

    fn takes_part(&self, place: usize, beside: usize) -> bool {
        place != beside && !self.left_out.contains_key(&place)
    }

    /// Whether enough are left without this one.
    fn may_miss(&self, place: usize) -> bool {
        self.quorum.is_met(self.places().filter(|other| self.takes_part(*other, place)))
    }

    fn leave_out(&mut self, place: usize, why: &str) {
        let name = self.repositories[place].name();
        let message = format!("repository {name} was left out: {why}");
        self.left_out.insert(place, Error::new(Class::Unreachable, message));
    }

    /// The configuration of those that take part.
    pub fn config(&self) -> Config {
        let all = self.config.repositories.iter().enumerate();
        let taking_part = all.filter(|(place, _)| !self.left_out.contains_key(place));
        let repositories = taking_part.map(|(_, it)| it.clone()).collect();
        Config { repositories, ..self.config.clone() }
    }

    /// Whether nobody need wait for this segment in a repository: another one notes that it is owed there.
    pub fn is_owed(&self, name: &str, folder: &WalFolder, segment: WalSegment) -> bool {
        let Some(place) = self.place_of(name).filter(|place| self.may_miss(*place)) else {
            return false;
        };
        if self.quorum.is_all() {
            return false;
        }
        let creditor = creditor_of(&self.repositories[place]);
        let mut holders = self.places().filter(|other| self.takes_part(*other, place));
        holders.any(|holder| {
            is_owed_segment(&self.repositories[holder], &creditor, folder, segment).unwrap_or(false)
        })
    }

    fn place_of(&self, name: &str) -> Option<usize> {
        self.repositories.iter().position(|it| it.name() == name)
    }

    /// Writes down who is owed the backup, if enough have it. `have` are the names of those; `may_come` says whether a copy in
    /// the one place can be copied to the other.
    pub fn end<'n>(
        &self,
        folder: &BackupFolder,
        have: impl IntoIterator<Item = &'n str>,
        failures: Vec<CreateFailure>,
        may_come: &dyn Fn(&Self, usize, usize) -> Result<()>,
    ) -> CreateEnd {
        let have: Vec<usize> = have.into_iter().filter_map(|name| self.place_of(name)).collect();
        self.remember(&have, &failures);
        let failures =
            failures.into_iter().filter_map(|it| Some((self.place_of(&it.repository)?, it.error)));
        let mut lacking: BTreeMap<usize, Error> = self.left_out.clone();
        lacking.extend(failures.filter(|(place, _)| !have.contains(place)));
        let mut end = CreateEnd { owed: Vec::new(), errors: Vec::new() };
        if self.quorum.is_all() || !self.quorum.is_met(have.iter().copied()) {
            for error in lacking.into_values() {
                end.add(error);
            }
            return end;
        }
        for (place, error) in lacking {
            match self.owe(folder, &have, place, &error, may_come) {
                Ok(()) => {
                    let name = self.repositories[place].name().to_owned();
                    tracing::warn!(
                        "{error}; repository {name} is owed the backup, and `seawall settle` copies it there"
                    );
                    end.owed.push(name);
                }
                Err(error) => end.add(error),
            }
        }
        end
    }

    fn remember(&self, have: &[usize], failures: &[CreateFailure]) {
        let Some(away) = self.away.as_ref().filter(|_| !self.quorum.is_all()) else { return };
        for place in have {
            if away.failed_before(&self.repositories[*place]) {
                away.answered(&self.repositories[*place]);
            }
        }
        for failure in failures.iter().filter(|it| it.error.class() == Class::Unreachable) {
            if let Some(place) = self.place_of(&failure.repository) {
                away.failed(&self.repositories[place], &failure.error);
            }
        }
    }

    /// A conflict is no absence: another one has that name.
    fn owe(
        &self,
        folder: &BackupFolder,
        have: &[usize],
        lacking: usize,
        error: &Error,
        may_come: &dyn Fn(&Self, usize, usize) -> Result<()>,
    ) -> Result<()> {
        if matches!(error.class(), Class::Conflict | Class::Configuration) {
            return Err(error.clone());
        }
        let from: Vec<Result<usize>> =
            have.iter().map(|from| may_come(self, *from, lacking).map(|()| *from)).collect();
        let holders: Vec<usize> = from.iter().filter_map(|it| it.as_ref().ok().copied()).collect();
        if let (true, Some(Err(why))) = (holders.is_empty(), from.first()) {
            return Err(error.clone().adding(format_args!("; {why}")));
        }
        let creditor = &self.repositories[lacking];
        for holder in holders {
            let holder = &self.repositories[holder];
            let (size, digest) = described(holder, folder)?;
            owe_backup(holder, creditor, folder.key("").trim_end_matches('/'), size, &digest)?;
        }
        Ok(())
    }

    /// Whether a backup that consists of its objects can be copied from one repository into another.
    pub fn objects_may_come(&self, from: usize, to: usize) -> Result<()> {
        let has_key = self.config.encryption.identity_file.is_some();
        let [from, to] = [from, to].map(|place| &self.repositories[place]);
        if !from.encrypts() || to.encrypts() || has_key {
            return Ok(());
        }
        let message = "the copies are encrypted, and this repository stores in the clear: a copy needs the private key";
        Err(Error::new(Class::Configuration, message))
    }

    /// The same of a snapshot of media files: a tree comes only from a tree, and packs only as they are.
    pub fn snapshot_may_come(&self, from: usize, to: usize) -> Result<()> {
        let form = |place: usize| {
            let is_folder = matches!(self.config.repositories[place].location, Location::Folder(_));
            let encrypts = self.repositories[place].encrypts();
            (encrypts, is_folder && !encrypts)
        };
        if form(from) == form(to) {
            return Ok(());
        }
        let message = "the snapshot is stored in another form than in the others and can't be copied; the next \
                       `media-backup create` takes one there";
        Err(Error::new(Class::Configuration, message))
    }
}

/// Length in bytes and digest of a description that is there.
fn described(holder: &Repository, folder: &BackupFolder) -> Result<(u64, Digest)> {
    let (key, name) = (folder.key(DESCRIPTION), holder.name());
    let read = || {
        let opened = holder.storage().open(&key, Some(DESCRIPTION_BYTES_MAX))?;
        let mut bytes = Vec::new();
        let gone = || Error::new(Class::Conflict, "it was deleted meanwhile");
        opened.ok_or_else(gone)?.read_to_end(&mut bytes).map_err(|error| read_failed(&error))?;
        Ok((bytes.len() as u64, Digest::of(&bytes)))
    };
    read().map_err(|error: Error| {
        error.while_doing(format!("could not read {key} in repository {name}"))
    })
}
