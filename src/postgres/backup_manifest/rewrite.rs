use std::path::Path;

use super::file::JsonFile;
use super::{BackupManifest, CHECKSUM_BEGINS, CHECKSUM_ENDS, own_checksum, split_last_line};
use crate::postgres::Malformed;

impl BackupManifest {
    /// The manifest `bytes` as it has to be when the file at `path` has another `content`: for a file that
    /// is changed on purpose when a backup is laid down in another place. All other lines stay as the
    /// server wrote them.
    pub fn with_content(bytes: &[u8], path: &Path, content: &[u8]) -> Result<Vec<u8>, Malformed> {
        let (before, _) = split_last_line(bytes)?;
        let mut lines = Vec::with_capacity(bytes.len() + content.len());
        for line in before.split_inclusive(|byte| *byte == b'\n') {
            // The server gives each file a line of its own, with a comma behind but the last.
            let object = line.strip_suffix(b"\n").unwrap_or(line);
            let (object, end) = match object.strip_suffix(b",") {
                Some(object) => (object, ",\n"),
                None => (object, "\n"),
            };
            match serde_json::from_slice::<JsonFile>(object) {
                Ok(file) if *file.path()? == *path => {
                    lines.extend(line_of(&file, path, content)?.into_bytes());
                    lines.extend(end.as_bytes());
                }
                _ => lines.extend(line),
            }
        }
        let sum = own_checksum(&lines);
        lines.extend(format!("{CHECKSUM_BEGINS}{sum}{CHECKSUM_ENDS}").into_bytes());
        Ok(lines)
    }
}

fn line_of(file: &JsonFile, path: &Path, content: &[u8]) -> Result<String, Malformed> {
    let mut hasher = file.checksum()?.algorithm.hasher();
    hasher.update(content);
    let checksum = hasher.finish();
    let (path, size) = (serde_json::json!(path.to_string_lossy()), content.len());
    let modified = serde_json::json!(file.last_modified.as_deref().unwrap_or_default());
    let mut line = format!("{{ \"Path\": {path}, \"Size\": {size}, \"Last-Modified\": {modified}");
    if checksum.proves() {
        let (name, digits) = (checksum.algorithm.name(), checksum.digits());
        line += &format!(", \"Checksum-Algorithm\": \"{name}\", \"Checksum\": \"{digits}\"");
    }
    Ok(line + " }")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LINES, manifest};
    use super::*;

    #[test]
    fn only_the_line_of_the_file_changes() {
        let whole = manifest(LINES);
        let path = Path::new("tablespace_map");
        let changed = BackupManifest::with_content(&whole, path, b"15\n").unwrap();
        let expected = LINES
            .replace("map\", \"Size\": 20", "map\", \"Size\": 3")
            .replace("22d41d4a", "8a744722");
        assert_eq!(changed, manifest(&expected));
        assert_eq!(BackupManifest::parse(&changed).unwrap().files[1].size, 3);
        let absent = BackupManifest::with_content(&whole, Path::new("absent"), b"15\n");
        assert_eq!(absent.unwrap(), whole);
    }
}
