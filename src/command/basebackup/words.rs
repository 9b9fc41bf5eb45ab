use crate::base_backup::catalogue::Restorable;

/// `PG_VERSION_NUM` as PostgreSQL calls itself since version 10.
pub fn version(number: u32) -> String {
    format!("{}.{}", number / 10_000, number % 10_000)
}

/// Whether it can be restored, in a word, and why not.
pub fn restorable(restorable: &Restorable) -> (&'static str, Option<&str>) {
    match restorable {
        Restorable::Yes => ("yes", None),
        Restorable::No(reason) => ("no", Some(reason)),
        Restorable::Unknown(reason) => ("unknown", Some(reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_said_as_postgresql_says_them() {
        assert_eq!(version(180_006), "18.6");
    }
}
