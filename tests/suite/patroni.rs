//! Three nodes of Patroni with etcd, with the files that `docs/patroni.md` prints.

mod cluster;
mod fail_overs;
mod files;
mod node;
mod outage;
mod role_changes;
mod story;
mod writers;
