use crate::support::run::Outcome;

/// The text of the one ERROR line.
#[track_caller]
pub fn error(outcome: &Outcome) -> &str {
    let errors = lines(outcome, " ERROR ");
    assert_eq!(errors.len(), 1, "expected one ERROR line: {outcome}");
    errors[0]
}

/// The texts of the WARN lines.
pub fn warnings(outcome: &Outcome) -> Vec<&str> {
    lines(outcome, " WARN ")
}

fn lines<'a>(outcome: &'a Outcome, level: &str) -> Vec<&'a str> {
    let text = |line: &'a str| line.split_once(level).map(|(_, text)| text);
    outcome.stderr.lines().filter_map(text).collect()
}
