//! Multipart uploads that a store still holds parts of.

use std::fs;

use crate::support::http::request;
use crate::support::place::Place;
use crate::support::s3::{Kind, NOT_SIGNED, S3Server};

/// One text for each; `None` where nobody can tell.
pub fn pending_uploads(server: &S3Server, place: &Place) -> Option<Vec<String>> {
    match server.kind() {
        Kind::S3sFs => Some(files_of_uploads(place)),
        Kind::Moto => {
            let path = format!("/{}?uploads", server.bucket());
            let headers = [("Authorization".to_owned(), NOT_SIGNED.to_owned())];
            let answer = request(server.address(), "GET", &path, &headers, b"").expect("an answer");
            let text = String::from_utf8(answer.body).expect("XML");
            let uploads = text.split("<UploadId>").skip(1);
            Some(uploads.map(|upload| upload.chars().take(20).collect()).collect())
        }
        // It lists them only to whom it knows.
        Kind::Rclone => None,
    }
}

/// s3s-fs keeps an upload in files beside the buckets: one for itself and one for each part. A part that was
/// on its way when the upload was aborted may come to lie there after that, as in S3 itself.
fn files_of_uploads(place: &Place) -> Vec<String> {
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("plain names");
    let servers = fs::read_dir(place.path()).expect("our own folder").flatten();
    let servers = servers.map(|entry| entry.path()).filter(|path| path.is_dir());
    let files = servers.filter_map(|folder| fs::read_dir(folder).ok());
    let names = files.flat_map(|entries| entries.flatten().map(name));
    names.filter(|name| name.starts_with(".upload-")).collect()
}
