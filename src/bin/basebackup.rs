fn main() -> std::process::ExitCode {
    seawall::cli::basebackup::main().into()
}
