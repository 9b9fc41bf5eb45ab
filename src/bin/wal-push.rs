//! `wal-push`, which PostgreSQL runs as `archive_command`. The library does the work; its result is the exit status.

fn main() -> std::process::ExitCode {
    seawall::command::wal_push::main().into()
}
