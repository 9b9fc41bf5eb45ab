//! `seawall check` for people: the verdict in one line, a table of all findings, and a hint for each trouble.

use crate::check::{Finding, Verdict};
use crate::cli::text::{Paper, Spare, fitted};
use crate::command::seawall::painted;

const HEADINGS: [&str; 5] = ["STATE", "WHAT", "CHECK", "IN", "FOUND"];

/// As wide as the paper, with the states in their colours.
pub fn text(verdict: &Verdict, paper: Paper) -> String {
    let rows = verdict.findings.iter().map(row);
    let rows: Vec<_> = std::iter::once(HEADINGS.map(str::to_owned).into()).chain(rows).collect();
    let mut text = painted(paper, &verdict.summary(), verdict.state()) + "\n\n";
    let states = verdict.findings.iter().map(|finding| finding.state);
    let states = std::iter::once(None).chain(states.map(Some));
    let spare = Spare { ends_in_text: true, ..Spare::default() };
    for (line, state) in fitted(&rows, spare, paper).lines().zip(states) {
        text += &state.map_or(line.to_owned(), |state| painted(paper, line, state));
        text += "\n";
    }
    let troubles = verdict.troubles();
    let hints = troubles.iter().filter_map(|it| Some((it, it.hint.as_ref()?)));
    let hints: String = hints.map(|(it, hint)| format!("{}: {hint}\n", it.name())).collect();
    paper.fit(&if hints.is_empty() { text } else { format!("{text}\n{hints}") })
}

fn row(finding: &Finding) -> Vec<String> {
    vec![
        finding.state.to_string(),
        finding.subject.to_string(),
        finding.check.to_owned(),
        finding.repository.clone().unwrap_or_default(),
        finding.text.clone(),
    ]
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::check::{CheckState, CheckSubject, Measurement, Service};

    const PLAIN: Paper = Paper { width: None, colour: false };
    const COLOURED: Paper = Paper { width: None, colour: true };

    pub fn verdict(states: &[CheckState]) -> Verdict {
        let subject = CheckSubject { service: Service::Postgresql, name: "main".to_owned() };
        let number =
            Measurement { metric: "seawall_rpo_seconds", value: 12.5, objective: Some(300.0) };
        let finding = |(at, state): (usize, &CheckState)| Finding {
            subject: subject.clone(),
            check: "RPO now",
            repository: Some(format!("disk{at}")),
            state: *state,
            text: "12s and 1.0 MiB | would be lost".to_owned(),
            hint: (*state != CheckState::Ok).then(|| "Look.".to_owned()),
            numbers: vec![number],
        };
        let at = "2026-11-22T20:30:00Z".parse().unwrap();
        Verdict { at, findings: states.iter().enumerate().map(finding).collect() }
    }

    #[test]
    fn a_page_has_the_verdict_the_table_and_the_hints() {
        assert_eq!(
            text(&verdict(&[CheckState::Ok, CheckState::Critical]), PLAIN),
            "\
CRITICAL: PostgreSQL main, RPO now in disk1: 12s and 1.0 MiB | would be lost

STATE     WHAT             CHECK    IN     FOUND
OK        PostgreSQL main  RPO now  disk0  12s and 1.0 MiB | would be lost
CRITICAL  PostgreSQL main  RPO now  disk1  12s and 1.0 MiB | would be lost

PostgreSQL main, RPO now in disk1: Look.
"
        );
        let plain = text(&verdict(&[CheckState::Ok]), PLAIN);
        assert!(plain.starts_with("OK: 1 check, all as they should be\n\nSTATE  "), "{plain}");
    }

    #[test]
    fn only_the_states_have_colours() {
        let coloured = text(&verdict(&[CheckState::Warning, CheckState::Unknown]), COLOURED);
        let states: Vec<&str> =
            coloured.lines().map(|line| line.split("\u{1b}[0m").next().unwrap()).collect();
        assert_eq!((states[0], states[3]), ("\u{1b}[33mWARNING", "\u{1b}[33mWARNING"));
        assert_eq!(states[4], "\u{1b}[35mUNKNOWN");
        let bare =
            coloured.replace("\u{1b}[0m", "").replace("\u{1b}[33m", "").replace("\u{1b}[35m", "");
        assert_eq!(bare, text(&verdict(&[CheckState::Warning, CheckState::Unknown]), PLAIN));
    }
}
