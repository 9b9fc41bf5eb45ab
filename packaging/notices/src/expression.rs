//! Licence expressions as crates have them (SPDX, with the slashes of old).

/// Licences that we take wherever there is a choice: their conditions are met by the notices alone.
const CHOSEN: [&str; 2] = ["Apache-2.0", "MIT"];

/// The alternatives of an expression that Seawall takes, each a list of licences that hold together.
pub fn taken(expression: &str) -> Vec<Vec<String>> {
    let expression = expression.replace('/', " OR ");
    let all = |text: &str| text.split(" AND ").map(|id| id.trim().to_owned()).collect::<Vec<_>>();
    let mut alternatives: Vec<Vec<String>> = expression.split(" OR ").map(all).collect();
    let chosen = |one: &Vec<String>| one.iter().all(|id| CHOSEN.contains(&id.as_str()));
    if alternatives.len() > 1 && alternatives.iter().any(chosen) {
        alternatives.retain(chosen);
    }
    alternatives.sort();
    alternatives.dedup();
    alternatives
}

/// The same in words, with `or` and `and` as given.
pub fn shown(expression: &str, or: &str, and: &str) -> String {
    let alternatives = taken(expression);
    let alternatives: Vec<String> = alternatives.iter().map(|all| all.join(and)).collect();
    alternatives.join(or)
}

/// Every licence in what is taken of the expression.
pub fn licences(expression: &str) -> Vec<String> {
    let mut all: Vec<String> = taken(expression).concat();
    all.sort();
    all.dedup();
    all
}
