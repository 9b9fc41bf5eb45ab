//! What a real server makes of each failure: the reason why the exit statuses are what they are.

mod archive_command;
mod fetch;
mod prepared;
mod recovery_signal;
mod standby_signal;
