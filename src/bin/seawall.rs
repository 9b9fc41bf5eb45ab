//! `seawall`, which people and timers run. The library does the work; its result is the exit status.

fn main() -> std::process::ExitCode {
    seawall::command::seawall::main().into()
}
