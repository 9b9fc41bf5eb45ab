//! A command as a shell reads it, as far as it matters for `archive_command`.

/// A part of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    Word(String),
    /// Such as `||`; redirections are left out.
    Operator(String),
}

impl Token {
    pub fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            Self::Operator(_) => None,
        }
    }
}

/// The words of a command, unquoted, and what parts its commands.
pub fn tokens(command: &str) -> Vec<Token> {
    let (mut tokens, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut operator = String::new();
    let mut characters = command.chars();
    while let Some(c) = characters.next() {
        if quote.is_none() && ";&|()<>".contains(c) {
            tokens.extend(word.take().map(Token::Word));
            operator.push(c);
            continue;
        }
        end(&mut operator, &mut tokens);
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('\''), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (_, '\\') => word.get_or_insert_default().extend(characters.next()),
            (None, c) if c.is_whitespace() => tokens.extend(word.take().map(Token::Word)),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    end(&mut operator, &mut tokens);
    tokens.extend(word.map(Token::Word));
    tokens
}

fn end(operator: &mut String, tokens: &mut Vec<Token>) {
    let operator = std::mem::take(operator);
    if !operator.is_empty() && !operator.contains(['<', '>']) {
        tokens.push(Token::Operator(operator));
    }
}

/// Whether a failed command fails all of it, given what follows it: after `&&` nothing runs then, and what
/// ends with `exit 1` or `false` fails too.
pub fn decides(behind: &[Token]) -> bool {
    let Some(at) = behind.iter().position(|token| token.word().is_none()) else { return true };
    let rest = &behind[at + 1..];
    let words: Vec<&str> =
        rest.iter().filter_map(Token::word).filter(|word| *word != "}").collect();
    match (&behind[at], words.as_slice()) {
        (Token::Operator(operator), _) if operator == "&&" => decides(rest),
        (Token::Operator(operator), []) => operator != "&",
        (Token::Operator(operator), [.., "false"]) => operator == "||",
        (Token::Operator(operator), [.., "exit", status]) => operator == "||" && *status != "0",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unquoted_and_operators_kept() {
        let shown = |command| {
            let shown = |token| match token {
                Token::Word(word) => word,
                Token::Operator(operator) => format!("[{operator}]"),
            };
            tokens(command).into_iter().map(shown).collect::<Vec<_>>()
        };
        assert_eq!(
            shown(r#"a 'b c' "d;e"\ f||g 2>&1 >/dev/null; h"#),
            ["a", "b c", "d;e f", "[||]", "g", "2", "1", "/dev/null", "[;]", "h"]
        );
        assert_eq!(shown(" "), [""; 0]);
    }

    #[test]
    fn what_follows_may_hide_a_failure() {
        let all = |command| decides(&tokens(command));
        for kept in [
            "%p %f",
            "%p %f 2>>/log",
            "%p %f;",
            "%p %f)",
            "%p %f && touch /done",
            "%p %f || exit 1",
            "%p %f || { logger no; exit 1; }",
            "%p %f || (logger no; false)",
        ] {
            assert!(all(kept), "{kept}");
        }
        for hidden in [
            "%p %f || true",
            "%p %f; exit 0",
            "%p %f | logger",
            "%p %f &",
            "%p %f && x || true",
            "%p %f || exit 0",
            "%p %f; exit 1",
        ] {
            assert!(!all(hidden), "{hidden}");
        }
    }
}
