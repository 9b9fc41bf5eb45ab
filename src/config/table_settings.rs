//! The settings of tables of which there may be several.

use super::setting::{Kind, Setting};
use super::settings::setting;

/// Settings of one `[media.NAME]`: in the file only.
pub const MEDIA: &[Setting] = &[
    setting("paths", Kind::List, "", "Folders and files to back up together: absolute paths"),
    setting(
        "exclude",
        Kind::List,
        "",
        "What is left out: lines as in a .gitignore file that lies in each of the paths",
    ),
    setting(
        "one_file_system",
        Kind::Boolean,
        "",
        "Whether to leave out file systems mounted below a path; default: they are backed up too, as tar and rsync do",
    ),
];

/// Settings of one `[[repository]]`: in the file only.
pub const REPOSITORY: &[Setting] = &[
    setting(
        "name",
        Kind::Text,
        "",
        "Short name in messages; default: local, s3, or with a number behind it",
    ),
    setting("url", Kind::Text, "", "An absolute path, or s3://BUCKET/PREFIX"),
    setting(
        "encrypt",
        Kind::Boolean,
        "",
        "Whether to encrypt here; default: when there are recipients",
    ),
    setting(
        "endpoint",
        Kind::Text,
        "",
        "URL of the S3 server; default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, else AWS",
    ),
    setting("region", Kind::Text, "", "Region; default: AWS_REGION, the profile's, else us-east-1"),
    setting(
        "addressing",
        Kind::Choice(&["auto", "path", "virtual-host"]),
        "auto",
        "Bucket in the path or in the host name; auto: path where there is an endpoint",
    ),
    setting(
        "ca_file",
        Kind::Path,
        "",
        "PEM file with the certificates to trust; default: AWS_CA_BUNDLE, else the system's",
    ),
    setting(
        "checksum",
        Kind::Choice(&["auto", "crc32c", "sha256", "signature"]),
        "auto",
        "Checksum of a PUT that the store verifies; auto: crc32c over TLS, else sha256; signature: no header, the signed SHA-256 alone",
    ),
    setting(
        "conditional_put",
        Kind::Choice(&["auto", "trust", "look-first"]),
        "auto",
        "Whether the store honours If-None-Match: found out, taken for granted, or not relied on",
    ),
    setting("storage_class", Kind::Text, "", "Storage class of new objects, such as STANDARD_IA"),
    setting(
        "sse",
        Kind::Choice(&["none", "s3", "kms"]),
        "none",
        "Encryption at rest asked of the store",
    ),
    setting("kms_key_id", Kind::Text, "", "Key for sse = \"kms\""),
    setting("profile", Kind::Text, "", "Profile in the AWS credentials file"),
    setting(
        "credentials_file",
        Kind::Path,
        "",
        "AWS credentials file; default: the AWS credential chain",
    ),
];
