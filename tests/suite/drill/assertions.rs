use super::{Scene, json};
use crate::scene::error;
use crate::support::postgres::NEWEST;

#[test]
fn an_assertion_that_fails_fails_the_drill() {
    let scene = Scene::new(NEWEST);
    let (good, bad) = ("select count(*) > 0 from t", "select count(*) > 9000 from t");
    let outcome = scene.drill().args(["--json", "--assert", good, "--assert", bad]).run();
    assert_eq!(
        error(outcome.expect(5)),
        format!("check \"assertion 2\" failed: {bad}: expected true, found false")
    );
    assert_eq!(json(&outcome)["passed"], false);
    let records = scene.records();
    let checks = records[0]["checks"].as_array().unwrap();
    let passed = |name: &str| {
        let check = checks.iter().find(|check| check["name"] == name);
        check.unwrap_or_else(|| panic!("no {name}"))["passed"].as_bool().unwrap()
    };
    assert!(passed("tables") && passed("assertion 1") && !passed("assertion 2"));
    assert_eq!(records[0]["passed"], false);
    assert!(!records[0].to_string().contains("9000"));
    scene.nothing_is_left();
}

#[test]
fn an_assertion_that_is_none_is_said() {
    let scene = Scene::new(NEWEST);
    let cases = [
        (
            "select 1",
            3,
            "expected one row with one boolean, found \"1\", which is not a boolean. HINT: Mend drill.assert.",
        ),
        (
            "select 't'",
            3,
            "expected one row with one boolean, found \"t\", which is not a boolean. HINT: Mend drill.assert.",
        ),
        (
            "select true where false",
            3,
            "expected one row with one boolean, found 0 rows of 1 columns. HINT: Mend drill.assert.",
        ),
        ("select null::boolean", 5, "expected true, found NULL"),
    ];
    let words = cases.iter().flat_map(|(query, ..)| ["--assert", query]);
    let outcome = scene.drill().args(["--json"]).args(words).run();
    // Damage weighs more than a mistake.
    outcome.expect(5);
    let found = json(&outcome);
    for (at, (query, _, text)) in cases.iter().enumerate() {
        let name = format!("assertion {}", at + 1);
        let checks = found["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["name"] == name.as_str()).unwrap();
        assert_eq!(check["details"], format!("{query}: {text}"));
    }
    for (query, status, text) in cases {
        let config = format!("[drill]\nassert = [{query:?}]\ndatabase = \"shop\"\n");
        let config = scene.place.file("seawall.toml", config);
        let outcome = scene.drill().arg("--config").arg(config).run();
        let expected = format!("check \"assertion 1\" failed: {query}: {text}");
        assert_eq!(error(outcome.expect(status)), expected);
    }
}

#[test]
fn an_assertion_only_reads() {
    let scene = Scene::new(NEWEST);
    let outcome = scene.drill().args(["--assert", "insert into t values (1) returning true"]).run();
    outcome.expect(5).says("cannot execute INSERT in a read-only transaction");
}
