//! Load through pgbench, always bounded.

use std::path::Path;
use std::time::Duration;

use super::Server;
use crate::support::run::{Outcome, Run, Running};

/// How long a load goes on.
#[derive(Clone, Copy)]
pub enum Load {
    Seconds(u32),
    /// For each client.
    Transactions(u32),
}

impl Server {
    /// Makes the pgbench tables: about 15 MB of data, and as much WAL, for each unit of scale.
    #[track_caller]
    pub fn pgbench_init(&self, scale: u32) {
        self.tool("pgbench").args(["-i", "-q", "-s", &scale.to_string()]).run().expect(0);
    }

    /// Runs pgbench to its end.
    #[track_caller]
    pub fn pgbench(&self, clients: u32, load: Load) -> Outcome {
        let outcome = self.pgbench_command(clients, load).run();
        outcome.expect(0);
        outcome
    }

    /// Starts pgbench beside the test, to stop or crash the server under it.
    #[track_caller]
    pub fn pgbench_start(&self, clients: u32, load: Load) -> Running {
        self.pgbench_command(clients, load).start()
    }

    fn pgbench_command(&self, clients: u32, load: Load) -> Run {
        let (flag, number, limit) = match load {
            Load::Seconds(seconds) => ("-T", seconds, u64::from(seconds) + 60),
            Load::Transactions(each) => ("-t", each, 120),
        };
        let clients = clients.to_string();
        let run = self.tool("pgbench").args(["-n", "-c", &clients, flag, &number.to_string()]);
        run.limit(Duration::from_secs(limit))
    }

    /// A plain copy by `pg_basebackup`, without WAL: that has to come from the archive.
    #[track_caller]
    pub fn base_backup(&self, to: &Path) {
        self.tool("pg_basebackup")
            .args(["--checkpoint=fast", "--no-sync", "--wal-method=none", "-D"])
            .arg(to)
            .run()
            .expect(0);
    }
}
