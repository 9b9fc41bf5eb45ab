//! A repository that is a folder: the disk below it, and who may do what there.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{FsWord, statfs, statvfs};

use super::account::{Account, EXECUTE, READ, WRITE};
use super::finding::{Diagnosis, Mend, Severity};
use super::server::{Host, SeenServer};

/// File systems that are gone with the machine, or do not keep what they synced (`statfs(2)`).
const IN_MEMORY: [(FsWord, &str); 2] = [(0x0102_1994, "tmpfs"), (0x8584_58f6, "ramfs")];
const OVERLAY: FsWord = 0x794c_7630;
const OVER_NETWORK: [(FsWord, &str); 5] = [
    (0x6969, "NFS"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB"),
    (0x6573_5546, "FUSE"),
    (0x0102_1997, "9p"),
];

/// Looks at the folder, the `only` repository or one of several. False where nothing should be tried in it.
pub(super) fn look(
    root: &Path,
    server: Option<&SeenServer>,
    free_wanted: u8,
    only: bool,
) -> (Vec<Diagnosis>, bool) {
    let host = server.and_then(|server| server.host.as_ref().ok());
    let user = host.map(|host| &host.account);
    let Ok(metadata) = fs::metadata(root) else { return absent(root, user) };
    let mut findings = vec![permissions(root, &metadata)];
    findings.extend(server.map(|server| match &server.host {
        Ok(host) => written_by(root, &host.account),
        Err(unseen) => {
            let reason = unseen.reason();
            Diagnosis::note(
                "owner",
                format!("whether the server may write there was not looked at: {reason}"),
            )
        }
    }));
    findings.push(file_system(root));
    findings.push(free_space(root, free_wanted));
    findings.extend(host.and_then(|host| same_disk(&metadata, host, only)));
    let own = Account::own();
    let may_try = own.is_none_or(|own| own.may(root, READ | WRITE | EXECUTE).unwrap_or(true));
    if !may_try && user.is_some_and(|user| rustix::process::geteuid().as_raw() != user.uid) {
        let name = user.map(Account::name).unwrap_or_default();
        findings.push(
            Diagnosis::unknown("write", "this user may not write there")
                .mend(Mend::Shell(format!("sudo -u {name} seawall doctor"))),
        );
        return (findings, false);
    }
    (findings, true)
}

/// The first push makes it, as its own user: root would make it root's.
fn absent(root: &Path, user: Option<&Account>) -> (Vec<Diagnosis>, bool) {
    let (own, path) = (rustix::process::geteuid().as_raw(), root.display());
    let name = user.map_or("postgres".to_owned(), Account::name);
    let command = Mend::Shell(format!("install -d -m 0700 -o {name} -g {name} {path}"));
    let parent = root.parent().is_some_and(Path::is_dir);
    let finding = match parent {
        false => {
            Diagnosis::problem("folder", format!("neither {path} nor the folder above it is there"))
                .advice("Is the disk mounted?")
        }
        true if user.map_or(own != 0, |user| user.uid == own) => return (Vec::new(), true),
        true => Diagnosis::warning("folder", "not there yet").mend(command),
    };
    (vec![finding], false)
}

fn permissions(root: &Path, metadata: &fs::Metadata) -> Diagnosis {
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 == 0 {
        return Diagnosis::good("permissions", format!("{mode:04o}"));
    }
    Diagnosis::warning("permissions", format!("{mode:04o}: others than its owner get in"))
        .mend(Mend::Shell(format!("chmod 0700 {}", root.display())))
}

fn written_by(root: &Path, user: &Account) -> Diagnosis {
    let name = user.name();
    match user.may(root, READ | WRITE | EXECUTE) {
        Ok(true) => Diagnosis::good("owner", format!("the user {name} may write")),
        Ok(false) => {
            let command = format!("chown -R {name}:{} {}", user.group_name(), root.display());
            Diagnosis::problem(
                "owner",
                format!("the user {name}, who runs the server, may not write"),
            )
            .mend(Mend::Shell(command))
        }
        Err(error) => Diagnosis::unknown("owner", format!("can't look at {root:?}: {error}")),
    }
}

fn file_system(root: &Path) -> Diagnosis {
    match statfs(root) {
        Ok(found) => of_kind(found.f_type),
        Err(error) => Diagnosis::unknown("file system", error.to_string()),
    }
}

fn of_kind(kind: FsWord) -> Diagnosis {
    let named = |table: &[(FsWord, &'static str)]| {
        table.iter().find(|(number, _)| *number == kind).map(|(_, name)| *name)
    };
    if let Some(name) = named(&IN_MEMORY) {
        return Diagnosis::problem(
            "file system",
            format!("{name}: it is gone with the next restart"),
        )
        .advice("Put the repository on a disk.");
    }
    if kind == OVERLAY {
        return Diagnosis::warning("file system", "overlay: it goes with its container")
            .advice("Mount a volume there.");
    }
    match named(&OVER_NETWORK) {
        Some(name) => {
            Diagnosis::warning("file system", format!("{name}: a sync depends on the other side"))
                .advice("Mount it hard and synchronous, or use a store that speaks S3.")
        }
        None => Diagnosis::good("file system", "on a disk"),
    }
}

/// Whether another host has what lies there. A folder that is not there yet is not known to be.
pub(super) fn is_over_network(root: &Path) -> bool {
    let kind = statfs(root).map(|found| found.f_type);
    kind.is_ok_and(|kind| OVER_NETWORK.iter().any(|(number, _)| *number == kind))
}

fn free_space(root: &Path, wanted: u8) -> Diagnosis {
    let found = match statvfs(root) {
        Ok(found) => found,
        Err(error) => return Diagnosis::unknown("free space", error.to_string()),
    };
    // As `df` counts: what only root may use is no room.
    let usable = (found.f_blocks - found.f_bfree + found.f_bavail).max(1);
    let per_cent = found.f_bavail * 100 / usable;
    let size = bytesize::ByteSize(found.f_bavail * found.f_frsize);
    let text = format!("{} ({per_cent} %)", size.display().iec());
    if per_cent < u64::from(wanted) {
        return Diagnosis::problem(
            "free space",
            format!("{text}, objectives.free_space is {wanted} %"),
        )
        .advice("Make room, or keep less: `basebackup prune --dry-run`.");
    }
    Diagnosis::good("free space", text)
}

/// A backup on the disk of the database goes with it.
fn same_disk(metadata: &fs::Metadata, host: &Host, only: bool) -> Option<Diagnosis> {
    let data = fs::metadata(host.data_directory.as_ref()?).ok()?;
    let verdict = if only { Severity::Warning } else { Severity::Note };
    (data.dev() == metadata.dev()).then(|| {
        Diagnosis::new(verdict, "disk", "the same file system as the database: it is lost with it")
            .advice("Add a repository elsewhere: [[repository]] url = \"s3://BUCKET/PREFIX\"")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers are those of `linux/magic.h`; few of these can be mounted for a test.
    #[test]
    fn what_a_folder_lies_on_is_judged() {
        let network = "a sync depends on the other side";
        for (kind, verdict, found) in [
            (0xef53, Severity::Good, "on a disk".to_owned()),
            (0x5846_5342, Severity::Good, "on a disk".to_owned()),
            (0x8584_58f6, Severity::Problem, "ramfs: it is gone with the next restart".to_owned()),
            (0x6969, Severity::Warning, format!("NFS: {network}")),
            (0xff53_4d42, Severity::Warning, format!("CIFS: {network}")),
            (0xfe53_4d42, Severity::Warning, format!("SMB: {network}")),
            (0x6573_5546, Severity::Warning, format!("FUSE: {network}")),
            (0x0102_1997, Severity::Warning, format!("9p: {network}")),
        ] {
            let finding = of_kind(kind);
            assert_eq!((finding.verdict, finding.found), (verdict, found), "{kind:x}");
        }
        let mend = of_kind(0x6969).mend.map(|mend| mend.text());
        let expected = "Mount it hard and synchronous, or use a store that speaks S3.";
        assert_eq!(mend.as_deref(), Some(expected));
    }
}
