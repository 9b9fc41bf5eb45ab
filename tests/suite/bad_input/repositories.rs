//! Repositories that would be lost with the server, or are nowhere.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::by_hand::{ByHand, says_only};

/// Archives into this repository and checks that it is refused, and that nothing came into being.
#[track_caller]
fn refused_repository(host: &ByHand, url: &Path, text: &str) {
    let path = host.has(0);
    let run = host.push().env("SEAWALL_REPOSITORY", url).args([path.as_str(), host.name(0)]);
    says_only(&run.run(), 3, &format!("ERROR {text}"));
    assert_eq!(fs::read_dir(host.directory.path()).expect("readable").count(), 3);
}

#[test]
fn a_repository_in_the_data_directory_is_refused_by_whatever_path_it_is_named() {
    let host = ByHand::new();
    let data = host.directory.path();
    let link = host.place.join("link");
    symlink(data, &link).expect("our own folder");
    let text = format!(
        "repository local is inside the data directory {data:?} and would be lost with it. \
         HINT: Put it on another disk."
    );
    let disk = host.repository.parent().expect("below the place");
    let round_about = disk.join("..").join(data.file_name().expect("a name"));
    for root in [data.join("backup"), data.to_owned(), link.join("a/b"), round_about.join("x")] {
        refused_repository(&host, &root, &text);
    }
}

#[test]
fn a_relative_repository_path_is_refused() {
    let host = ByHand::new();
    for url in ["backup", "./backup", "../backup", "file://backup"] {
        let text = format!(
            "repository at SEAWALL_REPOSITORY: expected an absolute path or s3://BUCKET/PREFIX as \
             url, found \"{url}\". HINT: PostgreSQL runs the WAL commands in its data directory, so \
             a path has to begin with /."
        );
        refused_repository(&host, Path::new(url), &text);
    }
}

/// More likely a disk that is not mounted than a wish.
#[test]
fn a_repository_whose_parent_is_missing_is_not_created() {
    let host = ByHand::new();
    let root = host.place.join("not mounted/repository");
    let (path, name) = (host.has(0), host.name(0));
    let config = host.place.file("seawall.toml", format!("[[repository]]\nurl = {root:?}"));
    let run = host.push().env("SEAWALL_REPOSITORY", "").arg("--config").arg(config);
    let text = format!(
        "ERROR could not archive {name} in repository local: could not create folder {root:?}: No \
         such file or directory (os error 2). HINT: Is the disk mounted? The folder above it must \
         exist."
    );
    says_only(&run.args([&path, name]).run(), 10, &text);
    assert!(!host.place.join("not mounted").exists());
}
