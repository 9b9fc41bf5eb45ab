//! What `--replace` moves aside: the old data directory, and its tablespaces within their folders.

use std::path::{Path, PathBuf};

use super::tablespaces::TablespacePlace;
use crate::durable;
use crate::error::Result;
use crate::failpoint;

/// What has to go before the files can be laid down.
#[derive(Debug, Clone, Copy)]
pub struct Moves<'a> {
    /// Where the old directory goes.
    pub aside: Option<&'a Path>,
    pub tablespaces: &'a [TablespacePlace],
}

impl Moves<'_> {
    pub const NONE: Self = Self { aside: None, tablespaces: &[] };

    /// The directory goes first: from then on no server starts. Its links still show whose the tablespaces are, so that the same
    /// command goes on after a crash. What can't be moved leaves all where it was.
    pub fn carry_out(&self, data: &Path) -> Result<()> {
        let directory = self.aside.map(|aside| (data.to_owned(), aside.to_owned()));
        let tablespaces = self.tablespaces.iter().flat_map(|it| &it.aside);
        let mut moved = Vec::new();
        for pair in directory.iter().chain(tablespaces) {
            if let Err(error) = move_aside(&pair.0, &pair.1) {
                put_back(&moved);
                return Err(error);
            }
            moved.push(pair);
            failpoint::reach("restore.aside-moved");
        }
        Ok(())
    }
}

fn move_aside(from: &Path, to: &Path) -> Result<()> {
    durable::hand_over(from, to)?;
    from.parent().map_or(Ok(()), durable::sync_folder)
}

/// An error that comes on top is less to know than the first one.
fn put_back(moved: &[&(PathBuf, PathBuf)]) {
    for (from, to) in moved.iter().rev() {
        if let Err(error) = move_aside(to, from) {
            tracing::error!("{to:?} is to go back to {from:?}: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_can_not_be_moved_leaves_all_where_it_was() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for folder in ["data", "one/PG_18_1", "other/PG_18_1"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        let tablespace = |oid, name: &str| TablespacePlace {
            oid,
            folder: at(name),
            aside: vec![(at(name).join("PG_18_1"), at(name).join("PG_18_1.old"))],
        };
        let tablespaces = [tablespace(7, "one"), tablespace(8, "other")];
        let aside = at("data.old");
        let mut broken = tablespaces.clone();
        broken[1].aside[0].1 = at("nowhere/PG_18_1.old");
        let moves = Moves { aside: Some(&aside), tablespaces: &broken };
        assert!(moves.carry_out(&at("data")).is_err());
        assert!(["data", "one/PG_18_1", "other/PG_18_1"].iter().all(|name| at(name).is_dir()));
        let moves = Moves { aside: Some(&aside), tablespaces: &tablespaces };
        moves.carry_out(&at("data")).unwrap();
        assert!(
            ["data.old", "one/PG_18_1.old", "other/PG_18_1.old"]
                .iter()
                .all(|name| at(name).is_dir())
        );
    }
}
