//! Judges how many backups there are against how many were promised, for base backups and for backups that stand alone.

use super::draft::Draft;
use super::verdict::State;
use crate::config::Wanted;

/// What there is of one kind of backup.
pub struct There<'a> {
    pub good: usize,
    /// Like `restorable`.
    pub word: &'a str,
    /// For how many whole days something of it has been stored.
    pub days: i64,
    /// Like `basebackup`.
    pub program: &'a str,
}

/// Whether there are as many as were promised. Where one was due often enough since the first object was
/// stored, some were deleted, or never taken, and the promise is broken; before that a young repository can't
/// have them.
pub fn judge(there: &There<'_>, wanted: Wanted, create: &str, draft: &mut Draft) {
    let found = format!("{} {}", there.good, there.word);
    if there.good >= wanted.count {
        draft.ok(found);
        return;
    }
    let text = format!("{found}, expected {}", wanted.count);
    let due = wanted.age.as_secs_f64() * wanted.count as f64;
    if (there.days * 86_400) as f64 <= due {
        draft.say(State::Warning, text, create);
        return;
    }
    let program = there.program;
    draft.say(
        State::Critical,
        text,
        format!("Were some deleted? `{program} prune --dry-run` says what retention keeps, and why; {create}"),
    );
}
