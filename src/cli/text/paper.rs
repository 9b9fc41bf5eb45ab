//! Fits a text to its paper: breaks lines between words at the width of a terminal, and colours the names of states.
//!
//! Text in quotes stays in one line: people copy commands from there.

/// What a word says, for its colour.
#[derive(Debug, Clone, Copy)]
pub enum Tone {
    Good,
    Warning,
    Bad,
    Unclear,
}

/// What a text is written onto.
#[derive(Debug, Clone, Copy, Default)]
pub struct Paper {
    /// How wide it is, in columns, where that is known.
    pub width: Option<usize>,
    /// Whether it shows colours.
    pub colour: bool,
}

/// Lines that go on are indented by so much more than where they began.
const INDENT: usize = 4;

impl Paper {
    /// The text with lines that are too long broken between words. A word that is too long stays whole: it may be a path.
    pub fn fit(&self, text: &str) -> String {
        let Some(width) = self.width else { return text.to_owned() };
        let mut fitting = String::new();
        for line in text.split_inclusive('\n') {
            match length(line.trim_end()) <= width {
                true => fitting += line,
                false => fitting += &broken(line, width),
            }
        }
        fitting
    }

    /// The line with this word at its beginning in colour.
    pub fn painted(&self, line: &str, word: &str, tone: Tone) -> String {
        match line.strip_prefix(word) {
            Some(rest) => self.coloured(word, tone) + rest,
            None => line.to_owned(),
        }
    }

    /// The line with this word at its end in colour.
    pub fn painted_end(&self, line: &str, word: &str, tone: Tone) -> String {
        match line.strip_suffix(word) {
            Some(rest) => rest.to_owned() + &self.coloured(word, tone),
            None => line.to_owned(),
        }
    }

    fn coloured(&self, word: &str, tone: Tone) -> String {
        let code = match tone {
            Tone::Good => 32,
            Tone::Warning => 33,
            Tone::Bad => 31,
            Tone::Unclear => 35,
        };
        if self.colour { format!("\u{1b}[{code}m{word}\u{1b}[0m") } else { word.to_owned() }
    }
}

fn broken(line: &str, width: usize) -> String {
    let indent: String = line.chars().take_while(|c| *c == ' ').collect();
    let hanging = indent.clone() + &" ".repeat(INDENT);
    let mut text = String::new();
    let (mut used, mut blanks) = (0, indent.as_str());
    let mut rest = line.trim_start_matches(' ');
    while !rest.is_empty() {
        let (word, behind) = rest.split_at(word_end(rest));
        let room = used + length(blanks) + length(word.trim_end());
        if room > width && used > length(&hanging) {
            text += "\n";
            (used, blanks) = (0, &hanging);
        }
        text += blanks;
        text += word;
        used += length(blanks) + length(word);
        rest = behind.trim_start_matches(' ');
        blanks = &behind[..behind.len() - rest.len()];
    }
    text
}

/// Behind its first word; what stands in quotes is one, as it is to be typed.
fn word_end(text: &str) -> usize {
    let next_blank = |from: usize| text[from..].find(' ').map_or(text.len(), |at| from + at);
    let end = next_blank(0);
    let mut before = ' ';
    let opened = text[..end].char_indices().find(|(_, c)| {
        let opens = matches!(c, '\'' | '`' | '"') && !before.is_alphanumeric();
        before = *c;
        opens
    });
    let closed = opened.and_then(|(at, quote)| Some(at + 1 + text[at + 1..].find(quote)?));
    closed.map_or(end, |closed| end.max(next_blank(closed)))
}

/// In columns: a colour takes none.
fn length(text: &str) -> usize {
    let parts = text.split('\u{1b}').enumerate();
    parts.map(|(at, part)| part.chars().count() - if at > 0 { code(part) } else { 0 }).sum()
}

/// How many characters of it belong to the colour that it begins with.
fn code(part: &str) -> usize {
    part.find('m').map_or(0, |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(text: &str, width: usize) -> String {
        Paper { width: Some(width), colour: false }.fit(text)
    }

    #[test]
    fn lines_are_broken_between_words_and_go_on_indented() {
        for (text, width, expected) in [
            ("short\nlines\n", 10, "short\nlines\n"),
            ("one two three\n", 9, "one two\n    three\n"),
            ("  a  bb  ccc dddd eee\n", 12, "  a  bb  ccc\n      dddd\n      eee\n"),
            ("a /a/path/that/is/long b\n", 10, "a /a/path/that/is/long\n    b\n"),
            (
                "set a = 'b c d', or `e f g` can't\n",
                9,
                "set a =\n    'b c d',\n    or\n    `e f g`\n    can't\n",
            ),
            ("no end of line", 8, "no end\n    of\n    line"),
            ("", 8, ""),
            ("\n\n", 8, "\n\n"),
        ] {
            assert_eq!(fit(text, width), expected, "{text:?}");
        }
        assert_eq!(Paper::default().fit("one two three"), "one two three");
    }

    #[test]
    fn a_colour_takes_no_room() {
        let paper = Paper { width: Some(11), colour: true };
        let line = paper.painted("WARNING old", "WARNING", Tone::Warning);
        assert_eq!(line, "\u{1b}[33mWARNING\u{1b}[0m old");
        assert_eq!(paper.fit(&line), line);
        let end = paper.painted_end("1  no", "no", Tone::Bad);
        assert_eq!(end, "1  \u{1b}[31mno\u{1b}[0m");
        assert_eq!(Paper::default().painted_end("1  no", "no", Tone::Bad), "1  no");
        assert_eq!(paper.fit(&(line.clone() + "er")), "\u{1b}[33mWARNING\u{1b}[0m\n    older");
    }
}
