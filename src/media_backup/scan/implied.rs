//! The way down to the paths of a set: folders that are not of the set themselves. A snapshot notes them, so that every
//! entry has its folder before it; nothing else in them is looked at.

use std::collections::BTreeMap;

/// A folder on the way, or a path of the set by its number.
#[derive(Debug, PartialEq, Eq)]
pub enum Node {
    Implied(BTreeMap<Vec<u8>, Node>),
    Place(usize),
}

impl Node {
    /// No path is within another one.
    pub fn tree<'a>(paths: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut top = Self::Implied(BTreeMap::new());
        for (number, path) in paths.enumerate() {
            let mut here = &mut top;
            for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
                if let Self::Place(_) = here {
                    *here = Self::Implied(BTreeMap::new());
                }
                if let Self::Implied(children) = here {
                    let new = || Self::Implied(BTreeMap::new());
                    here = children.entry(name.to_vec()).or_insert_with(new);
                }
            }
            *here = Self::Place(number);
        }
        top
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_make_a_tree() {
        let paths: [&[u8]; 3] = [b"srv/a", b"etc/redis.conf", b"srv/b"];
        let Node::Implied(top) = Node::tree(paths.into_iter()) else { panic!("no tree") };
        let Node::Implied(srv) = &top[&b"srv"[..]] else { panic!("no folder") };
        assert_eq!((&srv[&b"a"[..]], &srv[&b"b"[..]]), (&Node::Place(0), &Node::Place(2)));
        assert_eq!(top.len(), 2);
        assert_eq!(Node::tree([&b""[..]].into_iter()), Node::Place(0));
    }
}
