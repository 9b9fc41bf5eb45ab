//! The plan of `basebackup restore` as JSON: the base backup, the WAL that it needs, the target, and the places that
//! are written to.

use serde_json::{Value, json};

use super::shown::{Archiving, Shown};
use crate::basebackup::restore::{RecoveryTarget, RestorePlan, RestoreTarget};
use crate::repository::Repository;

impl Shown<'_> {
    /// The plan, for programs. `words` is what people are shown of it.
    pub fn told(
        &self,
        plan: &RestorePlan<'_>,
        wish: &RestoreTarget<'_>,
        repositories: &[Repository],
        words: &str,
    ) -> Value {
        let (backup, facts) = (plan.backup, &plan.backup.facts);
        let names = self.opened.repositories.iter().filter_map(|at| repositories.get(*at));
        let tablespaces = self
            .tablespaces
            .iter()
            .map(|it| json!({ "oid": it.oid, "into": it.folder.to_string_lossy() }));
        let archiving = match self.archiving {
            Archiving::Off => "off",
            Archiving::AsTheOldServer => "as_the_old_server",
            Archiving::OncePromoted => "once_promoted",
        };
        json!({
            "id": backup.id,
            "label": facts.label,
            "began": facts.start.time.to_string(),
            "ended": facts.stop.time.to_string(),
            "system": backup.system.to_string(),
            "repositories": names.map(Repository::name).collect::<Vec<_>>(),
            "bytes": facts.size,
            "wal": {
                "from": facts.start.lsn.to_string(),
                "to": plan.choice.reach.to_string(),
                "timeline": plan.choice.timeline.number(),
                "stored": plan.stored.map(|it| it.to_string()),
                "missing_up_to": plan.resumes.map(|it| it.to_string()),
            },
            "target": target(wish),
            "into": self.place.data.to_string_lossy(),
            "moved_aside_to": self.place.aside.as_ref().map(|it| it.to_string_lossy()),
            "tablespaces": tablespaces.collect::<Vec<_>>(),
            "archiving": archiving,
            "words": words,
        })
    }
}

fn target(wish: &RestoreTarget<'_>) -> Value {
    let (kind, value) = match wish.target {
        RecoveryTarget::Latest => ("latest", Value::Null),
        RecoveryTarget::Immediate => ("immediate", Value::Null),
        RecoveryTarget::Time(time) => ("time", time.to_string().into()),
        RecoveryTarget::Lsn(lsn) => ("lsn", lsn.to_string().into()),
        RecoveryTarget::Xid(xid) => ("xid", (*xid).into()),
        RecoveryTarget::Name(name) => ("name", name.as_str().into()),
    };
    json!({ "kind": kind, "value": value, "inclusive": wish.inclusive })
}
