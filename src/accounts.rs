//! Names of users and groups, for people to read: as this host's files list them, else the number.

use std::fs;

const USERS: &str = "/etc/passwd";
const GROUPS: &str = "/etc/group";

pub(crate) fn user(uid: u32) -> String {
    name_in(&fs::read_to_string(USERS).unwrap_or_default(), uid)
}

pub(crate) fn group(gid: u32) -> String {
    name_in(&fs::read_to_string(GROUPS).unwrap_or_default(), gid)
}

/// Whether there is a user of this name.
pub(crate) fn is_a_user(name: &str) -> bool {
    let users = fs::read_to_string(USERS).unwrap_or_default();
    users.lines().any(|line| line.split(':').next() == Some(name))
}

/// `name:x:number:…`, in `passwd(5)` and `group(5)`.
fn name_in(file: &str, number: u32) -> String {
    let found = file.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(number)).then(|| name.to_owned())
    });
    found.unwrap_or_else(|| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_name_has_a_number() {
        assert_eq!(name_in("root:x:0:0:\npostgres:x:105:1:\n", 105), "postgres");
        assert_eq!(name_in("", 7), "7");
    }
}
