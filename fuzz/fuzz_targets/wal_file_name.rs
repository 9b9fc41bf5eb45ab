//! A name is either refused or written back as it was read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall::postgres::WalFileName;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(name) = text.parse::<WalFileName>() else { return };
    assert_eq!(name.to_string(), text);
    // It becomes part of a path.
    assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.'));
    assert!(!text.starts_with('.') && !text.contains(".."));
    assert_eq!(name.segment().is_none(), matches!(name, WalFileName::History(_)));
    assert!(name.timeline().number() > 0);
});
