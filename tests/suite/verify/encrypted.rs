//! With and without the private key.

use super::{Story, faults, segment_name};
use crate::archiving::commands::Seawall;
use crate::scene::{KeyPair, error};
use crate::support::place::Place;

#[test]
fn what_can_be_checked_is_checked_and_the_rest_is_said() {
    let place = Place::new();
    let pair = KeyPair::new(&place);
    let identity = pair.file.to_str().unwrap().to_owned();
    let with_keys = |seawall: Seawall| {
        seawall
            .option("--encryption-recipients", &pair.recipient)
            .option("--encryption-identity-file", &identity)
    };
    let story = Story::with(place, with_keys, ".age");
    let side = &story.sides[0];
    let outcome = story.verify(&side.seawall, &[]);
    assert_eq!(faults(outcome.expect(0)), [""; 0]);

    let keyless = Seawall::new(&story.place).local("archive");
    let outcome = story.verify(&keyless, &[]);
    let [one, two] = &story.backups;
    let of_backup = |id: &str| {
        format!(
            "not checked: base backup {id} in repository local is encrypted and there is no identity file: of its \
             3 objects only lengths and SHA-256 were checked, not what is inside"
        )
    };
    let remarks = faults(outcome.expect(0));
    assert_eq!(remarks[..2], [of_backup(one), of_backup(two)]);
    let files = remarks[2].strip_prefix("not checked: of ").expect("one about WAL");
    assert!(
        files.ends_with(
            " WAL files in repository local that are encrypted only the labels were checked, not what is inside: \
             there is no identity file"
        ),
        "{outcome}"
    );
    assert_eq!(
        remarks[3..],
        [
            "not checked: recoveries across to timeline 2: could not fetch 00000002.history from repository local: \
             it is encrypted and there is no identity file"
        ]
    );

    // Bytes of a part, and names of WAL.
    let (part, segments) = (story.part(0), [0, 1].map(|more| story.segment(story.between + more)));
    let bytes = side.get(&part).unwrap();
    let stored = [0, 1].map(|at| side.get(&segments[at]).unwrap());
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 1;
    side.put(&part, &flipped);
    side.put(&segments[0], &stored[1]);
    side.put(&segments[1], &stored[0]);
    let outcome = story.verify(&keyless, &[]);
    let found = faults(outcome.expect(5));
    assert!(found[0].starts_with(&format!("local: {part}: expected an object with SHA-256 ")));
    assert!(
        found[0].ends_with(&format!("; base backup {one} can't be restored from repository local"))
    );
    let [first, second] = [0, 1].map(|more| segment_name(story.between + more));
    for (line, key, expected, instead) in
        [(found[1], &segments[0], &first, &second), (found[2], &segments[1], &second, &first)]
    {
        let beginning = format!(
            "local: {key}: expected the object of {expected}, found that of {instead}; no recovery beyond "
        );
        assert!(line.starts_with(&beginning), "{line}");
    }
    side.put(&part, &bytes);
    side.put(&segments[0], &stored[0]);
    side.put(&segments[1], &stored[1]);

    let stranger = KeyPair::new(&story.place);
    let file = stranger.file.to_str().unwrap();
    let other_key = keyless.option("--encryption-identity-file", file);
    let outcome = story.verify(&other_key, &[]);
    outcome.expect(3);
    assert!(error(&outcome).starts_with("could not verify all of repository local: "), "{outcome}");
    assert!(
        error(&outcome).contains(
            "none of the keys in the identity file decrypts it. HINT: Add the private key of one of its"
        ),
        "{outcome}"
    );
    assert!(outcome.stdout.ends_with(": no fault in what could be read\n"), "{outcome}");
}
