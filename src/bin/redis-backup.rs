fn main() -> std::process::ExitCode {
    seawall::cli::redis_backup::main().into()
}
