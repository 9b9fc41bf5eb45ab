//! What `seawall doctor` finds in an `archive_command` or `restore_command`: anything is read without a panic, and in the commands
//! that it proposes for a configuration it finds that configuration again.
#![no_main]

use std::path::{Path, absolute};

use libfuzzer_sys::fuzz_target;
use seawall::doctor::{archive_command, find_call, restore_command};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    for program in ["wal-push", "wal-fetch"] {
        if let Some(call) = find_call(text, program) {
            assert!(Path::new(&call.program).file_name().is_some_and(|name| name == program));
        }
    }
    let path = format!("/etc/seawall/{text}.toml");
    let path = Path::new(&path);
    // Where everybody looks it is not named, however many slashes lead there.
    if text.contains('\0') || path == Path::new(seawall::config::DEFAULT_FILE) {
        return;
    }
    let commands = [archive_command(Some(path)), restore_command(Some(path))];
    for (command, program) in commands.iter().zip(["wal-push", "wal-fetch"]) {
        let call = find_call(command, program);
        let call = call.unwrap_or_else(|| panic!("no {program} in {command}"));
        assert!(call.whole && call.decides, "{command}");
        assert_eq!(call.config, absolute(path).ok(), "{command}");
    }
});
