//! What a store does by itself for the objects in it, as far as it says.

/// Of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// Whether deleted and overwritten objects stay as older versions.
    pub versioning: Stated,
    /// Whether objects can be kept from being deleted for a time, and the rule for new ones.
    pub object_lock: Stated,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stated {
    On(String),
    Off(String),
    /// It was not said, and why.
    Unknown(String),
}

/// What a store does with a PUT that has `If-None-Match: *`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conduct {
    Honours,
    /// It takes it and overwrites all the same.
    Ignores,
    Refuses,
}
