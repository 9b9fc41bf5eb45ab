//! What every judgement is made of: the configuration, the server's answer, what was gathered, and one time for all.

use jiff::Timestamp;

use super::gather::Gathered;
use super::server::{Asked, Server};
use super::verdict::{Service, Subject};
use crate::config::Config;
use crate::repository::Repository;

/// Everything that is known when it is judged.
pub struct Case<'a> {
    pub config: &'a Config,
    pub repositories: &'a [Repository],
    pub server: &'a Asked,
    pub now: Timestamp,
    pub gathered: &'a Gathered,
}

impl Case<'_> {
    pub fn postgres(&self) -> Subject {
        Subject { service: Service::Postgresql, name: self.config.cluster.clone() }
    }

    pub fn repository(&self, number: usize) -> Subject {
        Subject { service: Service::Repository, name: self.repositories[number].name().to_owned() }
    }

    pub fn name(&self, number: usize) -> &str {
        self.repositories.get(number).map_or("", Repository::name)
    }

    /// The places of the repositories that could be looked at to the end.
    pub fn answering(&self) -> Vec<usize> {
        let down: Vec<usize> = self.gathered.failures().map(|(number, _)| number).collect();
        (0..self.repositories.len()).filter(|number| !down.contains(number)).collect()
    }

    pub fn server(&self) -> Option<&Server> {
        match self.server {
            Asked::Answered(server) => Some(server),
            Asked::Silent { .. } => None,
        }
    }
}
