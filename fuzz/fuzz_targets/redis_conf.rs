//! A `redis.conf`: its settings, which say the same when each word of them is quoted, and patterns of files to include, the first
//! line being the pattern and the second one a name.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall::redis_backup::{matches, settings_of_conf};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    let mut lines = text.lines();
    let (pattern, name) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let matched = matches(pattern, name);
    if !pattern.contains(&b'*') && !pattern.contains(&b'?') {
        assert_eq!(matched, pattern == name);
    }
    let around = [b"*", pattern, b"*"].concat();
    assert!(!matched || matches(&around, name));
    if let Ok(settings) = settings_of_conf(text) {
        let quoted =
            |word: &str| -> String { word.bytes().map(|byte| format!("\\x{byte:02x}")).collect() };
        let line = |(name, value): &(String, String)| {
            format!("\"{}\" \"{}\"\n", quoted(name), quoted(value))
        };
        let again: String = settings.iter().map(line).collect();
        assert_eq!(settings_of_conf(&again), Ok(settings));
    }
});
