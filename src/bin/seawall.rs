fn main() -> std::process::ExitCode {
    seawall::cli::seawall::main().into()
}
