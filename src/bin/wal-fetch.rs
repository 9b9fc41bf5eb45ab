//! `wal-fetch`, which PostgreSQL runs as `restore_command`. The library does the work; its result is the exit status.

fn main() -> std::process::ExitCode {
    seawall::command::wal_fetch::main().into()
}
