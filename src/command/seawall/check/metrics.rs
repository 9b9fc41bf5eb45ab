//! What a scrape of a host would find (Prometheus docs, "Exposition formats"): each metric once with its help and its
//! type, then a line for each finding that has it.

use crate::check::{Finding, METRICS, Verdict};

/// The cluster that a configuration has which names none.
pub const USUAL_CLUSTER: &str = "main";

/// Any other cluster than the usual one is a label of all: the node exporter takes no name with the same labels from
/// two files.
pub fn text(verdict: &Verdict, cluster: &str) -> String {
    let cluster = match cluster {
        USUAL_CLUSTER => String::new(),
        other => format!("cluster=\"{other}\""),
    };
    let alone = if cluster.is_empty() { String::new() } else { format!("{{{cluster}}}") };
    let labels = |finding: &Finding| {
        let comma = if cluster.is_empty() { "" } else { "," };
        format!("{cluster}{comma}{}", labels(finding))
    };
    let mut text = String::new();
    let mut family = |name: &str, help: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            text += &format!("# HELP {name} {help}\n# TYPE {name} gauge\n{}\n", lines.join("\n"));
        }
    };
    let at = verdict.at.as_second();
    let (name, help) = ("seawall_check_timestamp_seconds", "When this was found out");
    family(name, help, vec![format!("{name}{alone} {at}")]);
    let (name, help) =
        ("seawall_state", "0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN: the worst of all");
    family(name, help, vec![format!("{name}{alone} {}", verdict.state().status())]);
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
    use crate::check::CheckState;

    #[test]
    fn each_family_comes_once_with_help_and_type() {
        assert_eq!(
            text(&verdict(&[CheckState::Ok, CheckState::Unknown]), USUAL_CLUSTER),
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

    /// Two files of one host have no line with the same labels.
    #[test]
    fn another_cluster_is_a_label_of_all() {
        let (main, shop) = (verdict(&[CheckState::Ok]), verdict(&[CheckState::Ok]));
        let names = |text: &str| {
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            lines.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect::<Vec<_>>()
        };
        let (main, shop) = (names(&text(&main, USUAL_CLUSTER)), names(&text(&shop, "shop")));
        assert_eq!(main.len(), shop.len());
        assert!(shop.iter().all(|name| name.contains("{cluster=\"shop\"")), "{shop:?}");
        assert!(main.iter().all(|name| !name.contains("cluster=")), "{main:?}");
        assert!(shop.contains(&"seawall_state{cluster=\"shop\"}".to_owned()), "{shop:?}");
    }
}
