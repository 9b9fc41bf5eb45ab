//! `redis-backup`, which backs up a Redis or Valkey. The library does the work; its result is the exit status.

fn main() -> std::process::ExitCode {
    seawall::command::redis_backup::main().into()
}
