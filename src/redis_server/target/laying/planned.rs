use jiff::{SignedDuration, Timestamp};

use crate::error::{Class, Error, Result};
use crate::redis_server::files::{Entry, Kind, Manifest};
use crate::redis_server::target::Target;
use crate::redis_server::target::inside::Inside;
use crate::redis_server::target::names::sequence;
use crate::redis_server::target::plan::Plan;

/// A file that was written and waits for its name.
pub struct Prepared {
    /// As the backup calls it; `None` for its RDB file.
    pub name: Option<String>,
    /// Relative to the server's folder.
    pub path: String,
}

impl Prepared {
    pub fn is_manifest(&self) -> bool {
        self.name.as_ref().is_some_and(|name| name.ends_with(".manifest"))
    }
}

/// What lies in the server's folder, and how it is called when it has made room.
pub struct Old<'a> {
    target: &'a Target,
    inside: &'a Inside,
    /// `.old-20261122T221500Z`.
    suffix: String,
    /// The files in the folder of the multi-part AOF.
    set: Vec<String>,
}

impl<'a> Old<'a> {
    pub fn look(target: &'a Target, inside: &'a Inside, now: Timestamp) -> Result<Self> {
        let mut second = now;
        let mut suffix = second.strftime(".old-%Y%m%dT%H%M%SZ").to_string();
        let names = [&target.dbfilename, &target.appendfilename, &target.appenddirname];
        // Two restores within a second.
        while names.iter().any(|name| inside.exists(&format!("{name}{suffix}"))) {
            second = second.saturating_add(SignedDuration::from_secs(1)).unwrap_or(second);
            suffix = second.strftime(".old-%Y%m%dT%H%M%SZ").to_string();
        }
        let set = inside.names(&target.appenddirname)?;
        Ok(Self { target, inside, suffix, set })
    }

    pub fn manifest_name(&self) -> String {
        format!("{}.manifest", self.target.appendfilename)
    }

    /// The new file takes the name of the old one, which is kept.
    pub fn replace(&self, plan: &mut Plan, prepared: &str, name: &str) {
        // Only what is there now: a later run would keep the new file.
        if self.inside.exists(name) {
            plan.keep(name, &format!("{name}{}", self.suffix));
            plan.sync(".");
        }
        plan.put(prepared, name);
        plan.sync(".");
    }

    pub fn put_aside(&self, plan: &mut Plan, name: &str) {
        if self.inside.exists(name) {
            plan.aside(name, &format!("{name}{}", self.suffix));
        }
    }

    pub fn keep_manifest(&self, plan: &mut Plan) {
        if self.set.is_empty() {
            return;
        }
        let (folder, name) = (&self.target.appenddirname, self.manifest_name());
        let aside = format!("{folder}{}", self.suffix);
        plan.folder(&aside);
        if self.set.contains(&name) {
            plan.keep(&format!("{folder}/{name}"), &format!("{aside}/{name}"));
        }
        plan.sync(&aside);
        plan.sync(".");
    }

    pub fn put_set_aside(&self, plan: &mut Plan) {
        let (folder, manifest) = (&self.target.appenddirname, self.manifest_name());
        let aside = format!("{folder}{}", self.suffix);
        for name in self.set.iter().filter(|name| **name != manifest) {
            plan.aside(&format!("{folder}/{name}"), &format!("{aside}/{name}"));
        }
        if !self.set.is_empty() {
            plan.sync(&aside);
        }
    }

    /// The first number that no file in the folder has: no new file takes the place of an old one.
    fn first_number(&self) -> u64 {
        self.set.iter().filter_map(|name| sequence(name)).max().map_or(1, |last| last + 1)
    }

    /// The one file becomes the base of a set.
    pub fn renamed_base(&self, prepared: &str, ending: &str) -> (Vec<(String, String)>, String) {
        let sequence = self.first_number();
        let name = format!("{}.{sequence}.base.{ending}", self.target.appendfilename);
        let entries = vec![Entry { name: name.clone(), sequence, kind: Kind::Base }];
        (vec![(prepared.to_owned(), name)], Manifest { entries }.to_string())
    }

    /// The files of a set get the numbers that come next here, and their manifest says so.
    pub fn renamed_set(
        &self,
        files: &[Prepared],
        manifest: &str,
    ) -> Result<(Vec<(String, String)>, String)> {
        let manifest = Manifest::parse(manifest)?;
        let first = self.first_number();
        let (mut names, mut entries) = (Vec::new(), Vec::new());
        let (mut increments, prefix) = (0, &self.target.appendfilename);
        for Entry { name, kind, .. } in manifest.needed() {
            let prepared = files.iter().find(|file| file.name.as_ref() == Some(name));
            let prepared = prepared.ok_or_else(|| {
                let message = format!(
                    "expected {name:?} of the manifest among the files of the AOF, found none"
                );
                Error::new(Class::Damaged, message)
            })?;
            let (sequence, ending) = match kind {
                Kind::Increment => (first + increments, "incr.aof"),
                _ if name.ends_with(".rdb") => (first, "base.rdb"),
                _ => (first, "base.aof"),
            };
            increments += u64::from(*kind == Kind::Increment);
            let name = format!("{prefix}.{sequence}.{ending}");
            names.push((prepared.path.clone(), name.clone()));
            entries.push(Entry { name, sequence, kind: *kind });
        }
        Ok((names, Manifest { entries }.to_string()))
    }
}
