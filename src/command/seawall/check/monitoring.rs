//! The verdict for monitoring: `prometheus` is what a scrape of a host would find (Prometheus docs, "Exposition formats"), `nagios`
//! what monitoring plugins print (Monitoring Plugins Development Guidelines, "Plugin Output for Nagios").

use crate::check::{Finding, METRICS, Measurement, Verdict};

/// The cluster that a configuration has which names none.
pub const USUAL_CLUSTER: &str = "main";

/// Each metric once with its help and its type, then a line for each finding that has it.
///
/// Any other cluster than the usual one is a label of all: the node exporter takes no name with the same labels from
/// two files.
pub fn prometheus(verdict: &Verdict, cluster: &str) -> String {
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

/// A line with the verdict, performance data behind a `|`, then the details.
pub fn nagios(verdict: &Verdict) -> String {
    let data = verdict.findings.iter();
    let data = data.flat_map(|it| it.numbers.iter().map(move |number| datum(it, number)));
    let data: Vec<String> = data.collect();
    let mut text = format!("SEAWALL {} | {}\n", without_bar(&verdict.summary()), data.join(" "));
    for finding in &verdict.findings {
        let hint = finding.hint.as_ref().map_or(String::new(), |hint| format!(". {hint}"));
        text +=
            &without_bar(&format!("{}: {}: {}{hint}", finding.state, finding.name(), finding.text));
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
fn without_bar(text: &str) -> String {
    text.replace('|', "/")
}

#[cfg(test)]
mod tests {
    use super::super::page::tests::verdict;
    use super::*;
    use crate::check::CheckState;

    #[test]
    fn each_family_comes_once_with_help_and_type() {
        assert_eq!(
            prometheus(&verdict(&[CheckState::Ok, CheckState::Unknown]), USUAL_CLUSTER),
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
        let (main, shop) =
            (names(&prometheus(&main, USUAL_CLUSTER)), names(&prometheus(&shop, "shop")));
        assert_eq!(main.len(), shop.len());
        assert!(shop.iter().all(|name| name.contains("{cluster=\"shop\"")), "{shop:?}");
        assert!(main.iter().all(|name| !name.contains("cluster=")), "{main:?}");
        assert!(shop.contains(&"seawall_state{cluster=\"shop\"}".to_owned()), "{shop:?}");
    }

    #[test]
    fn one_line_with_its_data_and_then_the_details() {
        assert_eq!(
            nagios(&verdict(&[CheckState::Critical])),
            "SEAWALL CRITICAL: PostgreSQL main, RPO now in disk0: 12s and 1.0 MiB / would be lost | \
             'rpo_seconds.postgresql.main.disk0'=12.5s;;300\n\
             CRITICAL: PostgreSQL main, RPO now in disk0: 12s and 1.0 MiB / would be lost. Look.\n"
        );
    }
}
