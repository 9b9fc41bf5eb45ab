//! The server whose data come back: what it will read at its start, and why it may not be touched.

use super::RedisRestoreOptions;
use crate::config::Config;
use crate::error::{Class, Error, Result};
use crate::redis_backup::{
    Product, RdbVersion, RedisDescription, RedisTarget, ServerConnection, ServerInfo,
    TargetOverrides,
};

/// The server that answers now, if one does: it may be the one that is restored, or any other.
pub fn answering(config: &Config) -> Option<ServerInfo> {
    ServerConnection::connect(&config.redis, &config.limits)
        .and_then(|mut server| server.facts())
        .ok()
}

/// What the server will read, and whether it can.
pub fn target(
    options: &RedisRestoreOptions<'_>,
    backup: &RedisDescription,
    there: Option<&ServerInfo>,
) -> Result<RedisTarget> {
    let mut overrides = options.overrides.clone();
    overrides.likely = overrides.likely.or(backup.appendonly);
    overrides.version.get_or_insert_with(|| match backup.product {
        Product::Redis => backup.version.clone(),
        // Whatever its number, it reads the files of Redis 7.
        Product::Valkey => "7".to_owned(),
    });
    let running = |target: &RedisTarget| {
        let persistence = there.and_then(|it| it.persistence.as_ref());
        persistence.filter(|it| target.is_of(it)).cloned()
    };
    // What runs there tells what nothing else does.
    let target = match RedisTarget::read(options.conf.as_deref(), &overrides) {
        Err(error) if error.class() == Class::Usage => {
            let anyhow = TargetOverrides { likely: Some(false), ..overrides.clone() };
            let target = RedisTarget::read(options.conf.as_deref(), &anyhow)?;
            running(&target).map(|_| target).ok_or(error)
        }
        target => target,
    };
    let mut target = target?;
    let running = running(&target);
    if let Some(running) = running.as_ref().filter(|_| options.overrides.appendonly.is_none()) {
        target.like(running);
    }
    if let Some(master) = target.replica_of.as_ref().filter(|master| *master != "no") {
        let message =
            format!("expected a server with data of its own, found a replica of {master}");
        return Err(Error::new(Class::Input, message).hint(
            "It would replace what is restored by its master's data: restore the master, or take replicaof out.",
        ));
    }
    let reader = there.filter(|_| running.is_some());
    refuse_older(options, backup, &target, reader)?;
    Ok(target)
}

/// A server reads no file of a later version than its own: it would not start.
fn refuse_older(
    options: &RedisRestoreOptions<'_>,
    backup: &RedisDescription,
    target: &RedisTarget,
    running: Option<&ServerInfo>,
) -> Result<()> {
    let Some(file) = RdbVersion::of_server(backup.product, &backup.version) else { return Ok(()) };
    let of = |version: &str| {
        let known = [Product::Redis, Product::Valkey].map(|it| RdbVersion::of_server(it, version));
        (format!("version {version}"), known.into_iter().flatten().collect::<Vec<_>>())
    };
    let readers = match (&options.overrides.version, running, target.reader()) {
        (Some(version), ..) => of(version),
        (None, Some(it), _) => {
            let reader = RdbVersion::of_server(it.product, &it.version);
            (format!("{} {}", it.product, it.version), reader.into_iter().collect())
        }
        (None, None, Some(reader)) => (format!("one that wrote {reader} there"), vec![reader]),
        (None, None, None) => return Ok(()),
    };
    if readers.1.is_empty() || readers.1.iter().any(|reader| reader.reads(file)) {
        return Ok(());
    }
    let message = format!(
        "expected a server that reads the data of {} {} ({file}), found {}",
        backup.product, backup.version, readers.0
    );
    Err(Error::new(Class::Input, message).hint(
        "It would not start with them. Restore with a server that is as new, or say which one it will be: --server-version.",
    ))
}

/// A server in another container shows only over its connection. One that does not answer uses nothing.
pub fn refuse_running(config: &Config, target: &RedisTarget) -> Result<()> {
    match answering(config).and_then(|it| it.persistence) {
        Some(persistence) if target.is_of(&persistence) => {
            let (dir, address) = (&target.dir, &config.redis.address);
            let message = format!("a server is running on {dir:?}, the one at {address}");
            Err(Error::new(Class::Input, message).hint(
                "Stop it first (--before 'systemctl stop redis'); at its end it would write its own data over them.",
            ))
        }
        _ => Ok(()),
    }
}
