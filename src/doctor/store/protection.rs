//! Judges what keeps the objects of a store from being overwritten or deleted: conditional writes, versioning, object
//! lock.
//!
//! What a store lacks is a note or a warning. It is a problem only where the configuration relies on it.

use crate::config::{ConditionalPut, Location, RepositoryConfig};
use crate::doctor::finding::{Finding, Mend};
use crate::error::Result;
use crate::storage::{ConditionSupport, Protection, Stated};

const WHAT: &str = "conditional write";

/// What the store does with a condition, against what is configured.
pub fn condition(found: Result<ConditionSupport>, config: &RepositoryConfig) -> Finding {
    let setting = match &config.location {
        Location::S3(s3) => s3.conditional_put,
        Location::Folder(_) => ConditionalPut::Auto,
    };
    let verb = match found {
        Err(error) => return Finding::problem(WHAT, error.to_string()),
        Ok(ConditionSupport::Honours) if setting == ConditionalPut::LookFirst => {
            return Finding::note(
                WHAT,
                "honoured, but conditional_put = \"look-first\" makes no use of it",
            )
            .mend(Mend::Line("conditional_put = \"auto\"".to_owned()));
        }
        Ok(ConditionSupport::Honours) => return Finding::good(WHAT, "honoured"),
        Ok(ConditionSupport::Ignores) => "ignored",
        Ok(ConditionSupport::Refuses) => "refused",
    };
    let weaker = "of two hosts that archive one name at the same instant the later may overwrite the earlier";
    match setting {
        ConditionalPut::Trust => {
            let found = format!(
                "{verb}, but conditional_put = \"trust\" relies on it: objects get overwritten"
            );
            Finding::problem(WHAT, found).mend(Mend::Line("conditional_put = \"auto\"".to_owned()))
        }
        ConditionalPut::Auto => Finding::warning(WHAT, format!("{verb}: {weaker}"))
            .mend(Mend::Line("conditional_put = \"look-first\"  # if you accept that".to_owned())),
        ConditionalPut::LookFirst => Finding::note(WHAT, format!("{verb}, as configured")),
    }
}

/// What guards the objects against whoever gets this host's key.
pub fn findings(protection: &Protection) -> [Finding; 2] {
    let finding = |what: &str, stated: &Stated, without: &str| match stated {
        Stated::On(text) => Finding::good(what, text),
        Stated::Off(text) => Finding::note(what, format!("{text}: {without}")),
        Stated::Unknown(reason) => Finding::note(what, format!("unknown: {reason}")),
    };
    [
        finding("versioning", &protection.versioning, "what is deleted is gone"),
        finding("object lock", &protection.object_lock, "who may delete can delete every backup"),
    ]
}
