use std::collections::BTreeMap;

use super::endpoint::ENDPOINT_VARIABLES;
use super::nearest::hint;
use super::settings::GLOBAL;
use crate::error::{Class, Error, Result};

/// Variables that are not settings.
const OTHERS: [&str; 3] = ["SEAWALL_CONFIG", "SEAWALL_REPOSITORY", "SEAWALL_FAILPOINT"];

/// The `SEAWALL_…` variables of a process, and those of AWS that say where a store is. An empty one counts as
/// not set.
#[derive(Debug, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    pub fn of_process() -> Result<Self> {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        };
        Self::new(std::env::vars_os().filter_map(text))
    }

    pub fn new(variables: impl Iterator<Item = (String, String)>) -> Result<Self> {
        let ours = |name: &str| name.starts_with("SEAWALL_") || ENDPOINT_VARIABLES.contains(&name);
        let all: BTreeMap<_, _> =
            variables.filter(|(name, value)| ours(name) && !value.is_empty()).collect();
        let known: Vec<String> = GLOBAL
            .iter()
            .map(|setting| setting.variable())
            .chain(OTHERS.map(str::to_owned))
            .chain(ENDPOINT_VARIABLES.map(str::to_owned))
            .collect();
        match all.keys().find(|name| !known.contains(name)) {
            None => Ok(Self(all)),
            Some(unknown) => Err(Error::new(
                Class::Configuration,
                format!("unknown environment variable {unknown}"),
            )
            .hint(hint(
                unknown,
                known.iter().map(String::as_str).filter(|name| name.starts_with("SEAWALL_")),
            ))),
        }
    }

    /// The variable that names the S3 server of a repository which does not, and its value.
    pub fn endpoint(&self) -> Option<(&'static str, String)> {
        ENDPOINT_VARIABLES.iter().find_map(|name| Some((*name, self.get(name)?.to_owned())))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_variable_is_an_error() {
        let set = |name: &str, value: &str| {
            Environment::new([(name.to_owned(), value.to_owned())].into_iter())
        };
        assert_eq!(
            set("SEAWALL_WAL_LOOKAHEAD", "1").unwrap_err().to_string(),
            "unknown environment variable SEAWALL_WAL_LOOKAHEAD. HINT: Did you mean SEAWALL_WAL_LOOK_AHEAD?"
        );
        assert_eq!(set("SEAWALL_CLUSTER", "").unwrap().get("SEAWALL_CLUSTER"), None);
        assert_eq!(set("SEAWALL_CLUSTER", "a").unwrap().get("SEAWALL_CLUSTER"), Some("a"));
    }
}
