//! A history file is either refused or says the same when it is written anew. The first four bytes
//! of the input are the timeline, the rest is the file.
#![no_main]

use std::fmt::Write;

use libfuzzer_sys::fuzz_target;
use seawall::postgres::{Lsn, TimelineHistory, TimelineId};

fuzz_target!(|data: &[u8]| {
    let Some((number, content)) = data.split_first_chunk() else { return };
    let Some(timeline) = TimelineId::new(u32::from_be_bytes(*number)) else { return };
    let Ok(history) = TimelineHistory::parse(timeline, content) else { return };
    let mut written = String::new();
    let mut last = 0;
    for ancestor in &history.ancestors {
        let (number, at) = (ancestor.timeline.number(), ancestor.at);
        assert!(last < number && number < timeline.number());
        assert_eq!(at.to_string().parse::<Lsn>(), Ok(at));
        writeln!(written, "{number}\t{at}\tno recovery target specified").expect("a text grows");
        last = number;
    }
    assert!(last > 0);
    assert_eq!(TimelineHistory::parse(timeline, written.as_bytes()), Ok(history));
});
