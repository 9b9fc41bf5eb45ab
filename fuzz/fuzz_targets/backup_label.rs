//! A `backup_label` is refused, or says the same when it is written as the server writes it.
#![no_main]

use std::fmt::Write;

use libfuzzer_sys::fuzz_target;
use seawall::postgres::BackupLabel;

fuzz_target!(|data: &[u8]| {
    let Ok(label) = BackupLabel::parse(data) else { return };
    let again = BackupLabel::parse(written(&label).as_bytes()).expect("as the server writes it");
    let place = |it: &BackupLabel| (it.start, it.segment, it.checkpoint);
    assert_eq!(place(&again), place(&label));
    assert_eq!(again.from_standby, label.from_standby);
    assert_eq!(again.incremental_from, label.incremental_from);
    // A carriage return at its end counts as part of the end of the line.
    let text = |it: &Option<String>| it.as_deref().map(|it| it.trim_end_matches('\r').to_owned());
    assert_eq!(text(&again.method), text(&label.method));
    assert_eq!(text(&again.start_time), text(&label.start_time));
    assert_eq!(text(&again.label), text(&label.label));
});

/// `build_backup_content` in `xlogbackup.c`.
fn written(label: &BackupLabel) -> String {
    let mut text = format!("START WAL LOCATION: {} (file {})\n", label.start, label.segment);
    let mut line = |name: &str, value: &str| writeln!(text, "{name}: {value}").expect("it grows");
    line("CHECKPOINT LOCATION", &label.checkpoint.to_string());
    if let Some(method) = &label.method {
        line("BACKUP METHOD", method);
    }
    line("BACKUP FROM", if label.from_standby { "standby" } else { "primary" });
    if let Some(time) = &label.start_time {
        line("START TIME", time);
    }
    if let Some(name) = &label.label {
        line("LABEL", name);
    }
    line("START TIMELINE", &label.segment.timeline.number().to_string());
    if let Some((lsn, timeline)) = &label.incremental_from {
        line("INCREMENTAL FROM LSN", &lsn.to_string());
        line("INCREMENTAL FROM TLI", &timeline.number().to_string());
    }
    text
}
