//! The `SEAWALL_…` variables of this process, and those of AWS that say where a store is.
//!
//! A misspelt variable is refused, for nobody would notice that it has no effect; variables that Kubernetes
//! makes for a Service called seawall are none of ours.

use std::collections::BTreeMap;

use super::endpoint::ENDPOINT_VARIABLES;
use super::setting::nearest_hint;
use super::settings::GLOBAL;
use crate::error::{Class, Error, Result};

/// Variables that are not settings.
const OTHERS: [&str; 3] = ["SEAWALL_CONFIG", "SEAWALL_REPOSITORY", "SEAWALL_FAILPOINT"];

/// The `SEAWALL_…` variables of a process, and those of AWS that say where a store is. An empty one counts as
/// not set.
#[derive(Debug, Default)]
pub(super) struct Environment {
    ours: BTreeMap<String, String>,
    /// Those that others made, by their names.
    others: Vec<String>,
}

impl Environment {
    pub(super) fn of_process() -> Result<Self> {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        };
        Self::new(std::env::vars_os().filter_map(text))
    }

    pub(super) fn new(variables: impl Iterator<Item = (String, String)>) -> Result<Self> {
        let ours = |name: &str| name.starts_with("SEAWALL_") || ENDPOINT_VARIABLES.contains(&name);
        let all: BTreeMap<_, _> =
            variables.filter(|(name, value)| ours(name) && !value.is_empty()).collect();
        let known: Vec<String> = GLOBAL
            .iter()
            .map(|setting| setting.variable())
            .chain(OTHERS.map(str::to_owned))
            .chain(ENDPOINT_VARIABLES.map(str::to_owned))
            .collect();
        let is_foreign = |(name, value): &(&String, &String)| {
            !known.contains(name) && is_of_a_service(name, value)
        };
        let others: Vec<String> = all.iter().filter(is_foreign).map(|it| it.0.clone()).collect();
        let ours = |name: &String| !others.contains(name);
        match all.keys().find(|name| !known.contains(name) && ours(name)) {
            None => {
                let ours = all.into_iter().filter(|(name, _)| ours(name)).collect();
                Ok(Self { ours, others })
            }
            Some(unknown) => Err(Error::new(
                Class::Configuration,
                format!("unknown environment variable {unknown}"),
            )
            .hint(nearest_hint(
                unknown,
                known.iter().map(String::as_str).filter(|name| name.starts_with("SEAWALL_")),
            ))),
        }
    }

    /// The variable that names the S3 server of a repository which does not, and its value.
    pub(super) fn endpoint(&self) -> Option<(&'static str, String)> {
        ENDPOINT_VARIABLES.iter().find_map(|name| Some((*name, self.get(name)?.to_owned())))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.ours.get(name).map(String::as_str)
    }

    /// What was passed over because it is nobody's setting.
    pub(super) fn others(&self) -> &[String] {
        &self.others
    }
}

/// Whether Kubernetes makes such variables for a Service whose name begins with ours (`kubelet`: "Environment
/// variables" of Services), in the manner of Docker's links.
fn is_of_a_service(name: &str, value: &str) -> bool {
    let protocols = ["TCP", "UDP", "SCTP"];
    let is_url = protocols.iter().any(|it| value.starts_with(&format!("{}://", it.to_lowercase())));
    let of_port = || {
        let (_, rest) = name.split_once("_PORT_")?;
        let (port, rest) = rest.split_once('_')?;
        let rest = protocols.iter().find_map(|it| rest.strip_prefix(it))?;
        let number = !port.is_empty() && port.chars().all(|digit| digit.is_ascii_digit());
        Some(number && ["", "_PROTO", "_PORT", "_ADDR"].contains(&rest))
    };
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT") && is_url
        || of_port().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubernetes_makes_of_a_service_is_no_setting() {
        let all = [
            ("SEAWALL_SERVICE_HOST", "10.96.0.7"),
            ("SEAWALL_SERVICE_PORT", "5432"),
            ("SEAWALL_SERVICE_PORT_METRICS", "9100"),
            ("SEAWALL_PORT", "tcp://10.96.0.7:5432"),
            ("SEAWALL_PORT_5432_TCP", "tcp://10.96.0.7:5432"),
            ("SEAWALL_PORT_5432_TCP_PROTO", "tcp"),
            ("SEAWALL_PORT_5432_TCP_PORT", "5432"),
            ("SEAWALL_PORT_5432_TCP_ADDR", "10.96.0.7"),
            ("SEAWALL_REPORT_PORT_53_UDP_ADDR", "10.96.0.8"),
            ("SEAWALL_CLUSTER", "a"),
        ];
        let owned = all.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment = Environment::new(owned.into_iter()).unwrap();
        assert_eq!(
            (environment.others().len(), environment.get("SEAWALL_CLUSTER")),
            (9, Some("a"))
        );
        for (name, value) in [("SEAWALL_PORT", "5432"), ("SEAWALL_PORT_X_TCP", "tcp://a:1")] {
            let one = [(name.to_owned(), value.to_owned())];
            assert!(Environment::new(one.into_iter()).is_err(), "{name}");
        }
    }

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
