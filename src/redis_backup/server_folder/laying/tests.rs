//! Each kind of backup into each kind of folder, killed after every step of its plan.

use std::fs;

use super::*;
use crate::redis_backup::server_folder::TargetOverrides;

const RDB: &[u8] = b"REDIS0010\xff\0\0\0\0\0\0\0\0";

/// A folder of a server, with old files, and a restore into it.
struct LayingCase {
    place: tempfile::TempDir,
    target: RedisTarget,
}

impl LayingCase {
    fn new(appendonly: bool, version: &str, old: &[(&str, &str)]) -> Self {
        let place = tempfile::tempdir().unwrap();
        for (name, content) in old {
            let path = place.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let overrides = TargetOverrides {
            dir: Some(place.path().to_owned()),
            appendonly: Some(appendonly),
            version: Some(version.to_owned()),
            dbfilename: None,
            likely: None,
        };
        let target = RedisTarget::read(None, &overrides).unwrap();
        Self { place, target }
    }

    /// Prepared and planned, but not carried out.
    fn plan(&self, files: &[(Option<&str>, &[u8])]) -> Result<RenamePlan> {
        let mut laying = self.target.begin()?;
        for (name, content) in files {
            match name {
                None => laying.begin_rdb()?,
                Some(name) => laying.begin_file(name)?,
            }
            laying.write(content)?;
        }
        laying.end_file()?;
        let plan = laying.plan("2026-11-22T22:15:00Z".parse().unwrap())?;
        plan.write(&self.inside())?;
        Ok(plan)
    }

    fn inside(&self) -> ServerFolder {
        ServerFolder::open(self.place.path()).unwrap()
    }

    /// Carried out up to its end.
    fn carry_out(&self, plan: &RenamePlan) {
        plan.carry_out(&self.inside(), Owner::ours()).unwrap();
    }

    /// Every file with its content, by its name.
    fn files(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        collect(self.place.path(), self.place.path(), &mut found);
        found.sort();
        found
    }

    fn has(&self, name: &str) -> Option<String> {
        let bytes = fs::read(self.place.path().join(name)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// What the server would load: the content of the files, in their order.
    fn loaded(&self) -> Option<String> {
        if self.target.aof == Aof::Off {
            return self.has("dump.rdb");
        }
        if self.target.aof == Aof::Single {
            return self.has("appendonly.aof");
        }
        let Some(manifest) = self.has("appendonlydir/appendonly.aof.manifest") else {
            return self.has("appendonly.aof");
        };
        let manifest = crate::redis_backup::server_files::AofManifest::parse(&manifest).unwrap();
        let read = |name: &str| self.has(&format!("appendonlydir/{name}")).expect("it is there");
        Some(manifest.needed().map(|entry| read(&entry.name)).collect())
    }
}

fn collect(folder: &Path, root: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, root, found);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            found.push((name, String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned()));
        }
    }
}

const OLD: &str =
    "file appendonly.aof.3.base.rdb seq 3 type b\nfile appendonly.aof.5.incr.aof seq 5 type i\n";
const EVERYTHING: &[(&str, &str)] = &[
    ("dump.rdb", "old dump"),
    ("appendonly.aof", "old single"),
    ("appendonlydir/appendonly.aof.manifest", OLD),
    ("appendonlydir/appendonly.aof.3.base.rdb", "old "),
    ("appendonlydir/appendonly.aof.5.incr.aof", "set"),
];
const SET: &[(Option<&str>, &[u8])] = &[
    (Some("appendonly.aof.1.base.rdb"), b"new "),
    (Some("appendonly.aof.1.incr.aof"), b"in "),
    (Some("appendonly.aof.2.incr.aof"), b"order"),
    (
        Some("appendonly.aof.manifest"),
        b"file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n\
          file appendonly.aof.2.incr.aof seq 2 type i\n",
    ),
];

/// Whatever step it is killed behind, the server would load the old data or the new, and the next run ends
/// where an undisturbed one does.
fn killed_anywhere(appendonly: bool, version: &str, files: &[(Option<&str>, &[u8])], new: &str) {
    for old in [&[][..], &EVERYTHING[..1], &EVERYTHING[..2], &EVERYTHING[2..], EVERYTHING] {
        let whole = LayingCase::new(appendonly, version, old);
        let before = whole.loaded();
        let plan = whole.plan(files).unwrap();
        whole.carry_out(&plan);
        assert_eq!(whole.loaded().as_deref(), Some(new));
        let result = whole.files();
        for (_, content) in old {
            assert!(result.iter().any(|(_, kept)| kept == content), "{content:?} is lost");
        }
        for steps in 0..=plan.steps.len() {
            let killed = LayingCase::new(appendonly, version, old);
            killed.plan(files).unwrap().carry_out_a_part(&killed.inside(), steps).unwrap();
            let found = killed.loaded();
            assert!(found == before || found.as_deref() == Some(new), "{steps} steps: {found:?}");
            assert!(killed.target.is_unfinished().unwrap());
            drop(killed.target.begin().unwrap());
            assert_eq!(killed.files(), result, "{steps} steps");
            assert!(!killed.target.is_unfinished().unwrap());
        }
    }
}

#[test]
fn an_rdb_file_is_laid_where_the_server_reads_it() {
    let rdb = String::from_utf8_lossy(RDB);
    for (appendonly, version) in [(false, "7.0.15"), (true, "7.0.15"), (true, "6.2.14")] {
        killed_anywhere(appendonly, version, &[(None, RDB)], &rdb);
    }
}

#[test]
fn a_set_of_append_only_files_is_read_as_it_was() {
    killed_anywhere(true, "7.0.15", SET, "new in order");
    let single: &[(Option<&str>, &[u8])] = &[(Some("appendonly.aof"), b"all of it")];
    killed_anywhere(true, "7.0.15", single, "all of it");
    killed_anywhere(true, "6.2.14", single, "all of it");
}

#[test]
fn what_was_there_has_the_time_in_its_name() {
    let case = LayingCase::new(true, "7.0.15", EVERYTHING);
    case.carry_out(&case.plan(SET).unwrap());
    let names: Vec<String> = case.files().into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "appendonly.aof.old-20261122T221500Z",
            "appendonlydir.old-20261122T221500Z/appendonly.aof.3.base.rdb",
            "appendonlydir.old-20261122T221500Z/appendonly.aof.5.incr.aof",
            "appendonlydir.old-20261122T221500Z/appendonly.aof.manifest",
            "appendonlydir/appendonly.aof.6.base.rdb",
            "appendonlydir/appendonly.aof.6.incr.aof",
            "appendonlydir/appendonly.aof.7.incr.aof",
            "appendonlydir/appendonly.aof.manifest",
            "dump.rdb.old-20261122T221500Z",
        ]
    );
    // Again within the same second.
    case.carry_out(&case.plan(SET).unwrap());
    assert!(case.has("appendonlydir.old-20261122T221501Z/appendonly.aof.6.base.rdb").is_some());
}

#[test]
fn what_was_begun_and_dropped_leaves_no_trace() {
    let case = LayingCase::new(false, "7.0.15", EVERYTHING);
    let before = case.files();
    let mut laying = case.target.begin().unwrap();
    laying.begin_rdb().unwrap();
    laying.write(b"REDIS0010").unwrap();
    drop(laying);
    assert_eq!(case.files(), before);
    let error = case.plan(&[(None, &RDB[..12])]).unwrap_err().to_string();
    assert_eq!(error, "expected a whole RDB file, found 12 bytes that do not end like one");
    assert_eq!(case.files(), before);
}

#[test]
fn what_the_server_would_not_read_is_refused() {
    let said = |appendonly, version, files: &[(Option<&str>, &[u8])]| {
        LayingCase::new(appendonly, version, &[]).plan(files).unwrap_err().to_string()
    };
    assert_eq!(
        said(false, "7.0.15", SET),
        "expected a server with appendonly yes for an append-only file, found one with no. HINT: The \
         server would ignore it: set appendonly yes, or restore an RDB backup."
    );
    assert_eq!(
        said(true, "6.2.14", SET),
        "expected a server of Redis 7 or later for a multi-part AOF, found an older one. HINT: Restore \
         it with a server of the version that it was taken from."
    );
    assert_eq!(said(true, "7.0.15", &SET[..2]), "there is no manifest among the files of the AOF");
    let holes = [SET[0], SET[1], SET[3]];
    assert_eq!(
        said(true, "7.0.15", &holes),
        "\"appendonly.aof.2.incr.aof\" of the manifest is not among the files of the AOF"
    );
    let outside: &[(Option<&str>, &[u8])] = &[(Some("../x"), b"")];
    assert_eq!(
        said(true, "7.0.15", outside),
        "expected the name of a file in the backup, found \"../x\""
    );
}

/// The folder is the server's user's: he may put there what he likes, and root comes by.
#[test]
fn a_plan_of_somebody_else_is_not_carried_out() {
    let steps = |step: &str| format!("{{\"steps\":[{step}]}}");
    let outside = [
        r#"{"do":"put","from":"seawall-restore/x","to":"../stolen"}"#,
        r#"{"do":"put","from":"/etc/hostname","to":"stolen"}"#,
        r#"{"do":"put","from":"dump.rdb","to":"stolen"}"#,
        r#"{"do":"put","from":"seawall-restore/../dump.rdb","to":"stolen"}"#,
        r#"{"do":"folder","path":"/etc"}"#,
        r#"{"do":"folder","path":"a/b"}"#,
        r#"{"do":"aside","from":"a/../../b","to":"stolen"}"#,
        r#"{"do":"keep","from":"dump.rdb","to":"."}"#,
        r#"{"do":"sync","path":".."}"#,
    ];
    for step in outside {
        let case =
            LayingCase::new(false, "7.0.15", &[("seawall-restore/x", "evil"), ("dump.rdb", "old")]);
        fs::write(case.place.path().join("seawall-restore/plan.json"), steps(step)).unwrap();
        let before = case.files();
        let error = case.target.begin().err().unwrap().to_string();
        assert!(
            error.starts_with("expected the plan of a restore in seawall-restore/plan.json, found something else: "),
            "{step}: {error}"
        );
        assert!(
            error.ends_with(
                "HINT: Look at the contents of the folder seawall-restore, and remove it."
            )
        );
        assert!(case.target.is_unfinished().is_err());
        assert_eq!(case.files(), before);
    }
}

/// Also a plan that names nothing but what is inside.
#[test]
fn a_plan_that_others_could_write_is_refused() {
    let text = r#"{"steps":[{"do":"put","from":"seawall-restore/x","to":"dump.rdb"}]}"#;
    let root = rustix::process::geteuid().is_root();
    let cases = [("file 0666", 0o666, 0o700, None), ("folder 0777", 0o600, 0o777, None)];
    let foreign = [("file", 0o600, 0o700, Some("plan.json")), ("folder", 0o600, 0o755, Some(""))];
    for (what, file_mode, folder_mode, given) in
        cases.into_iter().chain(foreign.into_iter().filter(|_| root))
    {
        let case =
            LayingCase::new(false, "7.0.15", &[("seawall-restore/x", "evil"), ("dump.rdb", "old")]);
        let folder = case.place.path().join("seawall-restore");
        fs::write(folder.join("plan.json"), text).unwrap();
        crate::durable::set_mode(&folder.join("plan.json"), file_mode).unwrap();
        crate::durable::set_mode(&folder, folder_mode).unwrap();
        if let Some(name) = given {
            std::os::unix::fs::chown(folder.join(name), Some(4321), Some(4321)).unwrap();
        }
        let error = case.target.begin().err().unwrap().to_string();
        assert!(
            error.contains("of root or of this user that nobody else can write"),
            "{what}: {error}"
        );
        assert_eq!(case.has("dump.rdb").as_deref(), Some("old"), "{what}");
    }
}

/// The server's user put a link where root would work.
#[test]
fn no_link_in_the_folder_of_the_server_is_followed() {
    let elsewhere = tempfile::tempdir().unwrap();
    for name in ["seawall-restore", "appendonlydir"] {
        let case = LayingCase::new(true, "7.0.15", &[("dump.rdb", "old")]);
        std::os::unix::fs::symlink(elsewhere.path(), case.place.path().join(name)).unwrap();
        let error = case.plan(&[(None, RDB)]).err();
        assert!(error.is_some() || name == "seawall-restore", "{name}");
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0, "{name}");
    }
}
