//! Which repositories are in use, and which can't be together.

use super::{refused_as_a_whole, shown, with_file};
use crate::by_hand::{ByHand, says_only};
use crate::support::run::Run;

const TWO: &str = "[[repository]]\nname = \"near\"\nurl = \"/near\"\n\
                   [[repository]]\nname = \"offsite\"\nurl = \"s3://bucket/prefix\"\nregion = \"x\"\n";

#[test]
fn no_repository_at_all_is_an_error_that_says_how_to_name_one() {
    let host = ByHand::new();
    let text = "ERROR no repository is configured. HINT: Set SEAWALL_REPOSITORY=/path or \
                s3://bucket/prefix, or write a [[repository]] into /etc/seawall/seawall.toml: `seawall init` does.";
    let run = host.push().env("SEAWALL_REPOSITORY", "").args(["pg_wal/x", host.name(0)]);
    says_only(&run.run(), 3, text);
}

#[test]
fn two_repositories_of_one_name_or_in_one_place_are_an_error() {
    let host = ByHand::new();
    for (text, reason) in [
        (
            "[[repository]]\nname = \"a\"\nurl = \"/a\"\n[[repository]]\nname = \"a\"\nurl = \"/b\"",
            "repository at {file}:4: a second repository has the name \"a\"",
        ),
        (
            "[[repository]]\nurl = \"/a\"\n[[repository]]\nname = \"b\"\nurl = \"file:///a/\"",
            "repository at {file}:3: repository local is at the same place, \"/a\"",
        ),
        (
            "[[repository]]\nurl = \"s3://b/p\"\n[[repository]]\nurl = \"s3://b/p/\"\nsse = \"s3\"",
            "repository at {file}:3: repository s3 is at the same place, \"s3://b/p\"",
        ),
        (
            "[[repository]]\nurl = \"/a\"\n[[repository]]\nname = \"local\"\nurl = \"/b\"",
            "repository at {file}:3: a second repository has the name \"local\"",
        ),
    ] {
        refused_as_a_whole(&host, text, reason);
    }
}

#[test]
fn buckets_of_one_name_at_two_stores_are_two_repositories() {
    let host = ByHand::new();
    let text = "[[repository]]\nurl = \"s3://b\"\nendpoint = \"http://a:1\"\n\
                [[repository]]\nurl = \"s3://b\"\nendpoint = \"http://b:1\"";
    with_file(&host, host.config_show(), text).run().expect(0);
}

#[test]
fn a_name_or_url_that_can_be_none_is_an_error() {
    let host = ByHand::new();
    for (text, reason) in [
        (
            "[[repository]]\nname = \"a b\"\nurl = \"/a\"",
            "expected letters, digits, '.', '_' and '-' as name, found \"a b\"",
        ),
        (
            "[[repository]]\nname = \"a\"",
            "url is not set. HINT: Write url = \"/path\" or url = \"s3://bucket/prefix\".",
        ),
        (
            "[[repository]]\nurl = \"s3://\"",
            "expected s3://BUCKET/PREFIX, found the bucket name \"\"",
        ),
        (
            "[[repository]]\nurl = \"s3://b?x\"",
            "expected s3://BUCKET/PREFIX, found the bucket name \"b?x\"",
        ),
        (
            "[[repository]]\nurl = \"http://host/bucket\"",
            "expected an absolute path or s3://BUCKET/PREFIX as url, found \"http://host/bucket\". \
             HINT: PostgreSQL runs the WAL commands in its data directory, so a path has to begin \
             with /.",
        ),
    ] {
        refused_as_a_whole(&host, text, &format!("repository at {{file}}:1: {reason}"));
    }
}

#[test]
fn a_variable_with_two_urls_means_two_repositories() {
    let host = ByHand::new();
    let disk = host.repository.parent().expect("below the place");
    let urls = format!("{0}/one  {0}/two", disk.display());
    let path = host.has(0);
    let run = host.push().env("SEAWALL_REPOSITORY", &urls).args([&path, host.name(0)]);
    let outcome = run.run();
    outcome.expect(0).says("repository=\"local\"").says("repository=\"local2\"");
    for root in ["one", "two"] {
        assert!(disk.join(root).join("postgres/main").is_dir(), "{root}");
    }
}

/// Those that are said on the command line are called as those of the variable are.
#[test]
fn repositories_of_the_command_line_have_names() {
    let host = ByHand::new();
    let disk = host.repository.parent().expect("below the place");
    let path = host.has(0);
    let two = |run: Run| {
        let [one, two] = ["one", "two"].map(|name| disk.join(name));
        run.arg("--repository").arg(one).arg("--repository").arg(two)
    };
    let outcome = two(host.push()).args([&path, host.name(0)]).run();
    outcome.expect(0).says("repository=\"local\"").says("repository=\"local2\"");
    let check = Run::new(&host.place, env!("CARGO_BIN_EXE_seawall")).server_user();
    let outcome = two(check.arg("check")).args(["--objectives-free-space=0"]).run();
    outcome.expect(2);
    for said in ["base backup in local: ", "base backup in local2: "] {
        assert!(outcome.stdout.contains(said), "{said}: {outcome}");
    }
}

#[test]
fn a_flag_selects_repositories_of_the_file_by_name_or_url() {
    let host = ByHand::new();
    let show = |words: &[&str]| with_file(&host, host.config_show(), TWO).args(words).run();
    let outcome = show(&["--repository", "offsite"]);
    let file = host.place.join("seawall.toml").display().to_string();
    assert_eq!(
        shown(outcome.expect(0), "repository[0].url"),
        ("\"s3://bucket/prefix\"".to_owned(), format!("{file}:6"))
    );
    assert!(!outcome.stdout.contains("repository[1]"), "{outcome}");
    let outcome = show(&["--repository", "s3://bucket/prefix", "--repository", "/new"]);
    assert_eq!(shown(outcome.expect(0), "repository[0].region").0, "\"x\"");
    let new = ("\"/new\"".to_owned(), "--repository".to_owned());
    assert_eq!(shown(&outcome, "repository[1].url"), new);
}

#[test]
fn a_name_that_is_not_in_the_file_is_an_error() {
    let host = ByHand::new();
    for (words, text) in [
        (
            ["--repository=ofsite", "--log-level=info"],
            "no repository in the file has the name \"ofsite\". HINT: Did you mean offsite?",
        ),
        (
            ["--repository=xyz", "--log-level=info"],
            "no repository in the file has the name \"xyz\". HINT: There are: near, offsite.",
        ),
        (["--repository=near", "--repository=near"], "repository near is named twice"),
    ] {
        let run = with_file(&host, host.push(), TWO).args(words).args(["pg_wal/x", host.name(0)]);
        says_only(&run.run(), 3, &format!("ERROR --repository: {text}"));
    }
}
