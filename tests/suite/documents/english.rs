//! Words that a tired reader stumbles over do not come back: neither in what the programs say nor in the documents.

use super::tidy::{is_a_test, without_tests};
use super::{files, read};

/// What nobody is to read again, and what to write instead.
const NEVER: [(&str, &str); 40] = [
    ("expected no ", "say what is there: \"DIR already exists\", \"a server is running on DIR\""),
    (", found none", "\"there is no base backup ID\", \"the object is missing\""),
    ("yet, found one", "\"DIR already exists\""),
    (", it did not", "\"the server did not stop within TIME\""),
    ("nobody is there", "\"there is no terminal to ask on\""),
    ("nobody was there", "\"there is no terminal to ask on\""),
    ("is no success", "\"failed\""),
    ("may be so old", "\"highest age of …\""),
    ("At least so many", "\"lowest number of …\""),
    ("At most so much", "\"highest …\""),
    ("hang together", "name the order"),
    ("lies there", "name the repository that holds the thing"),
    ("must not be there yet", "\"must not exist yet\""),
    ("no longer one is", "\"none is … that is longer\""),
    ("whole or not at all", "\"in one step\""),
    ("keeps the others from nothing", "\"does not stop the others\""),
    ("later may be better", "\"try again later\""),
    ("counts for nothing", "\"does not count\""),
    ("counts more than", "\"overrides\""),
    ("sends us on", "\"redirects\""),
    ("wants a password", "\"asks for a password\""),
    ("hang on them", "\"depend on them\""),
    (" shall ", "the imperative, or \"must\""),
    ("whose word", "name who says it"),
    ("that is not so", "say what is true"),
    ("nor is ", "a second sentence with \"not\""),
    ("What was there", "\"the earlier files\""),
    ("laid down", "\"restored\""),
    ("lays down", "\"restores\""),
    ("is of no use", "\"nothing needs it\""),
    ("is no newest", "\"does not count as the newest\""),
    ("takes what is in brackets", "\"selects the value in brackets\""),
    ("no sign of life", "\"made no progress\""),
    ("has it whole", "\"has all of it\""),
    ("in vain", "\"without success\""),
    ("let --before do it", "\"stop it with --before\""),
    ("is not there for", "\"does not find\""),
    ("Nobody doubts", "\"no date is in doubt\""),
    ("goes on with what", "\"continues\""),
    ("as it was at its end", "\"ends at the end of the backup\""),
];

/// Left by their meaning: a question about a value stands beside the value that was found.
const ALLOWED: [(&str, &str); 1] = [("src/history/stored.rs", "expected no ")];

/// The string literals of a file, one a line, with continued lines joined.
fn literals(text: &str) -> String {
    let mut said = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '/' if chars.peek() == Some(&'/') => {
                chars.by_ref().take_while(|c| *c != '\n').for_each(drop);
            }
            // A character may be a quote.
            '\'' => {
                let rest: String = chars.clone().take(3).collect();
                if rest.starts_with("\"'") || rest.starts_with("\\\"'") {
                    chars.nth(if rest.starts_with('\\') { 2 } else { 1 });
                }
            }
            '"' => {
                literal(&mut chars, &mut said);
                said.push('\n');
            }
            _ => {}
        }
    }
    said
}

fn literal(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, said: &mut String) {
    while let Some(c) = chars.next() {
        match c {
            '"' => return,
            '\\' => match chars.next() {
                Some('\n') => while chars.next_if(|c| c.is_whitespace()).is_some() {},
                Some(escaped) => said.push(escaped),
                None => return,
            },
            c => said.push(c),
        }
    }
}

#[test]
fn what_was_hard_to_read_does_not_come_back() {
    let sources = files(&["src"], "rs").into_iter().filter(|file| !is_a_test(file));
    let sources = sources.map(|file| {
        let text = literals(without_tests(&read(&file)));
        (file, text)
    });
    let pages = files(&["docs"], "md").into_iter().chain(["README.md".to_owned()]);
    let pages = pages.filter(|file| !file.starts_with("docs/decisions/")).map(|file| {
        let text = read(&file).split_whitespace().collect::<Vec<_>>().join(" ");
        (file, text)
    });
    for (file, text) in sources.chain(pages) {
        for (words, instead) in NEVER {
            if !ALLOWED.contains(&(file.as_str(), words)) {
                assert!(!text.contains(words), "{file} says {words:?} again: {instead}");
            }
        }
    }
}

#[test]
fn literals_are_read_as_they_are_said() {
    let text = "// \"no\"\nlet a = \"one \\\n    line\"; let b = '\"'; let c = \"a \\\"b\\\"\";";
    assert_eq!(literals(text), "one line\na \"b\"\n");
}
