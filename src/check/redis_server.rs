//! Whether the Redis that is backed up answers, where somebody said where it is.

use std::fs::File;
use std::io::ErrorKind;

use super::case::Case;
use super::draft::Draft;
use super::verdict::{Finding, State, Subject};
use crate::config::Config;
use crate::error::{Class, Error};
use crate::redis_backup::{ServerConnection, has_password};

/// What came of asking it.
pub enum RedisAsked {
    Answered,
    /// It answers, and lets nobody in without a password. This check has none, and whoever takes backups may have.
    Refused,
    /// Who checks may not read the password, and whoever takes backups may.
    NotAsked,
    Failed(Error),
}

pub fn ask(config: &Config) -> Option<RedisAsked> {
    let redis = &config.redis;
    if !redis.named {
        return None;
    }
    let closed =
        |file: &_| File::open(file).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied);
    if redis.password_file.as_ref().is_some_and(closed) {
        return Some(RedisAsked::NotAsked);
    }
    Some(match ServerConnection::connect(redis, &config.limits) {
        Ok(_) => RedisAsked::Answered,
        Err(error) if error.class() == Class::Refused && !has_password(redis) => {
            RedisAsked::Refused
        }
        Err(error) => RedisAsked::Failed(error),
    })
}

/// A server that is down loses nothing yet; when the next backups are missing it is the age of the newest that tells.
pub fn judge(case: &Case<'_>, subject: &Subject) -> Vec<Finding> {
    let Some(asked) = &case.gathered.redis_server else { return Vec::new() };
    let mut draft = Draft::new(subject.clone(), "server", None);
    let address = &case.config.redis.address;
    match asked {
        RedisAsked::Answered => draft.ok(format!("{address} answers")),
        RedisAsked::Refused => draft.ok(format!("{address} answers, and wants a password")),
        RedisAsked::NotAsked => {
            draft.ok("not asked: redis.password_file is closed to the user of this check");
        }
        RedisAsked::Failed(error) => draft.fail(State::Warning, "could not be asked: ", error),
    }
    vec![draft.finding()]
}
