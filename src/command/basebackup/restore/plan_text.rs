//! The plan of a restore, in words for people and as JSON for programs: what is written where, and what becomes of what is there.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::options::RestoreOptions;
use crate::basebackup::restore::{
    Opened, OutsideSetting, RecoveryTarget, RestoreDirectory, RestorePlan, RestoreTarget,
    TablespacePlace, missing_above, room,
};
use crate::repository::Repository;
use crate::words::plain;

/// Nobody is to find out by the gap that it leaves.
pub(super) const ARCHIVE_AGAIN: &str =
    "ALTER SYSTEM SET archive_mode = 'on' and a restart turn it on";

/// Whether the restored server archives.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Archiving {
    Off,
    AsTheOldServer,
    OncePromoted,
}

impl Archiving {
    /// A standby is the server of tomorrow, and as long as it is a standby it archives only with `always`, what the primary
    /// archives too. One that never archives, once it leads, is found out when its WAL is missing.
    pub fn of(options: &RestoreOptions<'_>) -> Self {
        match (options.archive, options.standby) {
            (true, _) => Self::AsTheOldServer,
            (false, true) => Self::OncePromoted,
            (false, false) => Self::Off,
        }
    }
}

pub(super) struct PlanText<'a> {
    pub place: &'a RestoreDirectory,
    pub tablespaces: &'a [TablespacePlace],
    pub opened: &'a Opened,
    pub archiving: Archiving,
    /// What the server needs of this environment, if anything.
    pub environment: Option<String>,
    /// WAL that was acknowledged and is not here.
    pub lacking: Vec<String>,
}

impl PlanText<'_> {
    pub fn words(
        &self,
        plan: &RestorePlan<'_>,
        wish: &RestoreTarget<'_>,
        repositories: &[Repository],
    ) -> String {
        let names: Vec<&str> = repositories.iter().map(Repository::name).collect();
        let place = self.place;
        let mut text = plan.describe(wish, &names, &self.opened.repositories, room(&place.data));
        let mut line =
            |what: &str, value: String| text += &format!("{what:<12}{}\n", plain(&value));
        if let Some(other) = place.system.filter(|system| *system != plan.backup.system) {
            line("beware", format!("the directory belongs to another system, {other}"));
        }
        self.lacking.iter().for_each(|text| line("beware", text.clone()));
        line("into", self.into());
        for tablespace in self.tablespaces {
            line("tablespace", self.of_tablespace(tablespace));
        }
        if let Some(wal) = self.wal() {
            line("pg_wal", wal);
        }
        match self.archiving {
            Archiving::Off => line(
                "archiving",
                format!(
                    "off in this server, so that a test can't write into a repository: {ARCHIVE_AGAIN}; so does --archive"
                ),
            ),
            Archiving::OncePromoted => line(
                "archiving",
                "as on the old server: it archives once it is promoted, or at once with archive_mode \
                 = always; if it is a test, set archive_mode = off before it starts"
                    .to_owned(),
            ),
            Archiving::AsTheOldServer => {}
        }
        self.elsewhere().into_iter().for_each(|text| line("elsewhere", text));
        if let Some(environment) = &self.environment {
            line("beware", environment.clone());
        }
        text
    }

    /// What the server will need or write outside of the directory.
    fn elsewhere(&self) -> Vec<String> {
        let (description, data) = (&self.opened.description, &self.place.data);
        let told = description.elsewhere.iter().flatten();
        let hba = told.clone().any(|it| it.setting == "hba_file");
        let missing = self.opened.without.iter().filter(|name| !(hba && **name == "pg_hba.conf"));
        let missing = missing.map(|name| {
            format!("{name} is not in the backup: the server needs one on this host to start")
        });
        let told = told.filter_map(|it| OutsideSetting::of(it, data)).map(|it| it.text);
        let mut lines: Vec<String> = missing.chain(told).collect();
        if description.elsewhere.is_none() && !self.opened.without.contains(&"postgresql.conf") {
            lines.push(
                "an older version took this backup: the files of its configuration outside of the directory are named once the restored files are there"
                    .to_owned(),
            );
        }
        lines
    }

    fn into(&self) -> String {
        let place = self.place;
        let mut into = place.data.display().to_string();
        if let Some(link) = &place.link {
            into += &format!(", where {} leads", link.display());
        }
        if let Some(aside) = &place.aside {
            into += &format!(" (the old directory is moved to {})", aside.display());
        } else if place.goes_on {
            into += " (continues an interrupted restore)";
        } else if !place.fresh {
            into += " (files that differ are overwritten or removed)";
        } else if let Some(last) = missing_above(&place.data).last() {
            into += &format!(" (makes {} first)", last.display());
        }
        into
    }

    fn of_tablespace(&self, tablespace: &TablespacePlace) -> String {
        let was = self.opened.description.tablespaces.iter().find(|it| it.oid == tablespace.oid);
        let was = was.map(|it| Path::new(&it.location)).filter(|was| *was != tablespace.folder);
        let mut text = format!("{} into {}", tablespace.oid, tablespace.folder.display());
        if let Some(was) = was {
            text += &format!(", was in {}", was.display());
        }
        let made = missing_above(&tablespace.folder);
        if let Some(last) = made.last() {
            text += &format!(" (makes {} first)", last.display());
        }
        for (from, to) in &tablespace.aside {
            text += &format!(" ({} is moved to {})", from.display(), to.display());
        }
        text
    }

    /// A link that the old directory has, to another disk.
    fn wal(&self) -> Option<String> {
        let target = fs::read_link(self.place.data.join("pg_wal")).ok()?;
        Some(match self.place.aside {
            Some(_) => format!(
                "into the directory itself; the old one is a link to {}, which is left alone",
                target.display()
            ),
            None => {
                format!(
                    "into {}, the target of its link: the files there are removed",
                    target.display()
                )
            }
        })
    }
}

impl PlanText<'_> {
    /// `words` is what people are shown of it.
    pub fn json(
        &self,
        plan: &RestorePlan<'_>,
        wish: &RestoreTarget<'_>,
        repositories: &[Repository],
        words: &str,
    ) -> Value {
        let (backup, facts) = (plan.backup, &plan.backup.facts);
        let names = self.opened.repositories.iter().filter_map(|at| repositories.get(*at));
        let tablespaces = self
            .tablespaces
            .iter()
            .map(|it| json!({ "oid": it.oid, "into": it.folder.to_string_lossy() }));
        let archiving = match self.archiving {
            Archiving::Off => "off",
            Archiving::AsTheOldServer => "as_the_old_server",
            Archiving::OncePromoted => "once_promoted",
        };
        json!({
            "id": backup.id,
            "label": facts.label,
            "began": facts.start.time.to_string(),
            "ended": facts.stop.time.to_string(),
            "system": backup.system.to_string(),
            "repositories": names.map(Repository::name).collect::<Vec<_>>(),
            "bytes": facts.size,
            "wal": {
                "from": facts.start.lsn.to_string(),
                "to": plan.choice.reach.to_string(),
                "timeline": plan.choice.timeline.number(),
                "stored": plan.stored.map(|it| it.to_string()),
                "missing_up_to": plan.resumes.map(|it| it.to_string()),
                "dropped": plan.dropped.map(ToString::to_string),
            },
            "target": target(wish),
            "into": self.place.data.to_string_lossy(),
            "moved_aside_to": self.place.aside.as_ref().map(|it| it.to_string_lossy()),
            "tablespaces": tablespaces.collect::<Vec<_>>(),
            "archiving": archiving,
            "words": words,
        })
    }
}

fn target(wish: &RestoreTarget<'_>) -> Value {
    let (kind, value) = match wish.target {
        RecoveryTarget::Latest => ("latest", Value::Null),
        RecoveryTarget::Immediate => ("immediate", Value::Null),
        RecoveryTarget::Time(time) => ("time", time.to_string().into()),
        RecoveryTarget::Lsn(lsn) => ("lsn", lsn.to_string().into()),
        RecoveryTarget::Xid(xid) => ("xid", (*xid).into()),
        RecoveryTarget::Name(name) => ("name", name.as_str().into()),
    };
    json!({ "kind": kind, "value": value, "inclusive": wish.inclusive })
}
