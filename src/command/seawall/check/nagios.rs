//! What monitoring plugins print (Monitoring Plugins Development Guidelines, "Plugin Output for Nagios"): a line with
//! the verdict, performance data behind a `|`, then the details.

use crate::check::{Finding, METRICS, Measurement, Verdict};

/// All lines, with the numbers of all findings behind the `|` of the first line.
pub fn text(verdict: &Verdict) -> String {
    let data = verdict.findings.iter();
    let data = data.flat_map(|it| it.numbers.iter().map(move |number| datum(it, number)));
    let data: Vec<String> = data.collect();
    let mut text = format!("SEAWALL {} | {}\n", plain(&verdict.summary()), data.join(" "));
    for finding in &verdict.findings {
        let hint = finding.hint.as_ref().map_or(String::new(), |hint| format!(". {hint}"));
        text += &plain(&format!("{}: {}: {}{hint}", finding.state, finding.name(), finding.text));
        text += "\n";
    }
    text
}

/// `'rpo_seconds.postgresql.main.disk'=12s;;300`
fn datum(finding: &Finding, number: &Measurement) -> String {
    let short = number.metric.strip_prefix("seawall_").unwrap_or(number.metric);
    let service = format!("{:?}", finding.subject.service).to_lowercase();
    let mut label = format!("{short}.{service}.{}", finding.subject.name);
    if let Some(repository) = &finding.repository {
        label += &format!(".{repository}");
    }
    let unit = match short {
        _ if short.ends_with("_seconds") => "s",
        _ if short.ends_with("_bytes") => "B",
        _ => "",
    };
    let metric = METRICS.iter().find(|metric| metric.name == number.metric);
    // A range is what is as it should be.
    let range = match (number.objective, metric.is_some_and(|it| it.at_least)) {
        (Some(objective), true) => format!(";;{objective}:"),
        (Some(objective), false) => format!(";;{objective}"),
        (None, _) => String::new(),
    };
    format!("'{label}'={}{unit}{range}", rounded(number.value))
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// A `|` would begin the performance data.
fn plain(text: &str) -> String {
    text.replace('|', "/")
}

#[cfg(test)]
mod tests {
    use super::super::page::tests::verdict;
    use super::*;
    use crate::check::CheckState;

    #[test]
    fn one_line_with_its_data_and_then_the_details() {
        assert_eq!(
            text(&verdict(&[CheckState::Critical])),
            "SEAWALL CRITICAL: PostgreSQL main, RPO now in disk0: 12s and 1.0 MiB / would be lost | \
             'rpo_seconds.postgresql.main.disk0'=12.5s;;300\n\
             CRITICAL: PostgreSQL main, RPO now in disk0: 12s and 1.0 MiB / would be lost. Look.\n"
        );
    }
}
