//! The example of a description in `docs/repository-format.md` is one.

use seawall::basebackup::Description;
use seawall::basebackup::catalogue::Facts;

use super::links::code_blocks;
use super::read;

const FILE: &str = "docs/repository-format.md";

#[test]
fn the_example_is_a_description_with_every_field() {
    let page = read(FILE);
    let blocks = code_blocks(&page);
    let example = blocks.iter().find(|block| block.contains("tablespaces")).expect(FILE);
    let description = Description::parse(example.as_bytes()).expect(FILE);
    Facts::of(&description).expect(FILE);
    let written: serde_json::Value =
        serde_json::from_slice(&description.to_json().expect("JSON")).expect("JSON");
    let shown: serde_json::Value = serde_json::from_str(example).expect(FILE);
    assert_eq!(shown, written);
}
