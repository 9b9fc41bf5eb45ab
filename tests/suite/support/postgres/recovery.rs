//! Recovery from an archive.

use std::fs;
use std::time::Duration;

use super::Server;
use super::builder::setting_line;
use crate::support::user::{hand_over, write_as_server_user};
use crate::support::wait::poll;

impl Server {
    /// The next start replays what `restore_command` brings, to its end, and then promotes.
    pub fn recover_with(&self, restore_command: &str) {
        self.signal_file("recovery.signal");
        self.set("restore_command", restore_command);
    }

    /// The next start follows the archive as a standby and never ends by itself.
    pub fn stand_by_with(&self, restore_command: &str) {
        self.signal_file("standby.signal");
        self.set("restore_command", restore_command);
    }

    /// A setting that goes over all others, from the next start or reload on.
    pub fn set(&self, key: &str, value: &str) {
        let path = self.data().join("postgresql.auto.conf");
        let mut text = fs::read_to_string(&path).unwrap_or_default();
        text.push_str(&setting_line(key, value));
        fs::write(&path, text).expect("the settings can be written");
        hand_over(&path);
    }

    /// Makes the running server read its settings again.
    #[track_caller]
    pub fn reload(&self) {
        self.sql("select pg_reload_conf()");
    }

    /// Ends recovery on a standby and waits until it takes writes.
    #[track_caller]
    pub fn promote(&self) {
        let done = self.sql("select pg_promote(true, 60)");
        assert!(done == "t", "the server was not promoted\n{}", self.log_since_start());
    }

    /// Waits until recovery came to its end.
    #[track_caller]
    pub fn wait_promoted(&mut self, limit: Duration) {
        let over = poll(limit, || {
            let over = self.try_sql("select pg_is_in_recovery()").is_ok_and(|answer| answer == "f");
            (over || !self.runs()).then_some(over)
        });
        assert!(
            over == Some(true),
            "no end of recovery within {limit:?}\n{}",
            self.log_since_start()
        );
    }

    fn signal_file(&self, name: &str) {
        write_as_server_user(&self.data().join(name), "");
    }
}
