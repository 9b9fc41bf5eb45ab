//! Which repositories a call stores in, and which ones are owed what it stores: one that just failed, and one that is owed
//! WAL of before, which it gets first.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use crate::codec::Label;
use crate::config::Config;
use crate::data_directory::StateFolder;
use crate::debts::{AwayNotes, ClearMark, Quorum, creditor_of, is_owed_wal, owe};
use crate::error::{Class, Error, Result};
use crate::postgres::WalFileName;
use crate::repository::{self, Repository, WalFolder};
use crate::threads::{self, lock};

/// A store that answers does so while the file is pushed; beyond that nobody waits for it.
const PROBE_TIME: Duration = Duration::from_millis(200);

/// The repositories of a call, as they stand.
pub(super) struct PushRepositories<'a> {
    pub config: &'a Config,
    pub repositories: &'a [Repository],
    pub folder: WalFolder,
    pub quorum: Quorum,
    /// Without a data directory nothing is remembered.
    away: Option<AwayNotes>,
    clear: Option<Vec<ClearMark>>,
    /// Those that get nothing now, by their places.
    left_out: Vec<AtomicBool>,
    /// Those of them that failed, and are asked meanwhile whether they are back.
    probes: Mutex<Vec<(usize, Receiver<bool>)>>,
    /// The creditors of whose debts this process began a generation.
    begun: Mutex<BTreeSet<usize>>,
}

impl<'a> PushRepositories<'a> {
    pub(super) fn of(
        config: &'a Config,
        repositories: &'a [Repository],
        state: Option<&StateFolder>,
        folder: WalFolder,
    ) -> Self {
        let about = format!("{} {}", repository::fingerprint(config), folder.system());
        let mark = |state: &StateFolder, one| ClearMark::new(state.path(), one, about.clone());
        let marks = |state: &StateFolder| repositories.iter().map(|one| mark(state, one)).collect();
        let standing = Self {
            config,
            repositories,
            folder,
            quorum: Quorum::of(config, repositories),
            away: state.map(|state| AwayNotes::new(state.path())),
            clear: state.map(marks),
            left_out: repositories.iter().map(|_| AtomicBool::new(false)).collect(),
            probes: Mutex::default(),
            begun: Mutex::default(),
        };
        if repositories.len() > 1 {
            standing.leave_out_the_away(state);
            for place in standing.places() {
                if standing.owes(place) {
                    standing.leave_out(place);
                }
            }
        }
        standing
    }

    pub(super) fn places(&self) -> std::ops::Range<usize> {
        0..self.repositories.len()
    }

    /// Those that take part, by their places.
    pub(super) fn taking_part(&self) -> Vec<usize> {
        self.places().filter(|place| !self.is_left_out(*place)).collect()
    }

    pub(super) fn is_left_out(&self, place: usize) -> bool {
        self.left_out[place].load(Ordering::Relaxed)
    }

    fn leave_out(&self, place: usize) {
        self.left_out[place].store(true, Ordering::Relaxed);
    }

    pub(super) fn take_in(&self, place: usize) {
        self.left_out[place].store(false, Ordering::Relaxed);
    }

    /// Where it can't be done without one that failed, none is left out.
    fn leave_out_the_away(&self, state: Option<&StateFolder>) {
        let Some(away) = self.away.clone() else { return };
        let failed = |place: &usize| away.failed_before(&self.repositories[*place]);
        let failed: Vec<usize> = self.places().filter(failed).collect();
        let others = self.places().filter(|place| !failed.contains(place));
        if failed.is_empty() || !self.quorum.is_met(others) {
            return;
        }
        for place in failed {
            self.leave_out(place);
            let repository = &self.repositories[place];
            if !away.is_left_out(repository) {
                away.is_tried(repository);
                let probe = self.probe(place, state);
                lock(&self.probes).extend(probe.map(|probe| (place, probe)));
            }
        }
    }

    /// Asks it something, and tells whether it answered. A thread that hangs in it ends with the process.
    fn probe(&self, place: usize, state: Option<&StateFolder>) -> Option<Receiver<bool>> {
        let (sender, answer) = mpsc::channel();
        let state = state.map(StateFolder::path);
        let mut opened = repository::open_all(self.config, state).ok()?;
        // Nothing is there; but who says so answers.
        let (repository, key) =
            (opened.swap_remove(place), format!("{}back", self.folder.prefix()));
        let ask = move || {
            // Who asked may have lost patience.
            let _ = sender.send(repository.storage().head(&key).is_ok());
        };
        threads::start("probe", ask).ok().map(|_| answer)
    }

    /// Whether a repository is owed WAL, as far as can be known: then it gets no later one before.
    fn owes(&self, place: usize) -> bool {
        let mark = self.clear.as_ref().map(|marks| &marks[place]);
        if mark.is_some_and(ClearMark::is_set) {
            return false;
        }
        let generation = mark.map(ClearMark::generation).unwrap_or_default();
        let wrote_debts = !generation.is_empty();
        if !wrote_debts && self.quorum.is_all() {
            return false;
        }
        let creditor = creditor_of(&self.repositories[place]);
        let mut is_known = true;
        for other in self.places().filter(|other| *other != place) {
            // A host that wrote none asks those that answer at once: its notes may be lost, and nothing else.
            if !wrote_debts && !self.repositories[other].storage().reads_are_cheap() {
                continue;
            }
            if self.is_left_out(other) {
                is_known = false;
                continue;
            }
            match is_owed_wal(&self.repositories[other], &creditor, &self.folder) {
                Ok(true) => return true,
                Ok(false) => {}
                Err(error) => {
                    if wrote_debts {
                        tracing::warn!("{error}");
                    }
                    is_known = false;
                }
            }
        }
        if let (true, true, Some(mark)) = (is_known, wrote_debts, mark) {
            mark.set(&generation);
        }
        // One that may note a debt is away, and this host wrote debts.
        !is_known && wrote_debts
    }

    /// A repository failed: it gets nothing more in this call, and is left out for a minute.
    pub(super) fn fell(&self, place: usize, error: &Error) {
        self.leave_out(place);
        if let Some(away) = &self.away {
            away.failed(&self.repositories[place], error);
        }
    }

    /// A repository has the file: whatever was noted of it, it is back.
    pub(super) fn took(&self, place: usize) {
        if let Some(away) = &self.away
            && self.repositories.len() > 1
            && away.failed_before(&self.repositories[place])
        {
            away.answered(&self.repositories[place]);
        }
    }

    /// Those that are left out and may get what they are owed now.
    pub(super) fn may_be_paid(&self) -> Vec<usize> {
        let Some(away) = &self.away else { return Vec::new() };
        for (place, probe) in &*lock(&self.probes) {
            if probe.recv_timeout(PROBE_TIME) == Ok(true) {
                away.answered(&self.repositories[*place]);
            }
        }
        let answers = |place: &usize| !away.failed_before(&self.repositories[*place]);
        self.places().filter(|place| self.is_left_out(*place)).filter(answers).collect()
    }

    /// Nothing is owed to it any more, as was found in this generation of debts.
    pub(super) fn is_clear(&self, place: usize, generation: &[u8]) {
        if let Some(marks) = &self.clear {
            marks[place].set(generation);
        }
    }

    pub(super) fn generation(&self, place: usize) -> Vec<u8> {
        self.clear.as_ref().map(|marks| marks[place].generation()).unwrap_or_default()
    }

    /// Writes down, beside each good copy, that these repositories lack a file.
    pub(super) fn owe(
        &self,
        name: WalFileName,
        label: &Label,
        took: &[usize],
        lacking: &[usize],
    ) -> Result<()> {
        for creditor in lacking {
            if let Some(marks) = &self.clear
                && lock(&self.begun).insert(*creditor)
            {
                marks[*creditor].begin_generation()?;
            }
            for holder in took {
                let [holder, creditor] = [holder, creditor].map(|place| &self.repositories[*place]);
                owe(holder, creditor, &self.folder, name, label)?;
            }
        }
        Ok(())
    }

    /// The names of these repositories.
    pub(super) fn names(&self, places: &[usize]) -> Vec<String> {
        places.iter().map(|place| self.repositories[*place].name().to_owned()).collect()
    }

    /// The error of one that must have this file, and is owed what comes before it.
    pub(super) fn must_be_paid(&self, place: usize, left: usize) -> Error {
        let name = self.repositories[place].name();
        let files = if left == 1 { "1 WAL file" } else { &format!("{left} WAL files") };
        let message =
            format!("repository {name} is owed {files} from before, and gets those first");
        Error::new(Class::Unreachable, message)
            .hint("Nothing is lost: the other repositories have them. `seawall settle` goes on, and says what stands in the way.")
    }
}
