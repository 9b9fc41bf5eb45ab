//! Files that get in the way, and what is left out.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use seawall::config::MediaSet;

use super::scene::Scene;
use super::trees::{Random, grow};

fn names(folder: &Path) -> Vec<String> {
    let name = |it: std::io::Result<fs::DirEntry>| it.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

#[test]
fn what_is_no_file_is_left_out_and_told() {
    let mut scene = Scene::new();
    let source = scene.source();
    let _socket = UnixListener::bind(source.join("socket")).unwrap();
    let fifo = rustix::fs::FileType::Fifo;
    let mode = rustix::fs::Mode::RUSR;
    rustix::fs::mknodat(rustix::fs::CWD, source.join("fifo"), fifo, mode, 0).unwrap();
    fs::write(source.join("file"), "content").unwrap();
    let problems = scene.take().problems;
    assert_eq!((problems.failures, problems.left_out), (0, 2));
    let told: Vec<_> = problems.told.iter().map(|it| (it.message.as_str(), it.failed)).collect();
    let expected = [("fifo", "a FIFO"), ("socket", "a socket")]
        .map(|(name, what)| format!("left out {:?}: it is {what}", source.join(name)));
    assert_eq!(told, [(expected[0].as_str(), false), (expected[1].as_str(), false)]);
    assert_eq!(names(&scene.latest()), ["file"]);
}

#[test]
fn links_are_kept_and_never_followed() {
    let mut scene = Scene::new();
    fs::create_dir(scene.join("secret")).unwrap();
    fs::write(scene.join("secret/key"), "secret").unwrap();
    symlink("../../secret", scene.source().join("folder")).unwrap();
    symlink("../../secret/key", scene.source().join("file")).unwrap();
    // With the folders on the way, without `/`.
    let folders = scene.source().components().count() as u64 - 1;
    assert_eq!(scene.take().totals.entries, folders + 2);
    for name in ["folder", "file"] {
        assert!(scene.latest().join(name).is_symlink());
    }
}

#[test]
fn patterns_leave_out_and_a_repository_inside_is_not_entered() {
    let mut scene = Scene::new();
    let source = scene.source();
    for file in ["a.tmp", "x/b.tmp", "x/c", "cache/d", "x/cache/e", "top", "x/top"] {
        fs::create_dir_all(source.join(file).parent().unwrap()).unwrap();
        fs::write(source.join(file), "").unwrap();
    }
    let exclude = ["*.tmp", "cache/", "/top"].map(str::to_owned);
    scene.set = MediaSet::new("uploads", &[source], &exclude).unwrap();
    scene.take();
    assert_eq!(names(&scene.latest()), ["x"]);
    assert_eq!(names(&scene.latest().join("x")), ["c", "top"]);
    // Of the folder that holds everything, the repository included.
    scene.set = MediaSet::new("uploads", &[scene.join("")], &[]).unwrap();
    scene.take();
    let kept = super::scene::below(&scene.join("repository/media/uploads/latest"), &scene.join(""));
    assert_eq!(names(&kept), ["repository", "srv"]);
    assert_eq!(names(&kept.join("repository")), [""; 0]);
}

#[test]
fn paths_that_are_not_there_are_an_error_and_nothing_is_left() {
    let mut scene = Scene::new();
    let source = scene.source();
    let paths = [scene.join("srv/missing"), scene.join("gone/for/good")];
    scene.set = MediaSet::new("uploads", &paths, &[]).unwrap();
    assert_eq!(
        scene.try_take(false).unwrap_err().to_string(),
        format!(
            "could not look at {:?}: No such file or directory (os error 2). HINT: Is the disk \
             mounted? No path of the set is there.",
            paths[0]
        )
    );
    assert!(!scene.root().exists());
    scene.set = MediaSet::new("uploads", &[source], &["a{b".into()]).unwrap();
    scene.try_take(false).unwrap_err();
    assert_eq!(names(&scene.join("repository/media/uploads")), [""; 0]);
}

/// Root reads everything, so this is asked as another user.
#[test]
fn what_can_not_be_read_is_told_and_the_rest_is_kept() {
    let scene = Scene::new();
    let source = scene.source();
    fs::create_dir(source.join("closed")).unwrap();
    for file in ["closed/inside", "open", "shut"] {
        fs::write(source.join(file), "content").unwrap();
    }
    for name in ["closed", "shut"] {
        fs::set_permissions(source.join(name), fs::Permissions::from_mode(0o000)).unwrap();
    }
    crate::support::user::hand_over(&scene.join(""));
    let outcome = super::crashes::take_as_server_user(&scene);
    fs::set_permissions(source.join("closed"), fs::Permissions::from_mode(0o700)).unwrap();
    outcome.expect(0);
    let told = &outcome.stdout;
    for name in ["closed", "shut"] {
        let verb = if name == "closed" { "read folder" } else { "read" };
        let line =
            format!("could not {verb} {:?}: Permission denied (os error 13)", source.join(name));
        assert!(told.contains(&line), "{told}");
    }
    assert!(told.contains("failures 2"), "{told}");
    assert_eq!(names(&scene.tree(&Scene::id(1))), ["closed", "open"]);
}

/// Whatever happens to the files meanwhile, a snapshot is whole and its files are what they were at some moment.
#[test]
fn a_tree_that_changes_all_the_time_makes_whole_snapshots() {
    let mut scene = Scene::new();
    grow(&mut Random::of_seed(11), &scene.source(), 150);
    let (source, done) = (scene.source(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for number in 0..2 {
            let (source, done) = (&source, &done);
            scope.spawn(move || disturb(source, number, done));
        }
        for number in 1..=6 {
            let taken = scene.take();
            assert!(taken.totals.files > 0);
            let problems = scene.verify(number).problems;
            assert_eq!(problems.failures, 0, "{problems:?}");
            for problem in taken.problems.told {
                let message = problem.message;
                let reasons = [
                    "keeps changing",
                    "all the time",
                    "No such file",
                    "replaced",
                    "shorter",
                    "Not a directory",
                ];
                assert!(reasons.iter().any(|it| message.contains(it)), "{message}");
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    // Each file was written in one piece of one letter, and never in place.
    for number in 1..=6 {
        let folder = scene.tree(&Scene::id(number)).join("churn");
        for name in names(&folder) {
            let bytes = fs::read(folder.join(name)).unwrap();
            assert!(bytes.iter().all(|byte| *byte == bytes[0]), "torn");
        }
    }
}

/// Files come and go, grow, are replaced, and folders become links to elsewhere.
fn disturb(source: &Path, number: u8, done: &AtomicBool) {
    let folder = source.join("churn");
    let _ = fs::create_dir(&folder);
    let mut random = Random::of_seed(number.into());
    let path = |random: &mut Random| -> PathBuf { folder.join(random.below(20).to_string()) };
    while !done.load(Ordering::Relaxed) {
        let letter = random.below(256) as u8;
        let new = source.join(format!("new-{number}"));
        fs::write(&new, vec![letter; random.below(100_000) as usize + 1]).unwrap();
        let _ = fs::rename(&new, path(&mut random));
        let _ = fs::remove_file(path(&mut random));
        let grown = source.join(format!("grown-{number}"));
        let grown = fs::OpenOptions::new().create(true).append(true).open(grown);
        let _ = std::io::Write::write_all(&mut grown.unwrap(), b"more");
        let (swapped, link) = (source.join(format!("swapped-{number}")), source.join("link"));
        if random.chance(2) {
            let _ = fs::create_dir(&swapped);
            let _ = fs::write(swapped.join("inside"), "x");
        } else {
            let _ = fs::remove_dir_all(&swapped);
            let _ = symlink("/etc", &link).and_then(|()| fs::rename(&link, &swapped));
            let _ = fs::remove_file(&swapped);
        }
    }
}
