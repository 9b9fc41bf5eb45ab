//! Whether a base backup can be restored, as the word that `list`, `show` and their JSON all use.

use crate::basebackup::catalogue::Restorable;

/// Whether it can be restored, in a word, and why not.
pub fn restorable(restorable: &Restorable) -> (&'static str, Option<&str>) {
    match restorable {
        Restorable::Yes => ("yes", None),
        Restorable::No(reason) => ("no", Some(reason)),
        Restorable::Unknown(reason) => ("unknown", Some(reason)),
    }
}
