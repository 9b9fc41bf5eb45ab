//! Repositories that do not answer, and files that can't be written.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::scene::Past;
use crate::listing::laid::{Laid, OLD, described};

#[test]
fn a_repository_that_does_not_answer_is_said() {
    let mut laid = Laid::with_folder_and_bucket();
    laid.wal("disk", OLD, 1, 1..=5);
    laid.backup("disk", &described("20261122T203000Z-4f2a", 1, 2));
    laid.stop("s3");
    let limits =
        ["--limits-connect-timeout=500ms", "--limits-total-timeout=3s", "--limits-attempts=2"];
    let page = laid.place.folder("pages").join("page.html");
    let run = laid.seawall("report").args(limits).arg("--html").arg(&page);
    let outcome = run.run();
    outcome.expect(8).says("could not list repository s3");
    let page = fs::read_to_string(page).expect("written all the same").replace('\u{a0}', " ");
    assert!(page.contains("Did not answer: </strong>could not list repository s3"), "{page}");
    assert!(page.contains("You can restore to any second from 22 Nov 2026, 20:30"), "{page}");
    assert!(
        page.contains("in 1 of 2 repositories") || page.contains("1 of 2 repositories answered"),
        "{page}"
    );
}

#[test]
fn the_page_takes_the_place_of_the_one_before() {
    let past = Past::new().eventful();
    let folder = past.laid.place.folder("pages");
    let file = folder.join("page.html");
    let write = || past.report("page.html").cwd(&folder).run();
    assert_eq!(write().expect(0).stdout, "");
    let mode = || fs::metadata(&file).expect("written").permissions().mode() & 0o777;
    assert_eq!(mode(), 0o640);
    fs::write(&file, "old").expect("our own file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("our own file");
    write().expect(0);
    assert_eq!(mode(), 0o644);
    let page = fs::read_to_string(&file).expect("written");
    assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">") && page.ends_with("</html>"));
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 1);
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let past = Past::new().eventful();
    let outcome = past.report("/nowhere/page.html").run();
    outcome.expect(10).says("could not create a file in \"/nowhere\": No such file or directory");
    let outcome = past.laid.seawall("report").run();
    outcome.expect(2).says("--html");
}
