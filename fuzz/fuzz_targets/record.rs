//! The record of a drill or a verification is refused, or can be written anew and summed up.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall::history::Record;

fuzz_target!(|data: &[u8]| {
    let Ok(record) = Record::parse(data) else { return };
    let seconds = record.rto_seconds();
    assert!(seconds.is_finite() && seconds >= 0.0, "{seconds}");
    let again = Record::parse(&record.to_json().expect("it was JSON")).expect("as we write it");
    // Of seconds with a fraction the last digit may differ.
    let rest = |it: Record| Record { phases: Vec::new(), ..it };
    assert_eq!(again.phases.len(), record.phases.len());
    assert_eq!(rest(again), rest(record));
});
