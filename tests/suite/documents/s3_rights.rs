//! The policies of `docs/s3-rights.md` are JSON, and allow what its table says, neither more nor less.

use std::collections::BTreeSet;

use super::{fenced, read};

const FILE: &str = "docs/s3-rights.md";

/// The rights in a text.
fn rights(text: &str) -> BTreeSet<String> {
    let names = text.split(['`', '"']).filter(|name| name.starts_with("s3:"));
    names.map(str::to_owned).collect()
}

#[test]
fn the_policies_allow_what_the_table_says() {
    let page = read(FILE);
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| ")).skip(2).collect();
    let (looks, cleans) = (rights(rows[1]), "the rights of the row above");
    let policies = fenced(&page, "json");
    assert_eq!((rows.len(), policies.len()), (3, 3), "{FILE}");
    for (row, policy) in rows.iter().zip(&policies) {
        let policy: serde_json::Value = serde_json::from_str(policy).expect(FILE);
        let mut expected = rights(row);
        if row.contains(cleans) {
            expected.extend(looks.clone());
        }
        assert_eq!(rights(&policy.to_string()), expected, "{row}");
        for statement in policy["Statement"].as_array().expect(FILE) {
            let of_bucket = rights(&statement.to_string()).iter().all(|it| it.contains("Bucket"));
            let resource = statement["Resource"].as_str().expect(FILE);
            assert_eq!(of_bucket, !resource.ends_with("/*"), "{statement}");
        }
    }
}
