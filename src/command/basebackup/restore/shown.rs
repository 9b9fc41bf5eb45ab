//! The plan of a restore, for people: what is written where, and what becomes of what is there.

use std::fs;
use std::path::Path;

use crate::base_backup::restore::{Opened, Place, RestorePlan, TablespacePlace, Wish, room};
use crate::repository::Repository;
use crate::words::plain;

pub(super) struct Shown<'a> {
    pub place: &'a Place,
    pub tablespaces: &'a [TablespacePlace],
    pub opened: &'a Opened,
}

impl Shown<'_> {
    pub fn text(
        &self,
        plan: &RestorePlan<'_>,
        wish: &Wish<'_>,
        repositories: &[Repository],
    ) -> String {
        let names: Vec<&str> = repositories.iter().map(Repository::name).collect();
        let place = self.place;
        let mut text = plan.describe(wish, &names, &self.opened.repositories, room(&place.data));
        let mut line =
            |what: &str, value: String| text += &format!("{what:<12}{}\n", plain(&value));
        if let Some(other) = place.system.filter(|system| *system != plan.backup.system) {
            line("beware", format!("what is there is of another system, {other}"));
        }
        line("into", self.into());
        for tablespace in self.tablespaces {
            line("tablespace", self.of_tablespace(tablespace));
        }
        if let Some(wal) = self.wal() {
            line("pg_wal", wal);
        }
        text
    }

    fn into(&self) -> String {
        let place = self.place;
        let mut into = place.data.display().to_string();
        if let Some(link) = &place.link {
            into += &format!(", where {} leads", link.display());
        }
        if let Some(aside) = &place.aside {
            into += &format!(" (what is there is moved to {})", aside.display());
        } else if place.goes_on {
            into += " (goes on with what an interrupted restore has left)";
        } else if !place.fresh {
            into += " (what differs there is written over or removed)";
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
                format!("into {}, where its link leads: what is there is removed", target.display())
            }
        })
    }
}
