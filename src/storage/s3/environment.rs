/// A variable of the AWS tools; an empty one counts as not set, as with them.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
