//! Several systems under one cluster name: what is not of the server that is watched is said, for who may add objects may
//! add a system, and a restore asks which one is meant.

use super::case::Case;
use super::draft::Draft;
use super::verdict::{Finding, State};
use super::words::age;
use crate::basebackup::catalogue::Life;

/// For so long it is said that another system took over.
const NEWS: f64 = 8.0 * 86_400.0;

/// `None` where there is one system only.
pub fn judge(case: &Case<'_>) -> Option<Finding> {
    let lives = case.gathered.survey.lives();
    let ours = lives.iter().find(|life| Some(life.system) == case.gathered.system)?;
    let others: Vec<&Life> = lives.iter().filter(|life| life.system != ours.system).collect();
    let mut draft = Draft::new(case.postgres(), "systems", None);
    let (now, past): (Vec<&Life>, Vec<&Life>) =
        others.into_iter().partition(|life| life.last >= ours.first);
    if !now.is_empty() {
        draft.say(
            State::Warning,
            format!("system {ours} is watched, and there is something of {} as well", names(&now)),
            "Two servers need two cluster names. If nobody knows the other system, somebody planted it: delete it, and look who \
             may write to the repository. On a host without the server set postgres.connection.",
        );
    }
    if let Some(former) = past.last() {
        let text = format!("system {ours} took over from {former}");
        match case.gathered.told || age(ours.first, case.now) > NEWS {
            true => draft.ok(text),
            false => draft.say(
                State::Warning,
                text,
                "Was the server upgraded or made anew? If so, this passes after 8 days. If not, its WAL does not arrive any more, \
                 and somebody planted the other system.",
            ),
        }
    }
    (!now.is_empty() || !past.is_empty()).then(|| draft.finding())
}

fn names(lives: &[&Life]) -> String {
    lives.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
