//! `seawall trust`: a human says that the backups in a repository are as old as they say.

use clap::{ArgMatches, Command};
use jiff::Timestamp;

use crate::backup::memory::{Memory, Shelf};
use crate::backup::{Catalogue, Kind};
use crate::cli::flags::switch;
use crate::cli::text::{count, plain, table};
use crate::cli::verbs::Shown;
use crate::cli::verbs::print;
use crate::cli::{asked, configure, flags};
use crate::command::pruning::clocks;
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::repository::{self, Repository};
use crate::{basebackup, media_backup, redis_backup};

pub const NAME: &str = "trust";

const ABOUT: &str = "Accepts the dates of the backups in a repository that was copied or restored

A store gives copied objects a new date. To prune, copied backups look like planted backups: prune \
     keeps them for one window, and they count for no rule. You made the copy, so you can vouch \
     for it.";

const AFTER: &str = "\
It writes a note on this host only, in state_directory, bound to the content of each description. Run it on the
host where prune runs, as the user who prunes, or as root for all kinds of backups. It changes nothing in the
repository. Backups that prune on this host saw before the copy need no note: prune remembers them.";

pub fn command() -> Command {
    let command = Command::new(NAME)
        .about(ABOUT.split_once('\n').map_or(ABOUT, |(first, _)| first))
        .long_about(ABOUT)
        .after_help(AFTER)
        .arg(switch("dry-run", "Show the plan and stop"))
        .arg(switch("yes", "Do not ask"));
    flags::with_settings(command, &[])
}

pub fn run(matches: &ArgMatches) -> Result<()> {
    let values = flags::values(matches);
    if values.repositories.is_empty() {
        return Err(Error::new(Class::Usage, "expected --repository with the one to trust")
            .hint("`seawall config show` has the names of all."));
    }
    let config = configure(&values)?;
    print(vouch(&config, &mut |plan| asked::agreed(matches, plan))?)
}

const MEANS: &str = "\
Prune on this host then believes the dates in these backups, whatever date the store gives them. Do this only with a
repository that you copied or restored yourself: prune would believe a planted backup too.
";

/// What would be entered.
struct Vouching<'a> {
    state: Option<&'a std::path::Path>,
    repositories: &'a [Repository],
    now: Timestamp,
    /// One for each kind that there is anything of.
    memories: Vec<Memory>,
    rows: Vec<Vec<String>>,
    entered: usize,
    future: usize,
    errors: Vec<Error>,
}

/// Shows its plan, has it agreed to, and carries it out.
fn vouch(config: &Config, agree: &mut dyn FnMut(&str) -> Result<bool>) -> Result<Shown> {
    let state = config.state_directory.as_deref();
    Memory::of(state, "basebackup").expect_state(state)?;
    let repositories = repository::open_all(config, None)?;
    let now = clocks(&repositories, &|_| false, None).now;
    let mut vouching = Vouching {
        state,
        repositories: &repositories,
        now,
        memories: Vec::new(),
        rows: Vec::new(),
        entered: 0,
        future: 0,
        errors: Vec::new(),
    };
    vouching.kind::<basebackup::Description>(config, &|it| format!("base backups of {it}"));
    vouching.kind::<redis_backup::RedisDescription>(config, &|()| "Redis backups".to_owned());
    for set in &config.media {
        let of_set = Config { media: vec![set.clone()], ..config.clone() };
        let what = |()| format!("snapshots of {}", set.name);
        vouching.kind::<media_backup::SnapshotDescription>(&of_set, &what);
    }
    vouching.end(agree)
}

impl Vouching<'_> {
    /// `what` says what is of one system.
    fn kind<K: Kind>(&mut self, config: &Config, what: &dyn Fn(K::System) -> String) {
        let mut memory = Memory::to_vouch(self.state, K::NOTES);
        let mut catalogue = Catalogue::<K>::read(self.repositories, K::name(config));
        memory.recall(&mut catalogue, self.repositories);
        let failed = catalogue.failures.iter().map(|it| it.repository).collect();
        for system in &catalogue.systems {
            let shelves = Shelf::each(&catalogue, *system, self.repositories, &failed);
            self.vouch(&mut memory, &shelves, &what(*system));
        }
        self.memories.push(memory);
        self.errors.extend(catalogue.errors().cloned());
    }

    fn vouch(&mut self, memory: &mut Memory, shelves: &[Shelf<'_>], what: &str) {
        for shelf in shelves {
            let vouched = memory.vouch(shelf, self.now);
            let time = |it: Option<Timestamp>| it.map_or(String::new(), |it| format!("{it:.0}"));
            let (Some(_), total) = (vouched.oldest, vouched.entered + vouched.known) else {
                self.future += vouched.future;
                continue;
            };
            self.rows.push(vec![
                plain(what),
                shelf.repository.name().to_owned(),
                total.to_string(),
                vouched.entered.to_string(),
                time(vouched.oldest),
                time(vouched.newest),
            ]);
            self.entered += vouched.entered;
            self.future += vouched.future;
        }
    }

    fn end(mut self, agree: &mut dyn FnMut(&str) -> Result<bool>) -> Result<Shown> {
        let heads = ["WHAT", "IN", "BACKUPS", "DOUBTED", "OLDEST", "NEWEST"].map(str::to_owned);
        let mut text = table(&[vec![heads.into()], self.rows].concat(), &[2, 3]) + "\n";
        if self.future > 0 {
            let future = count(self.future as u64, "backup");
            text += &format!("Left out: {future}, whose end is in the future.\n");
        }
        if self.entered == 0 {
            text += "No date is in doubt: there is nothing to note.\n";
            return Ok(Shown { text, errors: self.errors });
        }
        if !agree(&(text + MEANS))? {
            return Ok(Shown { text: String::new(), errors: self.errors });
        }
        for mut memory in self.memories {
            self.errors.extend(memory.keep().err());
        }
        let text = format!("Entered {}.\n", count(self.entered as u64, "backup"));
        Ok(Shown { text, errors: self.errors })
    }
}
