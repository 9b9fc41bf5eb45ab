//! One line of the index, from an entry to JSON and back. Names are any bytes and JSON is UTF-8, so what is not UTF-8
//! stands in base64 under another name.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::super::entry::{Entry, FileContent, FileKind, FileMetadata, InodeState};
use super::super::path::EntryPath;
use super::IndexEnd;

/// An entry, or the end, as it is written.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct IndexLine {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_base64: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blake3: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    sparse: bool,
    #[serde(skip_serializing_if = "is_false")]
    linked: bool,
    #[serde(skip_serializing_if = "is_false")]
    implied: bool,
    /// Octal.
    #[serde(skip_serializing_if = "String::is_empty")]
    mode: String,
    uid: u32,
    gid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    mtime: String,
    ctime: String,
    device: u64,
    inode: u64,
    /// Values in base64.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    xattrs: BTreeMap<String, String>,
    #[serde(skip_serializing)]
    pub end: Option<IndexEnd>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// The text, and what to write where it is none.
fn text_or_base64(bytes: &[u8]) -> (Option<String>, Option<String>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Some(text.to_owned()), None),
        Err(_) => (None, Some(STANDARD.encode(bytes))),
    }
}

impl IndexLine {
    pub(crate) fn of(entry: &Entry) -> Self {
        let (path, path_base64) = text_or_base64(entry.path.as_bytes());
        let (metadata, seen) = (&entry.metadata, &entry.seen);
        let value = |(name, value): &(String, Vec<u8>)| (name.clone(), STANDARD.encode(value));
        let mut line = Self {
            path,
            path_base64,
            mode: format!("{:04o}", metadata.mode),
            uid: metadata.uid,
            gid: metadata.gid,
            user: metadata.user.clone(),
            group: metadata.group.clone(),
            mtime: metadata.mtime.to_string(),
            ctime: seen.changed.to_string(),
            device: seen.device,
            inode: seen.inode,
            xattrs: metadata.xattrs.iter().map(value).collect(),
            ..Self::default()
        };
        line.set_kind(&entry.kind);
        line
    }

    fn set_kind(&mut self, kind: &FileKind) {
        let (word, target) = match kind {
            FileKind::File(_) => ("file", None),
            FileKind::Directory { implied } => {
                self.implied = *implied;
                ("directory", None)
            }
            FileKind::Symlink { target } => ("symlink", Some(&target[..])),
            FileKind::HardLink { to, .. } => ("hardlink", Some(to.as_bytes())),
        };
        word.clone_into(&mut self.kind);
        if let Some(target) = target {
            (self.target, self.target_base64) = text_or_base64(target);
        }
        if let FileKind::File(content) | FileKind::HardLink { content, .. } = kind {
            self.size = Some(content.size);
            self.blake3 = Some(content.digest.to_string());
            (self.sparse, self.linked) = (content.sparse, content.linked);
        }
    }

    /// Fails with what is wrong in itself; whether it fits to the others is for the reader.
    pub(crate) fn into_entry(self) -> Result<Entry, String> {
        let path = bytes("path", self.path, self.path_base64)?;
        let path = EntryPath::new(path)?;
        let target = || bytes("target", self.target, self.target_base64);
        let content = || -> Result<FileContent, String> {
            let digest = self.blake3.as_deref().unwrap_or_default();
            Ok(FileContent {
                size: self.size.ok_or("the size of a file is missing")?,
                digest: digest.parse().map_err(|error| format!("{error}"))?,
                sparse: self.sparse,
                linked: self.linked,
            })
        };
        let kind = match self.kind.as_str() {
            "file" => FileKind::File(content()?),
            "directory" => FileKind::Directory { implied: self.implied },
            "symlink" => FileKind::Symlink { target: checked_target(target()?)? },
            "hardlink" => {
                FileKind::HardLink { to: EntryPath::new(target()?)?, content: content()? }
            }
            other => {
                return Err(format!(
                    "expected file, directory, symlink or hardlink, found {other:?}"
                ));
            }
        };
        let mode = u32::from_str_radix(&self.mode, 8).ok().filter(|mode| *mode <= 0o7777);
        let mode = mode
            .ok_or_else(|| format!("expected permission bits like 0644, found {:?}", self.mode))?;
        let metadata = FileMetadata {
            mode,
            uid: self.uid,
            gid: self.gid,
            user: self.user,
            group: self.group,
            mtime: self.mtime.parse()?,
            xattrs: self.xattrs.into_iter().map(xattr).collect::<Result<_, String>>()?,
        };
        let seen =
            InodeState { device: self.device, inode: self.inode, changed: self.ctime.parse()? };
        Ok(Entry { path, kind, metadata, seen })
    }
}

fn bytes(name: &str, text: Option<String>, base64: Option<String>) -> Result<Vec<u8>, String> {
    match (text, base64) {
        (Some(text), None) => Ok(text.into_bytes()),
        (None, Some(text)) => STANDARD
            .decode(&text)
            .map_err(|_| format!("expected base64 as {name}_base64, found {text:?}")),
        _ => Err(format!("expected {name} or {name}_base64, found both or none")),
    }
}

/// Where a symbolic link leads is nobody's business, but a system call must take it.
fn checked_target(target: Vec<u8>) -> Result<Vec<u8>, String> {
    if target.is_empty() || target.len() > 4095 || target.contains(&0) {
        return Err("the target of the link is missing, contains NUL, or is too long".into());
    }
    Ok(target)
}

fn xattr((name, value): (String, String)) -> Result<(String, Vec<u8>), String> {
    let value = STANDARD.decode(value);
    let value = value.map_err(|_| format!("expected base64 as value of xattr {name:?}"))?;
    if name.is_empty() || name.contains('\0') {
        return Err(format!("expected the name of an xattr, found {name:?}"));
    }
    Ok((name, value))
}
