//! Puts a finding together out of several remarks: their texts are joined, and the worst remark gives the state and the
//! hint.

use super::verdict::{Finding, Number, State, Subject};
use super::words::plain;
use crate::error::Error;

/// A finding that is being put together.
pub struct Draft {
    finding: Finding,
    texts: Vec<String>,
}

impl Draft {
    pub fn new(subject: Subject, check: &'static str, repository: Option<&str>) -> Self {
        let repository = repository.map(str::to_owned);
        let (state, text, hint, numbers) = (State::Ok, String::new(), None, Vec::new());
        let finding = Finding { subject, check, repository, state, text, hint, numbers };
        Self { finding, texts: Vec::new() }
    }

    /// Says something that is as it should be.
    pub fn ok(&mut self, text: impl Into<String>) {
        self.texts.push(text.into());
    }

    /// Says something that is not, with the likeliest mend; the hint of the worst counts.
    pub fn say(&mut self, state: State, text: impl Into<String>, hint: impl Into<String>) {
        self.texts.push(text.into());
        if state > self.finding.state {
            let hint = hint.into();
            self.finding.hint = Some(hint).filter(|hint| !hint.is_empty());
        }
        self.finding.state = self.finding.state.max(state);
    }

    /// Says what an error says; its hint is ours.
    pub fn fail(&mut self, state: State, doing: &str, error: &Error) {
        let text = error.message();
        let text = text.strip_suffix('.').unwrap_or(&text);
        self.say(state, format!("{doing}{text}"), error.hint_text().unwrap_or_default());
    }

    pub fn number(&mut self, metric: &'static str, value: f64) {
        self.finding.numbers.push(Number { metric, value, objective: None });
    }

    pub fn measured(&mut self, metric: &'static str, value: f64, objective: f64) {
        self.finding.numbers.push(Number { metric, value, objective: Some(objective) });
    }

    /// One line, whatever a store or a server put into it.
    pub fn finding(mut self) -> Finding {
        self.finding.text = plain(&self.texts.join("; "));
        self.finding
    }
}
