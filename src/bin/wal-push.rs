fn main() -> std::process::ExitCode {
    seawall::cli::wal_push::main().into()
}
