use crate::error::{Class, Error};

/// A server's error answer, such as `NOPERM this user has no permissions to run the 'psync' command`, as
/// ours. The first word is its kind (Redis documentation, "Redis serialization protocol specification").
pub fn refusal(what: &str, answer: &str) -> Error {
    let (class, hint) = meaning(answer);
    let answer = answer.trim_end_matches('.');
    let error = Error::new(class, format!("{what}: the server says: {answer}"));
    if hint.is_empty() { error } else { error.hint(hint) }
}

fn meaning(answer: &str) -> (Class, &'static str) {
    match answer.split(' ').next().unwrap_or_default() {
        "NOAUTH" | "WRONGPASS" => {
            (Class::Refused, "Set redis.user, and redis.password_file or REDISCLI_AUTH.")
        }
        "NOPERM" => (
            Class::Refused,
            "A backup needs: ACL SETUSER NAME +ping +info +replconf +psync; of the server's files (--source), \
             instead of the last two, +config|get +bgsave.",
        ),
        "DENIED" => (
            Class::Refused,
            "Redis in protected mode talks to its own host only: set a password there, or connect locally.",
        ),
        "LOADING" => (Class::Unreachable, "The server is still reading its data; try again later."),
        "MASTERDOWN" | "NOMASTERLINK" => (
            Class::Unreachable,
            "This is a replica that lost its master: mend that, or set redis.url to the master.",
        ),
        "MISCONF" => (Class::Unreachable, "The server cannot write its files; its log says why."),
        "BUSY" => (Class::Unreachable, "A script keeps the server busy; try again later."),
        _ if answer.contains("max number of clients") => {
            (Class::Unreachable, "Raise maxclients, or find out who holds so many connections.")
        }
        _ if answer.contains("without any password configured") => (
            Class::Refused,
            "The server has no password for that user: leave REDISCLI_AUTH and redis.password_file out.",
        ),
        _ if answer.contains("unknown command") && answer.to_ascii_lowercase().contains("sync") => {
            (
                Class::Refused,
                "Is the command renamed or forbidden there? On the server's host its files will do: redis-backup create --source rdb.",
            )
        }
        _ if answer.contains("unknown command") => (
            Class::Refused,
            "Is the command renamed or forbidden there? Managed services forbid replication to others.",
        ),
        _ => (Class::Unreachable, "Look into the server's log."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_told_from_what_does_not() {
        for (answer, class) in [
            ("WRONGPASS invalid username-password pair or user is disabled.", Class::Refused),
            ("NOAUTH Authentication required.", Class::Refused),
            ("NOPERM this user has no permissions to run the 'psync' command", Class::Refused),
            ("DENIED Redis is running in protected mode", Class::Refused),
            ("LOADING Redis is loading the dataset in memory", Class::Unreachable),
            ("NOMASTERLINK Can't SYNC while not connected with my master", Class::Unreachable),
            ("ERR max number of clients reached", Class::Unreachable),
            ("ERR unknown command 'PSYNC', with args beginning with: '?' '-1'", Class::Refused),
            ("ERR anything", Class::Unreachable),
        ] {
            assert_eq!(refusal("could not x", answer).class(), class, "{answer}");
        }
    }

    #[test]
    fn it_says_what_was_tried_and_what_the_server_says() {
        assert_eq!(
            refusal("could not read", "ERR max number of clients reached").to_string(),
            "could not read: the server says: ERR max number of clients reached. \
             HINT: Raise maxclients, or find out who holds so many connections."
        );
    }
}
