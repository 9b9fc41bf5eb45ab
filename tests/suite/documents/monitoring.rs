//! The alert rules and the dashboard that the packages bring go by metrics that `seawall check` has, and by what Prometheus
//! itself makes of them.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use super::{read, root};
use crate::report::scene::Past;
use crate::support::installed::program;

const RULES: &str = "packaging/prometheus/seawall.rules.yml";
const RULE_TESTS: &str = "packaging/prometheus/seawall.rules.test.yml";
const DASHBOARD: &str = "packaging/grafana/seawall.json";

/// Names of ours in a text.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("seawall_")).map(str::to_owned).collect()
}

/// Those that the check may print: what docs/check.md lists, which a test of the check compares with the code.
fn known() -> BTreeSet<String> {
    let own = ["seawall_check_timestamp_seconds", "seawall_state", "seawall_check_state"];
    let measured = seawall::check::METRICS.iter().map(|metric| metric.name);
    own.into_iter().chain(measured).map(str::to_owned).collect()
}

/// What a check of a repository with all kinds of backups prints.
fn printed() -> String {
    let past = Past::new().rich();
    let run = past.laid.seawall("check").args(["--format=prometheus", "--objectives-free-space=0"]);
    run.run().expect(2).stdout.clone()
}

#[track_caller]
fn promtool(words: &[&str], input: Option<&str>) {
    let mut command = Command::new(program("SEAWALL_PROMTOOL"));
    command.args(words).current_dir(root());
    let outcome = match input {
        Some(text) => {
            let place = crate::support::place::Place::new();
            let file = place.file("input", text);
            command.stdin(std::fs::File::open(file).expect("just written")).output()
        }
        None => command.output(),
    };
    let outcome = outcome.expect("promtool runs");
    let said = String::from_utf8_lossy(&[outcome.stdout, outcome.stderr].concat()).into_owned();
    assert!(outcome.status.success(), "promtool {words:?}: {said}");
}

#[test]
fn rules_and_dashboard_name_metrics_that_the_check_has() {
    let (rules, dashboard) = (metrics(&read(RULES)), metrics(&read(DASHBOARD)));
    let known = known();
    for (file, used) in [(RULES, &rules), (DASHBOARD, &dashboard)] {
        let unknown: Vec<_> = used.difference(&known).collect();
        assert!(unknown.is_empty(), "{file} names {unknown:?}, which seawall check does not have");
        assert!(used.len() > 2, "{file}: {used:?}");
    }
    let hidden: Vec<_> = known.difference(&dashboard).collect();
    assert!(hidden.is_empty(), "{DASHBOARD} does not show {hidden:?}");
}

#[test]
fn what_the_check_prints_is_what_rules_and_dashboard_ask_for() {
    let printed = printed();
    promtool(&["check", "metrics"], Some(&printed));
    let samples: Vec<&str> = printed.lines().filter(|it| !it.starts_with('#')).collect();
    let found = metrics(&samples.join("\n"));
    assert!(found.is_subset(&known()), "{found:?}");
    // Without a server and a drill nothing is said of these.
    let asked = metrics(&read(RULES));
    assert!(asked.is_subset(&found), "{asked:?} and {found:?}");
    let state = printed.lines().find(|it| it.starts_with("seawall_check_state{")).expect("a state");
    for label in ["service=\"", "name=\"", "check=\""] {
        assert!(state.contains(label), "{state}");
    }
}

#[test]
fn prometheus_takes_the_rules_and_they_alert_when_they_should() {
    promtool(&["check", "rules", RULES], None);
    promtool(&["test", "rules", RULE_TESTS], None);
    let (rules, tests) = (read(RULES), read(RULE_TESTS));
    let alerts = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    for alert in alerts {
        assert!(tests.contains(&format!("alertname: {alert}")), "{RULE_TESTS} has no {alert}");
    }
}

/// What Grafana needs of a dashboard, so that it is drawn.
#[test]
fn the_dashboard_is_whole() {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut ids = BTreeSet::new();
    let mut areas: Vec<[i64; 4]> = Vec::new();
    for panel in panels {
        let title = panel["title"].as_str().expect("a title");
        assert!(
            ids.insert(panel["id"].as_i64().expect("a number")),
            "{title}: its id is there twice"
        );
        assert!(panel["description"].as_str().is_some_and(|it| it.ends_with('.')), "{title}");
        for target in panel["targets"].as_array().expect("targets") {
            let query = target["expr"].as_str().expect("a query");
            assert!(query.contains("seawall_"), "{title}: {query}");
            let closed = |open, close| query.matches(open).count() == query.matches(close).count();
            assert!(closed('(', ')') && closed('{', '}'), "{title}: {query}");
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
        }
        let at = |key: &str| panel["gridPos"][key].as_i64().expect("a number");
        let area = [at("x"), at("y"), at("w"), at("h")];
        assert!(area[0] + area[2] <= 24, "{title} is wider than the page");
        let meets = |[x, y, w, h]: &[i64; 4]| {
            area[0] < x + w && *x < area[0] + area[2] && area[1] < y + h && *y < area[1] + area[3]
        };
        assert!(!areas.iter().any(meets), "{title} lies on another panel");
        areas.push(area);
    }
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    let names: Vec<&str> = variables.iter().filter_map(|it| it["name"].as_str()).collect();
    assert_eq!(names, ["datasource", "instance", "name"]);
}

/// Grafana's queries are those of Prometheus, which says whether it can read them.
#[test]
fn prometheus_takes_the_queries_of_the_dashboard() {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().expect("targets"));
    let queries = targets.map(|target| target["expr"].as_str().expect("a query"));
    let rules = queries.enumerate().map(|(at, query)| {
        let query = query.replace("$instance", "db").replace("$name", "main");
        format!("      - record: \"dashboard:q{at}\"\n        expr: '{query}'\n")
    });
    let place = crate::support::place::Place::new();
    let text = format!("groups:\n  - name: dashboard\n    rules:\n{}", rules.collect::<String>());
    let file = place.file("queries.yml", text);
    promtool(&["check", "rules", file.to_str().expect("plain")], None);
}

#[test]
fn the_packages_bring_both() {
    let (manifest, script) = (read("Cargo.toml"), read("scripts/build-packages.sh"));
    for (file, folder) in [(RULES, "prometheus"), (DASHBOARD, "grafana")] {
        assert!(script.contains(&format!("stage_files {folder} {file}")), "{file}");
        for place in [
            format!("\"usr/share/seawall/{folder}/\""),
            format!("\"/usr/share/seawall/{folder}/\""),
        ] {
            assert!(manifest.contains(&place), "{place}");
        }
        let page = read("docs/monitoring.md");
        let installed = format!("/usr/share/seawall/{folder}/");
        assert!(page.contains(&installed), "docs/monitoring.md does not name {installed}");
    }
}
