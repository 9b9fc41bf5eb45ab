//! Users and groups of this host by number and by name: a snapshot notes both, and a restore on another host goes by
//! the name. Only `/etc/passwd` and `/etc/group` are read. The programs are static and can't ask LDAP, so who is known
//! there only is known by number.

use std::collections::HashMap;
use std::path::Path;

/// None, or those of this host.
#[derive(Debug, Default, Clone)]
pub struct Names {
    users: Both,
    groups: Both,
}

#[derive(Debug, Default, Clone)]
struct Both {
    by_number: HashMap<u32, String>,
    by_name: HashMap<String, u32>,
}

impl Names {
    /// None are known where the files can't be read.
    pub fn of_host() -> Self {
        let read = |path: &str| std::fs::read(Path::new(path)).unwrap_or_default();
        Self::parse(&read("/etc/passwd"), &read("/etc/group"))
    }

    fn parse(passwd: &[u8], group: &[u8]) -> Self {
        Self { users: Both::parse(passwd), groups: Both::parse(group) }
    }

    pub fn user(&self, uid: u32) -> Option<&str> {
        self.users.by_number.get(&uid).map(String::as_str)
    }

    pub fn group(&self, gid: u32) -> Option<&str> {
        self.groups.by_number.get(&gid).map(String::as_str)
    }

    /// The number of a user here, where one has that name.
    pub fn uid(&self, user: &str) -> Option<u32> {
        self.users.by_name.get(user).copied()
    }

    pub fn gid(&self, group: &str) -> Option<u32> {
        self.groups.by_name.get(group).copied()
    }
}

impl Both {
    /// Lines `name:password:number:…`; the first one counts, as for the system.
    fn parse(text: &[u8]) -> Self {
        let mut both = Self::default();
        for line in String::from_utf8_lossy(text).lines() {
            let mut fields = line.split(':');
            let (name, number) = (fields.next(), fields.nth(1));
            let number = number.and_then(|number| number.parse().ok());
            if let (Some(name), Some(number)) = (name.filter(|name| !name.is_empty()), number) {
                both.by_number.entry(number).or_insert_with(|| name.to_owned());
                both.by_name.entry(name.to_owned()).or_insert(number);
            }
        }
        both
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_counts() {
        let passwd = b"root:x:0:0::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\n# no\nme:x:1000:5:::\nme:x:7:7:::\n:x:9:\n";
        let names = Names::parse(passwd, b"staff:x:50:me\n");
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
        assert_eq!(Names::of_host().uid("root"), Some(0));
    }
}
