//! The two smallest files of a server: the front of `global/pg_control`, which the target makes as long as the file is, and a
//! backup history file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall::postgres::{
    check_backup_history, shut_down_in_recovery, system_identifier_of_control_file,
};

const CONTROL_FILE_BYTES: usize = 8192;

fuzz_target!(|data: &[u8]| {
    assert_eq!(check_backup_history(data).is_ok(), data.starts_with(b"START WAL LOCATION: "));
    let short = system_identifier_of_control_file(data);
    assert!(short.is_err() || data.len() == CONTROL_FILE_BYTES);
    let mut file = data.to_vec();
    file.resize(CONTROL_FILE_BYTES, 0);
    let state = u32::from_ne_bytes(std::array::from_fn(|at| file[16 + at]));
    assert_eq!(shut_down_in_recovery(&file), state == 2);
    let _ = shut_down_in_recovery(data);
    if let Ok(identifier) = system_identifier_of_control_file(&file) {
        assert!(file.starts_with(&identifier.0.to_ne_bytes()));
    }
});
