//! A configuration file is either refused, or every value is written by `seawall config show` as it
//! can be read again.
#![no_main]

use std::fmt::Write;

use libfuzzer_sys::fuzz_target;
use seawall::config::{Config, Resolved, Value, of_text};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(resolved) = of_text(text) else { return };
    let written = written(&resolved);
    let again = of_text(&written).unwrap_or_else(|error| panic!("{error}\n{written}"));
    assert!(values(&resolved).eq(values(&again)), "{written}");
    assert_eq!(resolved.repositories.len(), again.repositories.len());
    for ((one, _), (other, _)) in resolved.repositories.iter().zip(&again.repositories) {
        let value = |(key, (value, _)): (&&'static str, &(Value, usize))| (*key, value.clone());
        assert!(one.values.iter().map(value).eq(other.values.iter().map(value)), "{written}");
    }
    // A recipients file would be read.
    if resolved.value("encryption.recipients_file").is_none() {
        let _ = Config::from_resolved(&resolved);
    }
});

fn values(resolved: &Resolved) -> impl Iterator<Item = (&'static str, &Value)> {
    resolved.values().filter_map(|(key, found)| Some((key, &found?.0)))
}

fn written(resolved: &Resolved) -> String {
    let mut text = String::new();
    for (key, value) in values(resolved) {
        writeln!(text, "{key} = {value}").expect("a text grows");
    }
    for (table, _) in &resolved.repositories {
        text.push_str("[[repository]]\n");
        for (key, (value, _)) in &table.values {
            writeln!(text, "{key} = {value}").expect("a text grows");
        }
    }
    text
}
