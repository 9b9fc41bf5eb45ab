//! What would survive a power cut, going by the syncs so far.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::event::Event;
use super::line::Call;

/// Files, folders and names that a program made or changed. Times are lines of the trace: a sync covers what
/// had ended when it began.
#[derive(Default)]
pub struct Disk {
    nodes: BTreeMap<PathBuf, Node>,
    /// When the last sync of a file or a folder began.
    synced: BTreeMap<PathBuf, usize>,
    /// The same for a whole file system.
    all_synced: Option<usize>,
    /// When the last name in a folder was taken away.
    removed: BTreeMap<PathBuf, usize>,
}

#[derive(Clone, Copy, Default)]
struct Node {
    /// When the last bytes were written.
    written: Option<usize>,
    /// When it was given its name.
    named: Option<usize>,
}

impl Disk {
    /// What was there before is taken for durable.
    pub(super) fn with(known: &[PathBuf]) -> Disk {
        let nodes = known.iter().map(|path| (path.clone(), Node::default())).collect();
        Disk { nodes, ..Disk::default() }
    }

    pub(super) fn happens(&mut self, event: &Event, call: &Call) {
        let now = Some(call.ended);
        match event {
            Event::Written(path) => self.node(path).written = now,
            Event::Created(path) => {
                let new = Node { written: None, named: now };
                self.nodes.entry(path.clone()).or_insert(new);
            }
            Event::Synced(path) => {
                self.synced.insert(path.clone(), call.begun);
            }
            Event::AllSynced => self.all_synced = Some(call.begun),
            Event::Renamed { from, to } => self.rename(from, to, call),
            Event::Linked { from, to } => {
                let node = Node { named: now, ..*self.node(from) };
                let synced = self.synced.get(from).copied();
                self.synced.extend(synced.map(|synced| (to.clone(), synced)));
                self.nodes.insert(to.clone(), node);
            }
            Event::Removed(path) => {
                // A folder that is empty now: if it comes back, then as it was synced last.
                if self.has_removals(path) {
                    self.removed.remove(path);
                }
                self.forget(path);
                self.removed.insert(parent(path), call.ended);
            }
        }
    }

    /// With all that is below it, where it is a folder.
    fn rename(&mut self, from: &Path, to: &Path, call: &Call) {
        self.node(from);
        self.forget(to);
        let moved = |path: &Path| match path.strip_prefix(from) {
            Ok(below) if below.as_os_str().is_empty() => Some(to.to_owned()),
            Ok(below) => Some(to.join(below)),
            Err(_) => None,
        };
        self.nodes = std::mem::take(&mut self.nodes)
            .into_iter()
            .map(|(path, node)| (moved(&path).unwrap_or(path), node))
            .collect();
        self.synced = std::mem::take(&mut self.synced)
            .into_iter()
            .map(|(path, time)| (moved(&path).unwrap_or(path), time))
            .collect();
        self.node(to).named = Some(call.ended);
    }

    fn node(&mut self, path: &Path) -> &mut Node {
        self.nodes.entry(path.to_owned()).or_default()
    }

    fn forget(&mut self, path: &Path) {
        self.nodes.retain(|found, _| !found.starts_with(path));
        self.synced.retain(|found, _| !found.starts_with(path));
    }

    /// Whether what happened at this time to a file, or to the names in a folder, is on the disk.
    fn covers(&self, path: &Path, happened: Option<usize>) -> bool {
        let last = self.synced.get(path).copied().max(self.all_synced);
        happened.is_none_or(|time| last.is_some_and(|last| last > time))
    }

    /// Whether there is anything of this name, made by the program or there before.
    pub fn has(&self, path: &Path) -> bool {
        self.nodes.contains_key(path)
    }

    /// Whether all bytes of a file were synced since they were written.
    pub fn has_content(&self, path: &Path) -> bool {
        self.covers(path, self.nodes.get(path).and_then(|node| node.written))
    }

    /// Whether the folder that a file or a folder is in was synced since that got its name.
    pub fn has_name(&self, path: &Path) -> bool {
        self.covers(&parent(path), self.nodes.get(path).and_then(|node| node.named))
    }

    /// Whether a folder was synced since a name in it was taken away.
    pub fn has_removals(&self, folder: &Path) -> bool {
        self.covers(folder, self.removed.get(folder).copied())
    }

    /// Whether a file or folder was synced at all.
    pub fn was_synced(&self, path: &Path) -> bool {
        self.synced.contains_key(path) || self.all_synced.is_some()
    }

    /// What a power cut would take below a path, its own name included: files, and names. What is called as
    /// temporary files are may go.
    pub fn at_risk(&self, below: &Path) -> Vec<String> {
        let durable = |path: &&PathBuf| path.starts_with(below) && !is_temporary(path);
        let mut lost = Vec::new();
        for path in self.nodes.keys().filter(durable) {
            if !self.has_content(path) {
                lost.push(format!("the content of {}", path.display()));
            }
            if !self.has_name(path) {
                lost.push(format!("the name {}", path.display()));
            }
        }
        lost
    }
}

pub fn is_temporary(path: &Path) -> bool {
    path.iter().any(|name| name.as_encoded_bytes().starts_with(b".seawall-tmp"))
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("/")).to_owned()
}
