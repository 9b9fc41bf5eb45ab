//! What lies side by side below a beginning of keys.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::Repository;
use crate::error::Result;
use crate::postgres::SystemIdentifier;

impl Repository {
    /// The systems of a cluster that this repository holds anything of, oldest first: the upper half of
    /// an identifier is the time of `initdb` (`BootStrapXLOG` in `xlog.c`). One listing request for each.
    pub fn systems(&self, cluster: &str) -> Result<Vec<SystemIdentifier>> {
        let folders = self.folders(&format!("postgres/{cluster}/"))?;
        let number = |folder: &String| {
            folder.parse::<u64>().ok().filter(|number| number.to_string() == *folder)
        };
        let numbers: BTreeSet<u64> = folders.iter().filter_map(number).collect();
        Ok(numbers.into_iter().map(SystemIdentifier).collect())
    }

    /// What follows this beginning of keys up to the next `/`, in order. One listing request for each.
    pub fn folders(&self, root: &str) -> Result<Vec<String>> {
        self.first_folders(root, usize::MAX)
    }

    /// The first so many of them: nobody knows who made them.
    pub fn first_folders(&self, root: &str, max: usize) -> Result<Vec<String>> {
        let (mut folders, mut after) = (Vec::new(), String::new());
        loop {
            if folders.len() == max {
                return Ok(folders);
            }
            let mut found = None;
            let listed = self.storage.list(root, &after, &mut |listed| {
                found = Some(listed.key.to_owned());
                ControlFlow::Break(())
            });
            listed.map_err(|error| self.not_listed(error))?;
            let Some(key) = found else { return Ok(folders) };
            let below = key.strip_prefix(root).unwrap_or_default();
            after = match below.split_once('/') {
                Some((folder, _)) => {
                    folders.push(folder.to_owned());
                    // `0` comes right after `/`, so this is behind all that is in the folder.
                    format!("{root}{folder}0")
                }
                None => key,
            };
        }
    }
}
