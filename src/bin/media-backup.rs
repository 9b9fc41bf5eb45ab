//! `media-backup`, which takes snapshots of files. The library does the work; its result is the exit status.

fn main() -> std::process::ExitCode {
    seawall::command::media_backup::main().into()
}
