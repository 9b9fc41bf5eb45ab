//! Segments that are not what their name says.

use super::refused;
use crate::by_hand::ByHand;

const ONE_FILE: &str =
    "HINT: PATH and NAME must be of one file: archive_command = 'wal-push %p %f'.";
const WHOLE: &str = "HINT: A copy that was cut short or is still being written? PostgreSQL hands over \
                     whole segments.";

/// Pushes this content under this name and checks what is said against it.
#[track_caller]
fn refused_content(host: &ByHand, content: &[u8], name: &str, reason: &str) {
    let path = host.has_file("input", content);
    let text = format!("could not archive {name}: {reason}");
    refused(host, host.push().args([&path, name]), 6, &text);
}

#[test]
fn a_segment_of_another_length_than_its_header_says_is_refused() {
    let host = ByHand::new();
    let (name, bytes) = (host.name(1), host.bytes(1));
    for length in [40, 8192, 500_000, bytes.len() - 1] {
        let reason = format!(
            "expected a segment of 1048576 bytes as its header says, found {length} bytes. {WHOLE}"
        );
        refused_content(&host, &bytes[..length], name, &reason);
    }
    let longer = [bytes, b"x"].concat();
    let reason = format!(
        "expected a segment of 1048576 bytes as its header says, found 1048577 bytes. {WHOLE}"
    );
    refused_content(&host, &longer, name, &reason);
}

#[test]
fn what_has_no_page_header_is_no_segment() {
    let host = ByHand::new();
    let name = host.name(1);
    let cases: [(&[u8], &str); 5] = [
        (b"", "expected at least 40 bytes of page header, found 0"),
        (&host.bytes(1)[..39], "expected at least 40 bytes of page header, found 39"),
        (&[0; 1 << 20], "expected the page magic 0xD1xx of a WAL segment, found 0x0000"),
        (&[b'x'; 8192], "expected the page magic 0xD1xx of a WAL segment, found 0x7878"),
        (
            &host.bytes(1)[8192..],
            "expected the long page header of a segment's first page, found a short one",
        ),
    ];
    for (content, reason) in cases {
        refused_content(&host, content, name, reason);
    }
}

#[test]
fn a_header_with_an_impossible_segment_size_or_timeline_is_refused() {
    let host = ByHand::new();
    let changed = |at: usize, value: u32| {
        let mut bytes = host.bytes(1).to_vec();
        bytes[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        bytes
    };
    let reason = "expected a segment size that is a power of two from 1 MiB to 1 GiB, found ";
    refused_content(&host, &changed(32, 3 << 20), host.name(1), &format!("{reason}3145728 bytes"));
    refused_content(
        &host,
        &changed(32, 1 << 31),
        host.name(1),
        &format!("{reason}2147483648 bytes"),
    );
    let reason = "expected a timeline from 1 up, found 0";
    refused_content(&host, &changed(4, 0), host.name(1), reason);
}

#[test]
fn another_clusters_segment_is_refused() {
    let host = ByHand::new();
    let mut bytes = host.bytes(1).to_vec();
    bytes[24..32].copy_from_slice(&42_u64.to_ne_bytes());
    let reason = format!(
        "expected WAL of this server, system {}, found WAL of system 42. \
         HINT: The file comes from another cluster; look where it was copied from.",
        host.wal.system_identifier
    );
    refused_content(&host, &bytes, host.name(1), &reason);
}

#[test]
fn another_segment_under_this_name_is_refused() {
    let host = ByHand::new();
    let start = |number: usize| u32::from_str_radix(&host.name(number)[16..], 16).expect("digits");
    let reason = format!(
        "expected page address 0/{:X} from the name, found 0/{:X} in the page header. {ONE_FILE}",
        start(2) << 20,
        start(1) << 20
    );
    refused_content(&host, host.bytes(1), host.name(2), &reason);
}

#[test]
fn a_segment_of_a_later_timeline_than_its_name_is_refused() {
    let host = ByHand::new();
    let mut bytes = host.bytes(1).to_vec();
    bytes[4..8].copy_from_slice(&2_u32.to_ne_bytes());
    let reason = format!(
        "expected timeline 00000001 or an earlier one from the name, found 00000002 in the page \
         header. {ONE_FILE}"
    );
    refused_content(&host, &bytes, host.name(1), &reason);
}

#[test]
fn a_number_that_no_segment_of_this_size_has_is_refused() {
    let host = ByHand::new();
    let reason = format!(
        "expected the last eight digits below 00001000 for segments of 1048576 bytes, found \
         00001000. {ONE_FILE}"
    );
    refused_content(&host, host.bytes(1), "000000010000000000001000", &reason);
}

/// The same checks hold for the last segment of a timeline that was left.
#[test]
fn a_partial_segment_is_checked_like_a_whole_one() {
    let host = ByHand::new();
    let name = format!("{}.partial", host.name(1));
    let reason = format!(
        "expected a segment of 1048576 bytes as its header says, found 8192 bytes. {WHOLE}"
    );
    refused_content(&host, &host.bytes(1)[..8192], &name, &reason);
}
