//! The description of a backup in the source, byte for byte, and the same of a backup whose objects were stored in another
//! form. What this version does not know in it stays in it.

use std::collections::BTreeMap;
use std::io::Read as _;

use bytes::Bytes;
use serde_json::Value;

use super::super::session::CopySession;
use super::CopiedBackup;
use crate::backup::{
    BackupFolder, DESCRIPTION, DESCRIPTION_BYTES_MAX, Kind, StoredObject, parse_description,
};
use crate::codec::read_failed;
use crate::error::{Class, Error, Result};

/// A description, and the bytes that it was read from.
pub(super) struct DescribedBackup<K> {
    pub(super) description: K,
    pub(super) bytes: Bytes,
}

impl<K: CopiedBackup> DescribedBackup<K> {
    /// `None` when the source has it no more.
    pub(super) fn read(
        session: &CopySession<'_>,
        folder: &BackupFolder,
        system: K::System,
    ) -> Result<Option<Self>> {
        let (key, from) = (folder.key(DESCRIPTION), session.from());
        let Some(reader) = from.storage().open(&key, Some(DESCRIPTION_BYTES_MAX + 1))? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        let read = reader.take(DESCRIPTION_BYTES_MAX + 1).read_to_end(&mut bytes);
        read.map_err(|error| read_failed(&error))?;
        let parse = || -> Result<K> {
            let description = parse_description::<K>(&bytes)?;
            <K as Kind>::facts(&description, folder, system)?;
            Ok(description)
        };
        let said = |error: Error| error.while_doing(format!("could not use {key}"));
        let description = parse().map_err(said)?;
        Ok(Some(Self { description, bytes: Bytes::from(bytes) }))
    }

    /// All that it needs, each with the id of the backup that it lies with.
    pub(super) fn all<'d>(
        &'d self,
        id: &'d str,
    ) -> impl Iterator<Item = (&'d str, &'d StoredObject)> {
        let own = self.description.objects().map(move |it| (id, it));
        own.chain(self.description.shared())
    }
}

/// The description of the same backup, of which each object is stored as told: by its name in the source.
pub(super) fn recoded(
    bytes: &[u8],
    stored: &BTreeMap<String, StoredObject>,
    encrypted: bool,
) -> Result<Bytes> {
    let internal = |error: serde_json::Error| Error::new(Class::Internal, error.to_string());
    let mut json: Value = serde_json::from_slice(bytes).map_err(internal)?;
    exchange(&mut json, stored);
    json["encrypted"] = Value::Bool(encrypted);
    Ok(Bytes::from(serde_json::to_vec_pretty(&json).map_err(internal)?))
}

fn exchange(json: &mut Value, stored: &BTreeMap<String, StoredObject>) {
    match json {
        Value::Array(all) => all.iter_mut().for_each(|one| exchange(one, stored)),
        Value::Object(fields) => {
            let name = fields.get("object").and_then(Value::as_str);
            let new = name.and_then(|name| stored.get(name));
            if let Some(new) = new.filter(|_| fields.contains_key("sha256")) {
                fields.insert("object".to_owned(), new.object.clone().into());
                fields.insert("stored_size".to_owned(), new.stored_size.into());
                fields.insert("sha256".to_owned(), new.sha256.clone().into());
                return;
            }
            fields.values_mut().for_each(|one| exchange(one, stored));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_stays() {
        let bytes = br#"{"seawall":1,"new":{"a":[1]},"encrypted":false,"parts":[{"object":"p.zst",
            "size":9,"stored_size":5,"sha256":"aa","entries":3}],"object":"no"}"#;
        let new = StoredObject {
            object: "p.zst.age".into(),
            size: 9,
            stored_size: 77,
            sha256: "bb".into(),
        };
        let new = recoded(bytes, &BTreeMap::from([("p.zst".to_owned(), new)]), true).unwrap();
        let expected = serde_json::json!({
            "seawall": 1, "new": {"a": [1]}, "encrypted": true, "object": "no",
            "parts": [{"object": "p.zst.age", "size": 9, "stored_size": 77, "sha256": "bb", "entries": 3}],
        });
        assert_eq!(serde_json::from_slice::<Value>(&new).unwrap(), expected);
    }
}
