//! `seawall doctor` with real servers and stores: what is wrong is found, with what mends it; what is
//! right is not complained about.

mod clocks;
mod disks;
mod hidden;
mod origins;
mod secrets;
mod servers;
mod stores;

use std::path::{Path, PathBuf};

use crate::support::place::Place;
use crate::support::postgres::Server;
use crate::support::run::{Outcome, Run};
use crate::support::s3::{ACCESS_KEY, REGION, SECRET_KEY};

/// `seawall doctor`, run as the server's user.
pub fn doctor(place: &Place, config: &Path) -> Run {
    // Beside it, as packages put it.
    place.program(env!("CARGO_BIN_EXE_wal-push"));
    let run = Run::new(place, env!("CARGO_BIN_EXE_seawall")).server_user();
    let keys = [
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ("AWS_REGION", REGION),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    // Whether this machine has room is not what is tested.
    let always = ["--log-format=text", "--objectives-free-space=0"];
    run.envs(keys).arg("doctor").arg("--config").arg(config).args(always)
}

/// The same for a host without a server.
pub fn doctor_of_stores(place: &Place, config: &Path) -> Run {
    doctor(place, config).arg("--without-server")
}

/// One finding: what, verdict, what was found, where it is set, what mends it.
#[derive(Debug)]
pub struct Found {
    pub what: String,
    pub verdict: String,
    pub found: String,
    pub set_in: String,
    pub mend: String,
}

/// All findings of a run with `--json`.
#[track_caller]
pub fn findings(outcome: &Outcome) -> Vec<Found> {
    findings_in(&outcome.stdout)
}

/// The same of what was written to a file.
#[track_caller]
pub fn findings_in(stdout: &str) -> Vec<Found> {
    let json: serde_json::Value =
        serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"));
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let sections = json["sections"].as_array().unwrap();
    let all = sections.iter().flat_map(|section| section["findings"].as_array().unwrap());
    all.map(|it| Found {
        what: text(&it["what"]),
        verdict: text(&it["verdict"]),
        found: text(&it["found"]),
        set_in: text(&it["set_in"]),
        mend: text(&it["mend"]),
    })
    .collect()
}

/// What is worse than a note, as `verdict what`.
pub fn complaints(findings: &[Found]) -> Vec<String> {
    let bad = findings.iter().filter(|it| !["ok", "note"].contains(&it.verdict.as_str()));
    bad.map(|it| format!("{} {}", it.verdict, it.what)).collect()
}

/// The one finding about this.
#[track_caller]
pub fn about<'a>(findings: &'a [Found], what: &str) -> &'a Found {
    let mut all = findings.iter().filter(|it| it.what == what);
    let first = all.next().unwrap_or_else(|| panic!("nothing about {what} in {findings:#?}"));
    assert!(all.next().is_none(), "two findings about {what}: {findings:#?}");
    first
}

/// `--fix-preview`, applied with `psql` as a superuser.
#[track_caller]
pub fn apply_fixes(place: &Place, config: &Path, server: &Server) -> String {
    let fixes = doctor(place, config).envs(server.connection()).arg("--fix-preview").run();
    let file: PathBuf = place.file(&format!("fixes{}.sql", place.next_number()), &fixes.stdout);
    let psql = server.tool("psql").args(["-Xq", "-v", "ON_ERROR_STOP=1", "-f"]).arg(file).run();
    psql.expect(0);
    fixes.stdout
}
