//! Words that all programs and pages have in common.

/// In the two largest units: `1h 5m`.
pub(crate) fn two_units(seconds: u64) -> String {
    let units = [(seconds / 86400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m")];
    let units = units.into_iter().chain([(seconds % 60, "s")]);
    let shown = units.skip_while(|(count, unit)| *count == 0 && *unit != "s").take(2).enumerate();
    let shown = shown.filter(|(at, (count, _))| *at == 0 || *count > 0);
    let shown: Vec<_> = shown.map(|(_, (count, unit))| format!("{count}{unit}")).collect();
    shown.join(" ")
}

/// One line, whatever is in it: names, labels and errors come from stores and servers.
pub fn plain(text: &str) -> String {
    let shown = |c: char| if is_unseen(c) { c.escape_default().collect() } else { c.to_string() };
    text.chars().map(shown).collect()
}

/// The same of a name that may be any bytes. No two names look alike: what is not UTF-8 is `\xff`, and a backslash two.
pub fn plain_bytes(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text += &plain(&chunk.valid().replace('\\', r"\\"));
        text.extend(chunk.invalid().iter().map(|byte| format!(r"\x{byte:02x}")));
    }
    text
}

/// Moves the cursor, ends the line, or turns the direction in which the rest is read.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `1 segment`, `2 segments`
pub fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// `one`, `one and two`, `one, two and three`
pub(crate) fn listed(all: &[impl AsRef<str>]) -> String {
    let all: Vec<&str> = all.iter().map(AsRef::as_ref).collect();
    match all.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [front @ .., last] => format!("{} and {last}", front.join(", ")),
    }
}

/// One word for a shell.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=@+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_two_units_at_most() {
        let expected = [(0, "0s"), (60, "1m"), (65, "1m 5s"), (90_000, "1d 1h"), (86_400, "1d")];
        assert_eq!(expected.map(|(seconds, _)| two_units(seconds)), expected.map(|(_, it)| it));
    }

    #[test]
    fn what_comes_from_elsewhere_is_one_line() {
        assert_eq!(plain("a\n\u{1b}[31m"), "a\\n\\u{1b}[31m");
        assert_eq!(plain("gpj.\u{202e}exe"), "gpj.\\u{202e}exe");
        assert_eq!(plain_bytes(b"\xc3\xa9 \xff\x1b[m"), "\u{e9} \\xff\\u{1b}[m");
        assert_eq!(plain_bytes(b"\\xff"), r"\\xff");
        assert_eq!((count(1, "gap"), count(2, "gap")), ("1 gap".into(), "2 gaps".into()));
    }
}
