//! Flag over environment over file over default, and where each value came from.

use super::{shown, with_file};
use crate::by_hand::{ByHand, says_only};

const FILE: &str =
    "cluster = \"of-file\"\n[[repository]]\nurl = \"/a\"\n[wal]\ngap_wait = \"7s\"\n";

#[test]
fn a_flag_beats_a_variable_beats_the_file_beats_the_default() {
    let host = ByHand::new();
    let show = || with_file(&host, host.config_show(), FILE);
    let file = host.place.join("seawall.toml").display().to_string();
    let cluster = |outcome| shown(&outcome, "cluster");
    let of = |value: &str, origin: &str| (format!("\"{value}\""), origin.to_owned());
    assert_eq!(cluster(show().run()), of("of-file", &format!("{file}:1")));
    let with_variable = || show().env("SEAWALL_CLUSTER", "of-variable");
    assert_eq!(cluster(with_variable().run()), of("of-variable", "SEAWALL_CLUSTER"));
    let with_flag = with_variable().args(["--cluster", "of-flag"]);
    assert_eq!(cluster(with_flag.run()), of("of-flag", "--cluster"));
    assert_eq!(cluster(host.config_show().run()), of("main", "default"));
}

#[test]
fn every_kind_of_value_is_shown_with_its_origin() {
    let host = ByHand::new();
    let run = with_file(&host, host.config_show(), FILE);
    let run = run.env("SEAWALL_WAL_PREFETCH_SIZE", "1.5GiB").args(["--wal-parallel", "3"]);
    let outcome = run.env("SEAWALL_ENCRYPTION_IDENTITY_FILE", "/a key").run();
    outcome.expect(0);
    let file = host.place.join("seawall.toml").display().to_string();
    for (key, value, origin) in [
        ("wal.gap_wait", "\"7s\"", format!("{file}:5").as_str()),
        ("wal.prefetch_size", "\"1536MiB\"", "SEAWALL_WAL_PREFETCH_SIZE"),
        ("wal.parallel", "3", "--wal-parallel"),
        ("wal.prefetch", "16", "default"),
        ("encryption.identity_file", "\"/a key\"", "SEAWALL_ENCRYPTION_IDENTITY_FILE"),
        ("encryption.recipients", "(not set)", ""),
        ("repository[0].url", "\"/a\"", &format!("{file}:3")),
    ] {
        assert_eq!(shown(&outcome, key), (value.to_owned(), origin.to_owned()), "{key}");
    }
    assert!(outcome.stdout.starts_with("configuration file"), "{outcome}");
}

/// As a container's environment has it for a variable that was not filled in.
#[test]
fn an_empty_variable_counts_as_not_set() {
    let host = ByHand::new();
    let run = with_file(&host, host.config_show(), FILE).env("SEAWALL_CLUSTER", "");
    let outcome = run.env("SEAWALL_WAL_PARALLEL", "").env("SEAWALL_NONSENSE", "").run();
    assert_eq!(shown(outcome.expect(0), "cluster").0, "\"of-file\"");
    assert_eq!(shown(&outcome, "wal.parallel").1, "default");
}

#[test]
fn a_misspelt_variable_is_an_error_that_names_the_nearest_one() {
    let host = ByHand::new();
    for (name, text) in [
        ("SEAWALL_REPOSITORIES", "Did you mean SEAWALL_REPOSITORY?"),
        ("SEAWALL_WAL_LOOKAHEAD", "Did you mean SEAWALL_WAL_LOOK_AHEAD?"),
        ("SEAWALL_LOGLEVEL", "Did you mean SEAWALL_LOG_LEVEL?"),
    ] {
        let run = host.push().env(name, "1").args(["pg_wal/x", host.name(0)]);
        says_only(
            &run.run(),
            3,
            &format!("ERROR unknown environment variable {name}. HINT: {text}"),
        );
    }
}

#[test]
fn a_variable_or_flag_of_the_wrong_type_says_which() {
    let host = ByHand::new();
    let words = ["pg_wal/x", host.name(0)];
    let run = host.push().env("SEAWALL_LIMITS_ATTEMPTS", "21").args(words);
    let text =
        "ERROR expected a whole number from 1 to 20 for SEAWALL_LIMITS_ATTEMPTS, found \"21\"";
    says_only(&run.run(), 3, text);
    let run = host.push().args(["--wal-gap-wait", "soon"]).args(words);
    let text =
        "ERROR expected a time like 5s or 3m, at most 1 day for --wal-gap-wait, found \"soon\"";
    says_only(&run.run(), 2, text);
}

#[test]
fn lists_in_a_variable_are_separated_by_spaces() {
    let host = ByHand::new();
    const KEY: &str = "age144nsuep3dshkquh5rpsdph8rqmhs2mufs9dafzlmulg4vcu40q6qvw3xy3";
    let run = host.config_show().env("SEAWALL_ENCRYPTION_RECIPIENTS", format!("{KEY}  {KEY}"));
    let listed = format!("[\"{KEY}\", \"{KEY}\"]");
    assert_eq!(shown(run.run().expect(0), "encryption.recipients").0, listed);
}
