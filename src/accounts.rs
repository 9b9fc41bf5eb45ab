//! Names of users and groups of this host, by number and by name, and the number for people to read where there is no
//! name. Only `/etc/passwd` and `/etc/group` are read: the programs are static and can't ask LDAP, so who is known there
//! only is known by number.

use std::collections::HashMap;
use std::fs;

const USERS: &str = "/etc/passwd";
const GROUPS: &str = "/etc/group";

pub(crate) fn user(uid: u32) -> String {
    name_or_number(USERS, uid)
}

pub(crate) fn group(gid: u32) -> String {
    name_or_number(GROUPS, gid)
}

/// Whether there is a user of this name.
pub(crate) fn is_a_user(name: &str) -> bool {
    let users = fs::read(USERS).unwrap_or_default();
    NameTable::parse(&users).by_name.contains_key(name)
}

fn name_or_number(file: &str, number: u32) -> String {
    let table = NameTable::parse(&fs::read(file).unwrap_or_default());
    table.by_number.get(&number).cloned().unwrap_or_else(|| number.to_string())
}

/// Users and groups by number and by name: none, or those of this host.
#[derive(Debug, Default, Clone)]
pub(crate) struct Accounts {
    users: NameTable,
    groups: NameTable,
}

#[derive(Debug, Default, Clone)]
struct NameTable {
    by_number: HashMap<u32, String>,
    by_name: HashMap<String, u32>,
}

impl Accounts {
    /// None are known where the files can't be read.
    pub(crate) fn of_host() -> Self {
        let read = |path: &str| fs::read(path).unwrap_or_default();
        Self::parse(&read(USERS), &read(GROUPS))
    }

    fn parse(passwd: &[u8], group: &[u8]) -> Self {
        Self { users: NameTable::parse(passwd), groups: NameTable::parse(group) }
    }

    pub(crate) fn user(&self, uid: u32) -> Option<&str> {
        self.users.by_number.get(&uid).map(String::as_str)
    }

    pub(crate) fn group(&self, gid: u32) -> Option<&str> {
        self.groups.by_number.get(&gid).map(String::as_str)
    }

    /// The number of a user here, where one has that name.
    pub(crate) fn uid(&self, user: &str) -> Option<u32> {
        self.users.by_name.get(user).copied()
    }

    pub(crate) fn gid(&self, group: &str) -> Option<u32> {
        self.groups.by_name.get(group).copied()
    }
}

impl NameTable {
    /// Lines `name:password:number:…`; the first one counts, as for the system.
    fn parse(text: &[u8]) -> Self {
        let mut table = Self::default();
        for line in String::from_utf8_lossy(text).lines() {
            let mut fields = line.split(':');
            let (name, number) = (fields.next(), fields.nth(1));
            let number = number.and_then(|number| number.parse().ok());
            if let (Some(name), Some(number)) = (name.filter(|name| !name.is_empty()), number) {
                table.by_number.entry(number).or_insert_with(|| name.to_owned());
                table.by_name.entry(name.to_owned()).or_insert(number);
            }
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_counts() {
        let passwd = b"root:x:0:0::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\n# no\nme:x:1000:5:::\nme:x:7:7:::\n:x:9:\n";
        let names = Accounts::parse(passwd, b"staff:x:50:me\n");
        assert_eq!(
            (names.user(0), names.user(1000), names.user(9)),
            (Some("root"), Some("me"), None)
        );
        assert_eq!(
            (names.uid("me"), names.uid("toor"), names.uid("you")),
            (Some(1000), Some(0), None)
        );
        assert_eq!(
            (names.group(50), names.gid("staff"), names.gid("me")),
            (Some("staff"), Some(50), None)
        );
        assert_eq!(Accounts::of_host().uid("root"), Some(0));
    }

    #[test]
    fn who_has_no_name_has_a_number() {
        assert_eq!((user(0).as_str(), user(4_294_967_000).as_str()), ("root", "4294967000"));
        assert_eq!(group(4_294_967_000), "4294967000");
        assert!(is_a_user("root") && !is_a_user("nobody-of-this-name"));
    }
}
