use std::fs;
use std::path::PathBuf;

use crate::support::place::Place;
use crate::support::run::Run;
use crate::support::user::hand_over;

/// An age key pair, made by the real program.
pub struct KeyPair {
    /// The file with the private key.
    pub file: PathBuf,
    /// The public key.
    pub recipient: String,
}

impl KeyPair {
    pub fn new(place: &Place) -> KeyPair {
        let file = place.join(format!("key{}.txt", place.next_number()));
        Run::new(place, "age-keygen").arg("-o").arg(&file).run().expect(0);
        hand_over(&file);
        let text = fs::read_to_string(&file).expect("made by age-keygen");
        let public = text.lines().find_map(|line| line.strip_prefix("# public key: "));
        KeyPair { recipient: public.expect("age-keygen says it").to_owned(), file }
    }

    /// The configuration of a host that can only encrypt to these.
    pub fn recipients(all: &[&KeyPair]) -> String {
        let recipients: Vec<&str> = all.iter().map(|pair| pair.recipient.as_str()).collect();
        format!("[encryption]\nrecipients = {recipients:?}")
    }

    /// The same with this private key, for reading.
    pub fn recipients_and_identity(&self, all: &[&KeyPair]) -> String {
        format!("{}\nidentity_file = {:?}", KeyPair::recipients(all), self.file)
    }
}
