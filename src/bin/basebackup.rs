//! `basebackup`, which takes and restores base backups. The library does the work; its result is the exit status.

fn main() -> std::process::ExitCode {
    seawall::command::basebackup::main().into()
}
