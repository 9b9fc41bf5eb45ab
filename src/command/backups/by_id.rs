//! Finds a backup by the beginning of its id. A beginning that fits several ids is refused, and the error names them;
//! where no id fits, the error names the nearest ones by Levenshtein distance.

use crate::cli::text::plain;
use crate::error::{Class, Error, Result};

/// How many ids are named when none was meant.
const NEAREST: usize = 3;

/// The place of the one whose id is this, or begins like this; `None` when no id does.
pub(super) fn find(what: &str, ids: &[&str], begins: &str) -> Result<Option<usize>> {
    let places = || ids.iter().enumerate();
    let exact: Vec<usize> = places().filter(|(_, id)| **id == begins).map(|(at, _)| at).collect();
    let found: Vec<usize> = match exact.len() {
        1 => exact,
        _ => places().filter(|(_, id)| id.starts_with(begins)).map(|(at, _)| at).collect(),
    };
    if found.len() <= 1 {
        return Ok(found.first().copied());
    }
    let found: Vec<String> = found.iter().map(|at| plain(ids[*at])).collect();
    let message = format!(
        "expected one {what} with an id that begins with {begins:?}, found {}: {}",
        found.len(),
        found.join(", ")
    );
    Err(Error::new(Class::Usage, message).hint("Give more of the id."))
}

/// That there is none, and which may have been meant. `program` is the one that takes them.
pub(super) fn unknown(what: &str, program: &str, ids: &[&str], begins: &str) -> Error {
    let distance = |id: &&&str| {
        let beginning: String = id.chars().take(begins.chars().count()).collect();
        strsim::levenshtein(begins, &beginning)
    };
    let mut nearest: Vec<&&str> = ids.iter().rev().collect();
    nearest.sort_by_key(distance);
    let nearest: Vec<String> = nearest.iter().take(NEAREST).map(|id| plain(id)).collect();
    let message = format!("there is no {what} with an id that begins with {begins:?}");
    Error::new(Class::Usage, message).hint(match nearest.len() {
        0 => format!("There is none at all; `{program} create` takes one."),
        1 => format!("There is {}.", nearest[0]),
        _ => format!("The nearest are {}.", nearest.join(", ")),
    })
}

/// That it is none yet, or never will be.
pub(super) fn unfinished(what: &str, id: &str, repository: &str) -> Error {
    let message = format!("{what} {id} in repository {repository} is unfinished");
    Error::new(Class::Usage, message)
        .hint("It is being taken now, or was cut short: then it restores nothing.")
}
