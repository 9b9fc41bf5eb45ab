//! The owner of a repository watches it, and exchanges what root has just made there.

use std::fs;
use std::mem::MaybeUninit;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};

use crate::support::place::Place;
use crate::support::run::Run;
use crate::support::user::hand_over;

const SNAPSHOTS: usize = 25;

/// Puts a link to `target` where anything new appears in a folder, as fast as it is told of it. Returns how often it did.
fn exchange(folder: &Path, target: &Path, done: &AtomicBool, number: &AtomicUsize) {
    let inotify = init(CreateFlags::NONBLOCK).unwrap();
    add_watch(&inotify, folder, WatchFlags::CREATE | WatchFlags::MOVED_TO).unwrap();
    let mut buffer = [MaybeUninit::uninit(); 4096];
    while !done.load(Ordering::Relaxed) {
        let mut reader = Reader::new(&inotify, &mut buffer);
        let Ok(event) = reader.next() else {
            thread::yield_now();
            continue;
        };
        let name = event.file_name().and_then(|name| name.to_str().ok()).unwrap_or_default();
        let path = folder.join(name);
        if name.starts_with("stolen") || path.is_symlink() {
            continue;
        }
        let stolen = format!("stolen-{}", number.fetch_add(1, Ordering::Relaxed));
        if fs::rename(&path, folder.join(stolen)).is_ok() {
            let _ = symlink(target, &path);
        }
    }
}

fn clear(folder: &Path) {
    for path in fs::read_dir(folder).unwrap().flatten().map(|it| it.path()) {
        // Somebody may just be renaming it.
        let _ = match path.is_dir() && !path.is_symlink() {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
    }
}

/// Nothing of it is true of an ordinary user.
#[test]
fn root_gives_away_nothing_that_was_exchanged_meanwhile() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let place = Place::new();
    let files = place.folder("uploads");
    fs::write(files.join("picture"), "of a cat").unwrap();
    let archive = place.folder("archive");
    let [temporaries, set] = [".seawall-tmp", "media/uploads"].map(|name| archive.join(name));
    for folder in [&temporaries, &set] {
        fs::create_dir_all(folder).unwrap();
    }
    hand_over(&archive);
    let (victim, elsewhere) = (place.join("victim"), place.join("elsewhere"));
    fs::write(&victim, "root's own").unwrap();
    fs::set_permissions(&victim, fs::Permissions::from_mode(0o600)).unwrap();
    fs::create_dir(&elsewhere).unwrap();
    let config = format!(
        "[[repository]]\nurl = {archive:?}\n[media.uploads]\npaths = [{files:?}]\n\
         [media_backup]\nstate_directory = {:?}\n",
        place.folder("state")
    );
    let config = place.file("seawall.toml", config);
    let (done, number) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| exchange(&temporaries, &victim, &done, &number));
        scope.spawn(|| exchange(&set, &elsewhere, &done, &number));
        for _ in 0..SNAPSHOTS {
            let create = Run::new(&place, env!("CARGO_BIN_EXE_media-backup"));
            create.args(["create", "--config"]).arg(&config).run();
            is_untouched(&victim, &elsewhere);
            clear(&set);
            clear(&temporaries);
        }
        done.store(true, Ordering::Relaxed);
    });
    let times = number.load(Ordering::Relaxed);
    assert!(times > SNAPSHOTS, "exchanged {times} times only");
}

fn is_untouched(victim: &PathBuf, elsewhere: &PathBuf) {
    let metadata = fs::metadata(victim).unwrap();
    assert_eq!((metadata.uid(), metadata.mode() & 0o777), (0, 0o600));
    assert_eq!(fs::read_to_string(victim).unwrap(), "root's own");
    assert_eq!(fs::metadata(elsewhere).unwrap().uid(), 0);
    assert_eq!(fs::read_dir(elsewhere).unwrap().count(), 0);
}
