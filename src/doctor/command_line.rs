//! `archive_command` and `restore_command`: what stands in them, as a shell reads it as far as that matters, and what
//! should.

use std::path::{Path, PathBuf};

use crate::config::DEFAULT_FILE;

/// A call of one of our programs within a command of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramCall {
    /// As it is written: a path, or a name to look for.
    pub program: String,
    /// What `--config`, or `SEAWALL_CONFIG=` in front of the program, says.
    pub config: Option<PathBuf>,
    /// `SEAWALL_REPOSITORY=` in front, or `--repository` behind: then it needs no file.
    pub names_repository: bool,
    /// Whether it passes both `%p` and `%f` on.
    pub whole: bool,
    /// Whether its exit status is the one that the server gets to see, and not that of what follows it.
    pub decides: bool,
}

/// The call of `program` in a command, be it behind `nice`, variables or another command. `None` when
/// there is none.
pub fn find_call(command: &str, program: &str) -> Option<ProgramCall> {
    let tokens = tokens(command);
    let is_it = |word: &str| Path::new(word).file_name().is_some_and(|name| name == program);
    let place = tokens.iter().position(|token| token.word().is_some_and(is_it))?;
    let words: Vec<String> =
        tokens.iter().filter_map(ShellToken::word).map(str::to_owned).collect();
    let at = words.iter().position(|word| is_it(word))?;
    let (before, after) = (&words[..at], &words[at + 1..]);
    let variable = |name: &str| before.iter().find_map(|word| word.strip_prefix(name));
    let flag = |name: &str| {
        after.iter().enumerate().find_map(|(at, word)| match word.strip_prefix(name)? {
            "" => after.get(at + 1).cloned(),
            value => value.strip_prefix('=').map(str::to_owned),
        })
    };
    let config = flag("--config").or_else(|| variable("SEAWALL_CONFIG=").map(str::to_owned));
    let repository = flag("--repository").is_some() || variable("SEAWALL_REPOSITORY=").is_some();
    let passes = |what: &str| after.iter().any(|word| word.contains(what));
    Some(ProgramCall {
        program: words[at].clone(),
        config: config.map(|path| PathBuf::from(path.replace("%%", "%"))),
        names_repository: repository,
        whole: passes("%p") && passes("%f"),
        decides: decides(&tokens[place + 1..]),
    })
}

/// What runs another program, given behind it.
const AROUND: [&str; 7] = ["chrt", "env", "exec", "ionice", "nice", "nohup", "taskset"];

/// Words that a shell knows by itself.
const OF_THE_SHELL: [&str; 22] = [
    "!", ".", ":", "[", "{", "case", "cd", "command", "echo", "eval", "exec", "exit", "false",
    "for", "if", "printf", "set", "test", "trap", "true", "until", "while",
];

/// The programs without which a command fails whatever else is in it, as far as that can be read: the one that it begins
/// with, and `ours` where only the likes of `nice` stand in front of it.
pub(super) fn programs(command: &str, ours: &str) -> Vec<String> {
    let tokens = tokens(command);
    let begin = tokens.iter().position(|it| it.word().is_some()).unwrap_or(tokens.len());
    let words = tokens[begin..].iter().map_while(ShellToken::word);
    let set = words.clone().take_while(|word| is_assignment(word)).count();
    let end = begin + words.clone().count();
    if !decides(&tokens[end..]) {
        return Vec::new();
    }
    let words: Vec<&str> = words.skip(set).collect();
    let name = |word: &str| Path::new(word).file_name().map(|it| it.to_string_lossy().into_owned());
    let is = |word: &str, all: &[&str]| name(word).is_some_and(|it| all.contains(&it.as_str()));
    let Some(first) = words.first() else { return Vec::new() };
    let at = words.iter().position(|word| is(word, &[ours]));
    // An option of such a program, or its number.
    let passed = |word: &&str| {
        is(word, &AROUND)
            || is_assignment(word)
            || word.starts_with(|c: char| c == '-' || c.is_ascii_digit())
    };
    let behind = at.filter(|at| *at > 0 && is(first, &AROUND) && words[1..*at].iter().all(passed));
    let plain = |word: &&&str| {
        !OF_THE_SHELL.contains(*word) && !word.contains(['$', '`', '%', '*', '?', '~'])
    };
    let both = [Some(first), behind.map(|at| &words[at])];
    both.into_iter().flatten().filter(plain).map(|word| (*word).to_owned()).collect()
}

fn is_assignment(word: &str) -> bool {
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    word.split_once('=').is_some_and(|(name, _)| !name.is_empty() && is_name(name))
}

/// The `archive_command` for this installation and this configuration.
pub fn archive_command(config: Option<&Path>) -> String {
    format!("{} \"%p\" %f", call("wal-push", config))
}

/// The same for `restore_command`.
pub fn restore_command(config: Option<&Path>) -> String {
    format!("{} %f \"%p\"", call("wal-fetch", config))
}

/// The program by its full path, as the server's `PATH` is not ours.
fn call(program: &str, config: Option<&Path>) -> String {
    let beside = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.join(program)));
    let path = beside.filter(|path| path.exists()).unwrap_or_else(|| PathBuf::from(program));
    let config = config.filter(|path| *path != Path::new(DEFAULT_FILE));
    // A relative path is one from the data directory there.
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let config = config.map(|path| format!(" --config {}", word(&whole(path)))).unwrap_or_default();
    format!("{}{config}", word(&path))
}

/// A path as a word of a shell, within a command where `%` means something.
fn word(path: &Path) -> String {
    let text = path.to_string_lossy().replace('%', "%%");
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+%".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// A part of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ShellToken {
    Word(String),
    /// Such as `||`; redirections are left out.
    Operator(String),
}

impl ShellToken {
    fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            Self::Operator(_) => None,
        }
    }
}

/// The words of a command, unquoted, and what parts its commands.
fn tokens(command: &str) -> Vec<ShellToken> {
    let (mut tokens, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut operator = String::new();
    let mut characters = command.chars();
    while let Some(c) = characters.next() {
        if quote.is_none() && ";&|()<>".contains(c) {
            tokens.extend(word.take().map(ShellToken::Word));
            operator.push(c);
            continue;
        }
        end_operator(&mut operator, &mut tokens);
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('\''), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (_, '\\') => word.get_or_insert_default().extend(characters.next()),
            (None, c) if c.is_whitespace() => tokens.extend(word.take().map(ShellToken::Word)),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    end_operator(&mut operator, &mut tokens);
    tokens.extend(word.map(ShellToken::Word));
    tokens
}

fn end_operator(operator: &mut String, tokens: &mut Vec<ShellToken>) {
    let operator = std::mem::take(operator);
    if !operator.is_empty() && !operator.contains(['<', '>']) {
        tokens.push(ShellToken::Operator(operator));
    }
}

/// Whether a failed command fails all of it, given what follows it: after `&&` nothing runs then, and what
/// ends with `exit 1` or `false` fails too.
fn decides(behind: &[ShellToken]) -> bool {
    let Some(at) = behind.iter().position(|token| token.word().is_none()) else { return true };
    let rest = &behind[at + 1..];
    let words: Vec<&str> =
        rest.iter().filter_map(ShellToken::word).filter(|word| *word != "}").collect();
    match (&behind[at], words.as_slice()) {
        (ShellToken::Operator(operator), _) if operator == "&&" => decides(rest),
        (ShellToken::Operator(operator), []) => operator != "&",
        (ShellToken::Operator(operator), [.., "false"]) => operator == "||",
        (ShellToken::Operator(operator), [.., "exit", status]) => {
            operator == "||" && *status != "0"
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(command: &str) -> Option<(String, Option<String>, bool, bool)> {
        let call = find_call(command, "wal-push")?;
        let config = call.config.map(|path| path.display().to_string());
        Some((call.program, config, call.names_repository, call.whole))
    }

    #[test]
    fn our_program_is_found_wherever_it_stands() {
        let (none, some) = (None, |path: &str| Some(path.to_owned()));
        for (command, expected) in [
            ("wal-push \"%p\" %f", ("wal-push", none.clone(), false, true)),
            ("/opt/a\\ b/wal-push %p %f", ("/opt/a b/wal-push", none.clone(), false, true)),
            ("/bin/wal-push --config /x %p %f", ("/bin/wal-push", some("/x"), false, true)),
            ("nice wal-push --config='/a b%%' \"%p\"", ("wal-push", some("/a b%"), false, false)),
            ("SEAWALL_CONFIG=/y 'wal-push' %p %f", ("wal-push", some("/y"), false, true)),
            ("test -f x&&wal-push --repository /z %p %f", ("wal-push", none.clone(), true, true)),
        ] {
            let (program, config, repository, whole) = expected;
            assert_eq!(
                call(command),
                Some((program.into(), config, repository, whole)),
                "{command}"
            );
        }
        for command in ["/bin/true", "", "cp %p /backups/%f", "my-wal-push %p %f"] {
            assert_eq!(call(command), None, "{command}");
        }
    }

    #[test]
    fn what_it_takes_to_run_at_all() {
        for (command, expected) in [
            ("/usr/bin/wal-pusch \"%p\" %f", &["/usr/bin/wal-pusch"][..]),
            ("'/a b/wal-push' %p %f 2>>/log", &["/a b/wal-push"]),
            ("SEAWALL_CONFIG=/x Y=\"a b\" wal-push %p %f", &["wal-push"]),
            ("nice -n 5 /b/wal-push %p", &["nice", "/b/wal-push"]),
            ("env -i A=b ionice -c2 wal-push %p", &["env", "wal-push"]),
            ("exec wal-push %p %f", &["wal-push"]),
            ("podman exec db wal-push %p %f", &["podman"]),
            ("wal-push %p %f || exit 1", &["wal-push"]),
            ("(cp %p /x && wal-push %p %f)", &["cp"]),
            ("test -f /x && wal-push %p %f", &[]),
            ("wal-push %p %f || true", &[]),
            ("$HOME/wal-push %p %f", &[]),
            ("if x; then wal-push %p; fi", &[]),
            ("A=b", &[]),
            ("", &[]),
        ] {
            assert_eq!(programs(command, "wal-push"), expected, "{command}");
        }
    }

    #[test]
    fn paths_become_words() {
        for (path, expected) in
            [("/usr/bin/x", "/usr/bin/x"), ("/a b", "'/a b'"), ("/a'b%", r"'/a'\''b%%'")]
        {
            assert_eq!(word(Path::new(path)), expected);
        }
    }

    #[test]
    fn words_are_unquoted_and_operators_kept() {
        let shown = |command| {
            let shown = |token| match token {
                ShellToken::Word(word) => word,
                ShellToken::Operator(operator) => format!("[{operator}]"),
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
