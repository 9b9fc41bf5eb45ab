use crate::check::{Finding, METRICS, Verdict};

/// What a scrape of a host would find (Prometheus docs, "Exposition formats").
pub fn text(verdict: &Verdict) -> String {
    let mut text = String::new();
    let mut family = |name: &str, help: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            text += &format!("# HELP {name} {help}\n# TYPE {name} gauge\n{}\n", lines.join("\n"));
        }
    };
    let at = verdict.at.as_second();
    let (name, help) = ("seawall_check_timestamp_seconds", "When this was found out");
    family(name, help, vec![format!("{name} {at}")]);
    let (name, help) =
        ("seawall_state", "0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN: the worst of all");
    family(name, help, vec![format!("{name} {}", verdict.state().status())]);
    let (name, help) = ("seawall_check_state", "0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN");
    let states = verdict.findings.iter().map(|finding| {
        let check = format!(",check=\"{}\"", finding.check);
        format!("{name}{{{}{check}}} {}", labels(finding), finding.state.status())
    });
    family(name, help, states.collect());
    for metric in METRICS {
        let lines = verdict.findings.iter().flat_map(|finding| {
            let numbers = finding.numbers.iter().filter(|it| it.metric == metric.name);
            numbers.map(|it| format!("{}{{{}}} {}", metric.name, labels(finding), it.value))
        });
        family(metric.name, metric.help, lines.collect());
    }
    text
}

/// Names are letters, digits, `.`, `_` and `-`: nothing to escape.
fn labels(finding: &Finding) -> String {
    let service = format!("{:?}", finding.subject.service).to_lowercase();
    let mut labels = format!("service=\"{service}\",name=\"{}\"", finding.subject.name);
    if let Some(repository) = &finding.repository {
        labels += &format!(",repository=\"{repository}\"");
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::super::page::tests::verdict;
    use super::*;
    use crate::check::State;

    #[test]
    fn each_family_comes_once_with_help_and_type() {
        assert_eq!(
            text(&verdict(&[State::Ok, State::Unknown])),
            "\
# HELP seawall_check_timestamp_seconds When this was found out
# TYPE seawall_check_timestamp_seconds gauge
seawall_check_timestamp_seconds 1795379400
# HELP seawall_state 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN: the worst of all
# TYPE seawall_state gauge
seawall_state 3
# HELP seawall_check_state 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN
# TYPE seawall_check_state gauge
seawall_check_state{service=\"postgresql\",name=\"main\",repository=\"disk0\",check=\"RPO now\"} 0
seawall_check_state{service=\"postgresql\",name=\"main\",repository=\"disk1\",check=\"RPO now\"} 3
# HELP seawall_rpo_seconds How much time would be lost if the server were lost now
# TYPE seawall_rpo_seconds gauge
seawall_rpo_seconds{service=\"postgresql\",name=\"main\",repository=\"disk0\"} 12.5
seawall_rpo_seconds{service=\"postgresql\",name=\"main\",repository=\"disk1\"} 12.5
"
        );
    }
}
