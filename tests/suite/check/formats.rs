//! The forms in which it is said.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use seawall::check::METRICS;

use super::Watched;
use crate::documents::read;

#[test]
fn prometheus_reads_a_file_that_is_replaced_as_a_whole() {
    let watched = Watched::with_bucket();
    let folder = watched.place.folder("textfile");
    let file = folder.join("seawall.prom");
    for _ in 0..2 {
        let run = watched.check().args(["--format", "prometheus", "--output"]).arg(&file).run();
        assert_eq!(run.expect(0).stdout, "");
    }
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let mut names: Vec<&str> = lines.iter().map(|line| line.rsplit_once(' ').unwrap().0).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "each series once: {text}");
    for line in &lines {
        let (name, value) = line.rsplit_once(' ').unwrap();
        let name = name.split('{').next().unwrap();
        assert!(text.contains(&format!("# TYPE {name} gauge\n")), "{line}");
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
    for name in ["disk", "s3"] {
        let labels = format!("{{service=\"postgresql\",name=\"main\",repository=\"{name}\"}}");
        assert!(text.contains(&format!("seawall_backups{labels} 1\n")), "{text}");
        assert!(text.contains(&format!("seawall_rpo_seconds{labels} ")), "{text}");
    }
    assert!(text.contains("seawall_drill_rto_seconds{service=\"postgresql\",name=\"main\"} 30\n"));
    assert!(text.contains("\nseawall_state 0\n"), "{text}");
}

/// The text goes to a file that nobody reads at night; the journal of the unit tells why it failed.
#[test]
fn what_goes_into_a_file_is_told_in_the_log_too() {
    let watched = Watched::with_folder();
    let file = watched.place.join("seawall.prom");
    let check = || watched.check().args(["--format", "prometheus", "--output"]).arg(&file);
    assert_eq!(check().run().expect(0).stderr, "");
    let outcome = check().arg("--objectives-rto=1s").run();
    let log = &outcome.expect(2).stderr;
    let expected = "ERROR PostgreSQL main, drill: passed ";
    assert!(
        log.contains(expected) && log.contains(". HINT: ") && log.lines().count() == 1,
        "{log}"
    );
}

#[test]
fn nagios_reads_one_line_with_performance_data() {
    let watched = Watched::with_folder();
    let outcome = watched.check().args(["--format", "nagios"]).run();
    let first = outcome.expect(0).stdout.lines().next().unwrap();
    let (text, data) = first.split_once(" | ").expect("performance data");
    assert_eq!(text, "SEAWALL OK: 13 checks, all as they should be");
    assert!(data.contains("'drill_rto_seconds.postgresql.main'=30s;;1800"), "{data}");
    assert!(data.contains("'free_ratio.repository.disk'=0."), "{data}");
    assert!(data.contains(";;0: "), "{data}");
    let outcome = watched.check().args(["--format", "nagios", "--objectives-rto=1s"]).run();
    let first = outcome.expect(2).stdout.lines().next().unwrap();
    assert!(first.starts_with("SEAWALL CRITICAL: PostgreSQL main, drill: passed "), "{first}");
}

#[test]
fn a_folder_that_is_not_there_is_unknown() {
    let watched = Watched::with_folder();
    let file = watched.place.join("nowhere/seawall.prom");
    let outcome = watched.check().args(["--format", "prometheus", "--output"]).arg(&file).run();
    outcome.expect(3).says("could not create a file in ");
}

/// `docs/check.md` has a row for each metric.
#[test]
fn every_metric_is_documented() {
    let text = read("docs/check.md");
    for metric in METRICS {
        let row = format!("| `{}` | {} |", metric.name, metric.help);
        assert!(text.contains(&row), "no {row:?} in docs/check.md");
    }
    let rows = text.lines().filter(|line| line.starts_with("| `seawall_")).count();
    assert_eq!(rows, METRICS.len() + 3, "and no other but those of the state and time");
}
