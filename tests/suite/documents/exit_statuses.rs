//! `docs/exit-statuses.md` has one row for each status there is.

use seawall::error::Class;
use seawall::exit_status::{DONE, NOT_IN_ARCHIVE, of, of_fetch};

use super::read;

/// All classes; the match makes sure that a new one is added here.
fn classes() -> Vec<Class> {
    use Class::*;
    let all = [
        Usage,
        Configuration,
        Incomplete,
        Damaged,
        Input,
        Conflict,
        Unreachable,
        Refused,
        LocalFile,
        Gap,
        Internal,
    ];
    for class in all {
        match class {
            Usage | Configuration | Incomplete | Damaged | Input | Conflict | Unreachable
            | Refused | LocalFile | Gap | Internal => {}
        }
    }
    all.to_vec()
}

/// The first cells of each row: the status, and that of `wal-fetch` when it stops recovery.
fn rows(text: &str) -> Vec<(String, String)> {
    let cells = |line: &str| -> Option<(String, String)> {
        let mut cells = line.strip_prefix('|')?.split('|').map(|cell| cell.trim().to_owned());
        let (status, fetch) = (cells.next()?, cells.next()?);
        status.parse::<u8>().is_ok().then_some((status, fetch))
    };
    text.lines().filter_map(cells).collect()
}

#[test]
fn every_class_of_failure_has_its_row_and_there_is_no_other() {
    let mut expected = vec![
        (DONE.to_string(), DONE.to_string()),
        (NOT_IN_ARCHIVE.to_string(), NOT_IN_ARCHIVE.to_string()),
    ];
    let row = |class| (of(class).to_string(), of_fetch(class, false).to_string());
    expected.extend(classes().into_iter().map(row));
    assert_eq!(rows(&read("docs/exit-statuses.md")), expected);
}
