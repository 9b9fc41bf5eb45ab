//! What is stored, seen and changed behind the back of the client under test.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{BUCKET, NOT_SIGNED, S3Server};
use crate::support::http::{Response, request};

impl S3Server {
    /// The bytes of an object.
    #[track_caller]
    pub fn get(&self, key: &str) -> Option<Vec<u8>> {
        if !self.kind.keeps_files() {
            let answer = self.http("GET", &object_path(key), &[], b"");
            return (answer.status == 200).then_some(answer.body);
        }
        match fs::read(self.file(key)) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => panic!("cannot read {key}: {error}"),
        }
    }

    /// All keys, in order.
    #[track_caller]
    pub fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        if self.kind.keeps_files() {
            collect(&self.folder.join(BUCKET), "", &mut keys);
        } else {
            self.list(&mut keys);
        }
        keys.sort();
        keys
    }

    /// Stores an object as if another client had done so; it has no metadata.
    #[track_caller]
    pub fn put(&self, key: &str, bytes: &[u8]) {
        self.replace(key, bytes, &[]);
    }

    /// Sets when an object was stored, by the clock of a server that keeps files.
    #[track_caller]
    pub fn set_stored(&self, key: &str, time: jiff::Timestamp) {
        let file = fs::File::options().write(true).open(self.file(key)).expect("an object");
        file.set_modified(time.into()).expect("our own file");
    }

    /// Changes the bytes of an object and leaves its metadata as they are.
    #[track_caller]
    pub fn damage(&self, key: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.get(key).unwrap_or_else(|| panic!("no object {key} to damage"));
        change(&mut bytes);
        let mut metadata = Vec::new();
        if !self.kind.keeps_files() {
            metadata = self.http("HEAD", &object_path(key), &[], b"").headers;
            metadata.retain(|(name, _)| name.starts_with("x-amz-meta-"));
        }
        self.replace(key, &bytes, &metadata);
    }

    /// Removes an object.
    #[track_caller]
    pub fn delete(&self, key: &str) {
        if self.kind.keeps_files() {
            fs::remove_file(self.file(key)).unwrap_or_else(|error| panic!("{key}: {error}"));
        } else {
            self.http("DELETE", &object_path(key), &[], b"");
        }
    }

    fn replace(&self, key: &str, bytes: &[u8], metadata: &[(String, String)]) {
        if self.kind.keeps_files() {
            let file = self.file(key);
            fs::create_dir_all(file.parent().expect("below the bucket")).expect("our own folder");
            fs::write(file, bytes).unwrap_or_else(|error| panic!("cannot write {key}: {error}"));
        } else {
            let answer = self.http("PUT", &object_path(key), metadata, bytes);
            assert_eq!(answer.status, 200, "PUT {key}");
        }
    }

    fn file(&self, key: &str) -> PathBuf {
        self.folder.join(BUCKET).join(key)
    }

    #[track_caller]
    fn http(
        &self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Response {
        let mut headers = headers.to_vec();
        headers.push(("Authorization".to_owned(), NOT_SIGNED.to_owned()));
        let answer = request(self.address(), method, path, &headers, body);
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error}\n{}", self.log()))
    }

    /// A listing holds at most 1000 keys; the next one starts after the last of these.
    fn list(&self, keys: &mut Vec<String>) {
        loop {
            let after = keys.last().map_or(String::new(), |last| escape(last, false));
            let path = format!("/{BUCKET}?list-type=2&start-after={after}");
            let text = String::from_utf8(self.http("GET", &path, &[], b"").body).expect("XML");
            let parts = text.split("<Key>").skip(1);
            keys.extend(parts.filter_map(|part| part.split("</Key>").next()).map(unescape));
            if !text.contains("<IsTruncated>true") {
                return;
            }
        }
    }
}

fn object_path(key: &str) -> String {
    format!("/{BUCKET}/{}", escape(key, true))
}

/// Percent-encoding; a slash parts folders in a path, but not in a query.
fn escape(text: &str, keep_slash: bool) -> String {
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (keep_slash && byte == b'/')
    };
    let each = |byte| if plain(byte) { char::from(byte).into() } else { format!("%{byte:02X}") };
    text.bytes().map(each).collect()
}

/// Of text in XML.
pub fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

/// Names that start with a dot are the server's own notes.
fn collect(folder: &Path, prefix: &str, keys: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("the bucket's folder").flatten() {
        let name = entry.file_name().into_string().expect("keys are UTF-8");
        let key = format!("{prefix}{name}");
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{key}/"), keys);
        } else if !name.starts_with('.') {
            keys.push(key);
        }
    }
}
