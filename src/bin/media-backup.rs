fn main() -> std::process::ExitCode {
    seawall::cli::media_backup::main().into()
}
