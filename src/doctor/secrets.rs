//! Files that hold secrets, and who can get at them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::Account;
use super::access::READ;
use super::finding::{Finding, Mend};
use super::server::{Host, Server};
use crate::config::{Config, Location};

/// Looks at every file with a secret that the configuration names, and at the configuration itself.
pub fn secrets(config: &Config, file: Option<&Path>, server: Option<&Server>) -> Vec<Finding> {
    let host = server.and_then(|server| server.host.as_ref().ok());
    let mut findings = Vec::new();
    findings.extend(file.map(configuration));
    let identity = config.encryption.identity_file.as_deref();
    findings.extend(identity.map(|path| secret("encryption.identity_file", path, host)));
    let in_recovery = server.is_some_and(|server| server.in_recovery);
    if let Some(path) = identity.filter(|path| host.is_some() && !in_recovery && path.exists()) {
        findings.push(private_key(path));
    }
    let redis = &config.redis;
    let password = redis.password_file.as_deref();
    findings.extend(password.map(|path| secret("redis.password_file", path, host)));
    let key = redis.tls.certificate.as_ref();
    findings.extend(key.map(|(_, path)| secret("redis.key_file", path, host)));
    for repository in &config.repositories {
        let Location::S3(s3) = &repository.location else { continue };
        let Some(path) = s3.credentials_file.as_deref() else { continue };
        let what = format!("credentials_file of {}", repository.name);
        findings.push(secret(&what, path, host));
        findings.extend(host.and_then(|host| needed_by(&what, path, host)));
    }
    findings
}

/// Who may change it decides what runs with its hooks, and where backups go.
fn configuration(path: &Path) -> Finding {
    let what = "configuration file";
    match fs::metadata(path) {
        Err(error) => Finding::problem(what, format!("can't look at {path:?}: {error}")),
        Ok(metadata) if metadata.mode() & 0o022 != 0 => {
            let mode = metadata.mode() & 0o777;
            Finding::problem(what, format!("{mode:04o}: others than its owner may change {path:?}"))
                .mend(Mend::Shell(format!("chmod go-w {}", path.display())))
        }
        Ok(_) => Finding::good(what, path.display().to_string()),
    }
}

fn secret(what: &str, path: &Path, host: Option<&Host>) -> Finding {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => return Finding::problem(what, format!("can't look at {path:?}: {error}")),
    };
    let mode = metadata.mode() & 0o777;
    let chmod = |change: &str| Mend::Shell(format!("chmod {change} {}", path.display()));
    if mode & 0o007 != 0 {
        let found = format!("{mode:04o}: everybody on this host can get at {path:?}");
        return Finding::problem(what, found).mend(chmod("o="));
    }
    // A file of root's that the server has to read is its group's.
    let mut groups = host.map(|host| host.account.clone()).into_iter().chain(Account::own());
    let known = groups.any(|account| account.gid == metadata.gid());
    if mode & 0o020 != 0 || (mode & 0o040 != 0 && !known) {
        let found = format!("{mode:04o}: the group {} can get at {path:?}", metadata.gid());
        return Finding::warning(what, found).mend(chmod("g="));
    }
    Finding::good(what, format!("{mode:04o}"))
}

fn private_key(path: &Path) -> Finding {
    let found = format!(
        "the private key {path:?} is on the database host: who takes the host can open every backup"
    );
    Finding::warning("encryption.identity_file", found).advice(
        "Move it to where you restore, and keep it on paper too; here only recipients are needed.",
    )
}

/// The server's own `wal-push` reads it as well.
fn needed_by(what: &str, path: &Path, host: &Host) -> Option<Finding> {
    let readable = host.account.may(path, READ).ok()?;
    let (user, group) = (host.account.name(), host.account.group_name());
    let path = path.display();
    (!readable).then(|| {
        Finding::problem(what, format!("the user {user}, who runs the server, may not read {path}"))
            .mend(Mend::Shell(format!("chgrp {group} {path} && chmod 0640 {path}")))
    })
}
