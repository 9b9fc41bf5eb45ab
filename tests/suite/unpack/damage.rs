//! Damage is named, and no server starts on what it left.

use std::fs;

use super::backup::{Backup, backup, crc32c};
use super::stored::{PREFIX, Stored, sha256};
use crate::support::postgres::{NEWEST, OLDEST, Server};
use crate::support::user::hand_over;

/// A file that every cluster has.
const FILE: &str = "base/1/PG_VERSION";

fn damaged(damage: impl FnOnce(&mut Backup)) -> Stored {
    let mut backup = Backup::clone(&backup(OLDEST));
    damage(&mut backup);
    Stored::new(&backup)
}

fn part_name(number: usize) -> String {
    format!("part-{:05}.tar.zst", number + 1)
}

#[test]
fn a_flipped_byte_is_found() {
    let mut stored = damaged(|_| {});
    for (number, part) in stored.description.parts.clone().iter().enumerate() {
        let length = part.stored.stored_size as usize;
        for at in [length / 3, length - 1] {
            stored.damage(&part.stored.object, |bytes| bytes[at] ^= 1);
            let found = sha256(&fs::read(stored.object(&part.stored.object)).unwrap());
            let (name, expected) = (part_name(number), &part.stored.sha256);
            let failure = stored.fails();
            let begin = format!(
                "could not read {PREFIX}{name}: expected an object with SHA-256 {expected}, found {found}"
            );
            assert!(failure.starts_with(&begin), "{failure}\n{begin}");
            stored.damage(&part.stored.object, |bytes| bytes[at] ^= 1);
        }
    }
    // A server that is started all the same says no.
    hand_over(&stored.data);
    let mut server = Server::builder(&stored.place).over(stored.data.clone());
    let log = server.start_expecting_failure();
    assert!(log.contains("could not find the database system"), "{log}");
}

#[test]
fn a_part_that_is_cut_or_missing_is_found() {
    let mut stored = damaged(|_| {});
    for (number, part) in stored.description.parts.clone().iter().enumerate() {
        let (object, length) = (&part.stored.object, part.stored.stored_size);
        let name = part_name(number);
        let whole = fs::read(stored.object(object)).unwrap();
        for cut in [0, length / 2] {
            fs::write(stored.object(object), &whole[..cut as usize]).unwrap();
            let begin = format!(
                "could not read {PREFIX}{name}: expected an object of {length} bytes, found {cut}"
            );
            let failure = stored.fails();
            assert!(failure.starts_with(&begin), "{failure}\n{begin}");
        }
        fs::remove_file(stored.object(object)).unwrap();
        assert_eq!(
            stored.fails(),
            format!("could not read {PREFIX}{name}: the object of {length} bytes is missing")
        );
        fs::write(stored.object(object), [&whole[..], b"x"].concat()).unwrap();
        assert_eq!(
            stored.fails(),
            format!(
                "could not read {PREFIX}{name}: expected an object of {length} bytes, found more"
            )
        );
        fs::write(stored.object(object), whole).unwrap();
    }
}

#[test]
fn a_damaged_manifest_touches_nothing() {
    let mut stored = damaged(|_| {});
    let name = "backup_manifest.zst";
    stored.damage(name, |bytes| bytes[1000] ^= 1);
    let begin = format!("could not read {PREFIX}{name}: expected an object with SHA-256 ");
    let failure = stored.fails();
    assert!(failure.starts_with(&begin), "{failure}");
    fs::remove_file(stored.object(name)).unwrap();
    assert!(stored.fails().ends_with("bytes is missing"));
    // Stored as it was, but wrong already then.
    let mut wrong = damaged(|backup| {
        let text = String::from_utf8(std::mem::take(&mut backup.manifest)).unwrap();
        backup.manifest = text.replacen("\"Size\": 3", "\"Size\": 4", 1).into_bytes();
    });
    let begin = format!("could not read {PREFIX}{name}: expected a backup manifest with SHA-256 ");
    let failure = wrong.fails();
    assert!(failure.starts_with(&begin), "{failure}");
    assert!(!stored.data.exists() && !wrong.data.exists());
}

/// Before a byte of it is read: there is only the word of who described it.
#[test]
fn a_manifest_that_is_too_long_for_its_files_is_not_read() {
    let mut stored = damaged(|_| {});
    let entries: u64 = stored.description.parts.iter().map(|part| part.entries).sum();
    stored.description.manifest.size = 12 << 30;
    let most = ((3 * entries) << 10) + (1 << 20);
    let failure = stored.fails();
    let text = format!(
        "expected a backup_manifest of at most {most} bytes for {entries} files, found one of 12884901888"
    );
    assert!(failure.starts_with(&text), "{failure}");
    stored.description.parts[0].entries = u64::MAX / 2;
    let failure = stored.fails();
    assert!(failure.contains("at most 1073741824 bytes"), "{failure}");
}

#[test]
fn another_systems_manifest_is_refused() {
    let mut backup = Backup::clone(&backup(NEWEST));
    backup.system_identifier += 1;
    let (expected, found) = (backup.system_identifier, backup.system_identifier - 1);
    assert_eq!(
        Stored::new(&backup).fails(),
        format!(
            "could not read {PREFIX}backup_manifest.zst: expected the backup_manifest of system \
             {expected}, found that of system {found}"
        )
    );
}

#[test]
fn files_and_manifest_have_to_agree() {
    let part = |path: &str| {
        let part = backup(OLDEST).part_with(path);
        (part, format!("could not read {PREFIX}{}: ", part_name(part)))
    };
    let (number, read) = part(FILE);
    let line = format!("{{ \"Path\": \"{FILE}\"");
    let mut not_named = damaged(|backup| {
        backup.edit_manifest(|text| {
            text.lines().filter(|it| !it.starts_with(&line)).map(|it| format!("{it}\n")).collect()
        });
    });
    assert_eq!(
        not_named.fails(),
        format!("{read}{FILE}: expected a file of backup_manifest, found another")
    );
    let mut not_there = damaged(|backup| {
        backup.edit_part(number, |header, _| header.path_bytes() != FILE.as_bytes());
    });
    assert_eq!(
        not_there.fails(),
        format!("could not unpack {PREFIX}: none of its parts has {FILE}")
    );
    let mut wrong_content = damaged(|backup| {
        backup.edit_part(number, |header, content| {
            if header.path_bytes() == FILE.as_bytes() {
                *content = b"14\n".to_vec();
            }
            true
        });
    });
    assert_eq!(
        wrong_content.fails(),
        format!("{read}{FILE}: expected CRC32C 8a744722, found CRC32C {}", crc32c(b"14\n"))
    );
    let mut wrong_length = damaged(|backup| {
        backup.edit_part(number, |header, content| {
            if header.path_bytes() == FILE.as_bytes() {
                content.push(b'\n');
            }
            true
        });
    });
    assert_eq!(wrong_length.fails(), format!("{read}{FILE}: expected 3 bytes, found 4"));
    let mut wrong_sum = damaged(|backup| {
        backup.edit_manifest(|text| text.replacen("8a744722", "8a744723", 9));
    });
    let failure = wrong_sum.fails();
    assert!(failure.ends_with(": expected CRC32C 8a744723, found CRC32C 8a744722"), "{failure}");
}

#[test]
fn a_file_may_be_in_one_part_only() {
    let mut stored = damaged(|backup| {
        let number = backup.part_with(FILE);
        let again = backup.parts[number].clone();
        backup.parts.push(again);
    });
    let failure = stored.fails();
    assert!(failure.ends_with(": the backup has this file twice"), "{failure}");
}

#[test]
fn a_backup_without_control_file_is_refused() {
    let mut stored = damaged(|backup| {
        let control_file = |line: &&str| line.contains("\"global/pg_control\"");
        backup.edit_manifest(|text| {
            let kept: String =
                text.lines().filter(|it| !control_file(it)).map(|it| format!("{it}\n")).collect();
            kept.replace("},\n],", "}\n],")
        });
    });
    assert_eq!(
        stored.fails(),
        format!("could not use {PREFIX}backup_manifest.zst: global/pg_control is missing in it")
    );
}

#[test]
fn nothing_is_written_elsewhere() {
    let place = tempfile::tempdir().unwrap();
    let outside = place.path().join("outside");
    let absolute = outside.to_str().unwrap();
    for path in ["../outside", "base/../../outside", absolute] {
        let mut stored = damaged(|backup| {
            backup.edit_part(1, |header, _| {
                if header.path_bytes() == b"backup_label".as_slice() {
                    let name = &mut header.as_old_mut().name;
                    name.fill(0);
                    name[..path.len()].copy_from_slice(path.as_bytes());
                }
                true
            });
        });
        let read = format!("could not read {PREFIX}{}: ", part_name(1));
        assert_eq!(
            stored.fails(),
            format!("{read}expected paths below the folder, found {path:?}")
        );
        assert!(!outside.exists() && !stored.data.parent().unwrap().join("outside").exists());
    }
}

#[test]
fn links_lead_to_tablespaces_only() {
    let link = |name: &'static str| {
        damaged(move |backup| {
            backup.edit_part(1, |header, content| {
                if header.path_bytes() == b"backup_label".as_slice() {
                    header.set_entry_type(tar::EntryType::Symlink);
                    header.set_path(name).unwrap();
                    header.set_link_name("/tmp").unwrap();
                    content.clear();
                }
                true
            });
        })
    };
    for name in ["base/1", "pg_tblspc/99", "pg_tblspc/x", "pg_tblspc"] {
        let read = format!("could not read {PREFIX}{}: ", part_name(1));
        let expected = format!("{read}{name}: expected a file or a folder, found a link");
        assert_eq!(link(name).fails(), expected);
    }
}
