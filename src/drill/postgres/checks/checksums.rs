use super::{Checks, Outcome};
use crate::error::{Class, Error, Result};

/// Whether every page of every relation is what was written, as far as the cluster has checksums. It takes a
/// server that was shut down in order.
pub(super) fn check(checks: &Checks<'_>) -> Result<Outcome> {
    if !checks.control.checksums {
        return Ok(Outcome::Skipped("the cluster has no data checksums".to_owned()));
    }
    let programs = checks.programs();
    let Some(program) = programs.path("pg_checksums") else {
        return Ok(Outcome::Skipped("pg_checksums is not installed".to_owned()));
    };
    let data = checks.server.scratch.data();
    let output = programs.command("pg_checksums").arg("--check").arg("-D").arg(&data).output();
    let output = output.map_err(|error| Error::file("run", &program, &error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let number = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map_or("?", str::trim).to_owned()
    };
    if output.status.success() {
        return Ok(Outcome::Passed(format!("{} pages", number("Blocks scanned:"))));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().next().unwrap_or_default().replace("pg_checksums: error: ", "");
    let first = first.replace(&format!("{}/", data.display()), "");
    let message = format!(
        "expected pages as they were written, found {} that are not: {first}",
        number("Bad checksums:")
    );
    Ok(Outcome::Failed(Error::new(Class::Damaged, message)))
}
