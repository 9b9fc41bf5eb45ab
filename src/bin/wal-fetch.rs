fn main() -> std::process::ExitCode {
    seawall::cli::wal_fetch::main().into()
}
