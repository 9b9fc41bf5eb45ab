//! One configuration for all commands: flag over environment over file over default. Every setting is
//! declared once, in `settings/`; flags, variables, file keys, `config show` and the reference in
//! `docs/configuration.md` all come from that declaration.

mod endpoint;
mod environment;
mod file;
mod layers;
mod media;
mod place;
mod redis;
mod repository;
mod resolved;
mod secrets;
mod sections;
mod setting;
mod settings;
mod typed;
mod value;

pub use endpoint::{ENDPOINT_VARIABLES, endpoint};
pub use layers::FlagValues;
pub use media::MediaSet;
pub use place::{DEFAULT_FILE, own_file, own_state};
pub use redis::{RedisAddress, RedisConfig, RedisTls};
pub use repository::{
    Addressing, Checksum, ConditionalPut, Location, RepositoryConfig, S3Config, Sse,
};
pub use resolved::{Resolved, ValueOrigin};
pub use secrets::proxy_without_secrets;
pub use sections::{BackupObjective, DrillConfig, KeepConfig, NotifyConfig, Objectives};
pub use setting::{MEDIA, REPOSITORY, Setting, ValueKind};
pub use settings::{BANDWIDTH, GLOBAL};
pub use typed::{
    Config, EncryptionConfig, Limits, LogConfig, LogFormat, MediaBackupConfig, NeededCopies,
    RetentionConfig, WalConfig,
};
pub use value::Value;

use crate::error::Result;

/// What the text of a configuration file says by itself, without flags and environment.
pub fn of_text(text: &str) -> Result<Resolved> {
    layers::of_text(text)
}

/// Resolves the configuration of this process from its flags, environment and file.
pub fn resolve(flags: &FlagValues) -> Result<Resolved> {
    layers::resolve(flags, &environment::Environment::of_process()?)
}
