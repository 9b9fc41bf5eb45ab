//! Random trees, and everything about a tree that a restore has to bring back.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Timespec, Timestamps, UTIME_OMIT, XattrFlags, chownat, lgetxattr, llistxattr,
    lsetxattr, utimensat,
};

/// Numbers that a seed decides (splitmix64).
pub struct Random(u64);

impl Random {
    pub fn of_seed(seed: u64) -> Self {
        eprintln!("seed {seed}");
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }
}

/// Names that sort, print or decode in ways that lead astray.
const NAMES: [&[u8]; 24] = [
    b"a",
    b"a-b",
    b"a.b",
    b"a b",
    b"ab",
    b"b",
    b"\xff\xfe",
    b"a\xff",
    b"line\nbreak",
    b"\t",
    b"...",
    b".hidden",
    b"-rf",
    b"*",
    b"\"quoted\"",
    b"back\\slash",
    "\u{e9}t\u{e9}".as_bytes(),
    "e\u{301}".as_bytes(),
    b"{}",
    b"%s",
    b"null",
    b"~",
    b"'",
    b"latest",
];

fn name(random: &mut Random) -> OsString {
    let name = NAMES[random.below(NAMES.len() as u64) as usize];
    let mut name = name.to_vec();
    if random.chance(3) {
        name.extend(random.below(100).to_string().into_bytes());
    }
    OsStr::from_bytes(&name).to_owned()
}

pub fn content(random: &mut Random, length: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length as usize + 8);
    while (bytes.len() as u64) < length {
        bytes.extend(random.next().to_le_bytes());
    }
    bytes.truncate(length as usize);
    bytes
}

fn size(random: &mut Random) -> u64 {
    match random.below(12) {
        0 => 0,
        1 => 1,
        2 => 4096,
        3 => 256 << 10,
        4 => (256 << 10) + 1,
        5 => random.below(3 << 20),
        _ => random.below(9000),
    }
}

/// Puts about so many things below a folder.
pub fn grow(random: &mut Random, top: &Path, count: usize) {
    let mut folders = vec![top.to_owned()];
    let mut files: Vec<PathBuf> = Vec::new();
    for _ in 0..count {
        let folder = folders[random.below(folders.len() as u64) as usize].clone();
        let path = folder.join(name(random));
        if path.symlink_metadata().is_ok() {
            continue;
        }
        match random.below(10) {
            0 | 1 => {
                fs::create_dir(&path).unwrap();
                folders.push(path);
            }
            2 => {
                let targets: [&[u8]; 6] =
                    [b"a", b"../../../..", b"/etc/passwd", b"nowhere", b"\xff", b"."];
                let target = targets[random.below(6) as usize];
                symlink(OsStr::from_bytes(target), &path).unwrap();
            }
            3 if !files.is_empty() => {
                let file = &files[random.below(files.len() as u64) as usize];
                fs::hard_link(file, &path).unwrap();
            }
            4 => {
                sparse_file(random, &path);
                files.push(path);
            }
            _ => {
                let length = size(random);
                fs::write(&path, content(random, length)).unwrap();
                files.push(path);
            }
        }
    }
    dress_all(random, top);
}

fn sparse_file(random: &mut Random, path: &Path) {
    let file = File::create(path).unwrap();
    let length = random.below(4 << 20) + (1 << 16);
    file.set_len(length).unwrap();
    for _ in 0..random.below(3) {
        let at = random.below(length);
        file.write_all_at(b"data", at.min(length - 4)).unwrap();
    }
}

/// Owners, modes, extended attributes and times; folders after what is in them.
fn dress_all(random: &mut Random, path: &Path) {
    let metadata = fs::symlink_metadata(path).unwrap();
    if metadata.is_dir() {
        let entries: Vec<PathBuf> =
            fs::read_dir(path).unwrap().map(|it| it.unwrap().path()).collect();
        entries.iter().for_each(|entry| dress_all(random, entry));
    }
    dress(random, path, &metadata);
}

pub fn dress(random: &mut Random, path: &Path, metadata: &fs::Metadata) {
    let is_root = rustix::process::geteuid().is_root();
    if is_root && random.chance(3) {
        let uid = rustix::fs::Uid::from_raw(random.below(3) as u32 * 1000);
        let gid = rustix::fs::Gid::from_raw(random.below(3) as u32 * 1000 + 7);
        chownat(CWD, path, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW).unwrap();
    }
    if !metadata.is_symlink() {
        if random.chance(4) {
            let value = content(random, 20);
            lsetxattr(path, "user.seawall", &value, XattrFlags::empty()).unwrap();
        }
        let modes: &[u32] = match (metadata.is_dir(), is_root) {
            (true, true) => &[0o755, 0o700, 0o2775, 0o1777, 0o500, 0o000, 0o711],
            (true, false) => &[0o755, 0o700, 0o500],
            (false, true) => &[0o644, 0o600, 0o4755, 0o2755, 0o000, 0o444, 0o777],
            (false, false) => &[0o644, 0o600, 0o444],
        };
        let mode = modes[random.below(modes.len() as u64) as usize];
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    if random.chance(2) {
        let seconds = [0, 1, -5, 1_700_000_000, 4_000_000_000][random.below(5) as usize];
        set_mtime(path, seconds, random.below(1_000_000_000) as u32);
    }
}

pub fn set_mtime(path: &Path, seconds: i64, nanoseconds: u32) {
    let times = Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: seconds, tv_nsec: nanoseconds.into() },
    };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

/// Everything about one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub mode: u32,
    pub owner: (u32, u32),
    pub mtime: (i64, i64),
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Digest of a file, target of a link.
    pub content: Vec<u8>,
    /// The first of its names, in order.
    pub first_name: PathBuf,
    pub sparse: bool,
}

/// All names below a folder, itself included.
pub fn facts(top: &Path) -> BTreeMap<PathBuf, Facts> {
    let (mut found, mut inodes) = (BTreeMap::new(), BTreeMap::new());
    let mut waiting = vec![PathBuf::new()];
    let mut all = Vec::new();
    while let Some(below) = waiting.pop() {
        let path = top.join(&below);
        if fs::symlink_metadata(&path).unwrap().is_dir() {
            for entry in fs::read_dir(&path).unwrap() {
                waiting.push(below.join(entry.unwrap().file_name()));
            }
        }
        all.push(below);
    }
    all.sort();
    for below in all {
        let path = if below.as_os_str().is_empty() { top.to_owned() } else { top.join(&below) };
        let metadata = fs::symlink_metadata(&path).unwrap();
        let inode = (metadata.dev(), metadata.ino());
        let first_name = inodes.entry(inode).or_insert_with(|| below.clone()).clone();
        found.insert(below, facts_of(&path, &metadata, first_name));
    }
    found
}

fn facts_of(path: &Path, metadata: &fs::Metadata, first_name: PathBuf) -> Facts {
    let content = if metadata.is_file() {
        blake3::hash(&fs::read(path).unwrap()).as_bytes().to_vec()
    } else if metadata.is_symlink() {
        fs::read_link(path).unwrap().as_os_str().as_bytes().to_vec()
    } else {
        Vec::new()
    };
    Facts {
        mode: metadata.mode(),
        owner: (metadata.uid(), metadata.gid()),
        mtime: (metadata.mtime(), metadata.mtime_nsec()),
        xattrs: if metadata.is_symlink() { BTreeMap::new() } else { xattrs(path) },
        content,
        first_name,
        sparse: metadata.is_file() && metadata.blocks() * 512 < metadata.len(),
    }
}

fn xattrs(path: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut names = [0_u8; 4096];
    let length = llistxattr(path, &mut names[..]).unwrap();
    let names = names[..length].split(|byte| *byte == 0).filter(|name| name.starts_with(b"user."));
    let value = |name: &[u8]| {
        let mut value = vec![0; 4096];
        let length = lgetxattr(path, name, &mut value[..]).unwrap();
        value[..length].to_vec()
    };
    names.map(|name| (name.to_vec(), value(name))).collect()
}

/// Panics with the first difference.
#[track_caller]
pub fn same(expected: &BTreeMap<PathBuf, Facts>, found: &BTreeMap<PathBuf, Facts>) {
    for (path, expected) in expected {
        let found = found.get(path).unwrap_or_else(|| panic!("{path:?} is missing"));
        assert_eq!(found, expected, "{path:?}");
    }
    let more = found.keys().find(|path| !expected.contains_key(*path));
    assert_eq!(more, None, "nobody asked for it");
}
