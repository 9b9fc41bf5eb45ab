//! `seawall doctor`: whether what is set up will do what it is there for. The findings come from the top module `doctor`; here
//! they get one of three forms: lines for people, a document for programs, statements for `psql`.
//!
//! A message of a server or a store is made plain before people or `psql` get it: a line break in it would end the
//! comment that it stands in.

use clap::{ArgMatches, Command};
use serde::Serialize;

use crate::cli::flags::switch;
use crate::cli::text::{count, document, plain};
use crate::cli::{flags, guard};
use crate::config::{self, Config, Resolved};
use crate::doctor::{self, Diagnosis, Mend, Restart, Section, Severity};
use crate::error::Result;
use crate::{exit_status, log};

pub const NAME: &str = "doctor";

const SHORT: &str = "Checks the server, tries every repository, and says what to change";

const ABOUT: &str = "Checks the server, tries every repository, and says what to change

It checks the server's settings, its archive_command and the rights of the role. It tests each repository by
writing, reading, listing and deleting objects below seawall-doctor/. It checks who can read the secrets, and
looks for settings without effect. It changes nothing else.";

const AFTER: &str = "\
Run it before the set-up, after the set-up, and after every change, as the user that runs PostgreSQL.
Exit status: 0 all is well, 1 there are warnings, 2 there are problems, 3 something could not be checked,
or the command line or the configuration is wrong.
  seawall doctor --fix-preview | psql     changes the settings, after you have read the SQL";

pub fn command() -> Command {
    let command = Command::new(NAME)
        .about(SHORT)
        .long_about(ABOUT)
        .after_help(AFTER)
        .arg(switch("fix-preview", "Print only the SQL that corrects the server's settings"))
        .arg(switch("json", "Print what was found as JSON").conflicts_with("fix-preview"))
        .arg(switch("without-server", "Leave the PostgreSQL server out"));
    flags::with_settings(command, &["wal", "postgres", "redis", "objectives"])
}

/// The exit status, as that of a monitoring plugin.
pub fn run(matches: &ArgMatches) -> Result<u8> {
    let resolved = config::resolve(&flags::values(matches))?;
    log::start(&resolved.log());
    let config = Config::from_resolved(&resolved)?;
    let form = match (matches.get_flag("fix-preview"), matches.get_flag("json")) {
        (true, _) => DoctorForm::Fixes,
        (_, true) => DoctorForm::Json,
        _ => DoctorForm::Text,
    };
    let sections = look(&resolved, &config, form, matches.get_flag("without-server"));
    guard::print(&match form {
        DoctorForm::Text => text(&sections),
        DoctorForm::Json => json(&sections)?,
        DoctorForm::Fixes => fixes(&sections),
    });
    let worst = sections.iter().flat_map(|it| &it.findings).map(|it| it.verdict).max();
    Ok(match worst.unwrap_or(Severity::Good) {
        Severity::Good | Severity::Note => exit_status::DONE,
        Severity::Warning => exit_status::WARNING,
        Severity::Problem => exit_status::CRITICAL,
        Severity::Unknown => exit_status::UNKNOWN,
    })
}

/// Whether it was this verb that failed: then nothing is known.
pub fn failed() -> Option<u8> {
    guard::words().first().is_some_and(|word| word == NAME).then_some(exit_status::UNKNOWN)
}

/// How it is to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DoctorForm {
    Text,
    Json,
    /// The statements of SQL alone.
    Fixes,
}

/// The repositories cost requests, and have nothing to do with statements of SQL. The PostgreSQL server is left out on a
/// host that has to do with files or Redis only.
fn look(
    resolved: &Resolved,
    config: &Config,
    form: DoctorForm,
    without_server: bool,
) -> Vec<Section> {
    let file = resolved.file.as_deref();
    let (mut sections, mut server) = (Vec::new(), None);
    if !without_server {
        let (section, found) = doctor::server(config, file);
        sections.push(section);
        server = found;
    }
    if form == DoctorForm::Fixes {
        return sections;
    }
    sections.extend(doctor::repositories(config, server.as_ref()));
    let mut findings = doctor::secrets(config, file, server.as_ref());
    findings.extend(doctor::needed(config));
    findings.extend(doctor::idle_settings(resolved, config));
    findings.extend(doctor::bandwidth(config));
    sections.push(Section { about: "configuration".to_owned(), findings });
    sections
}

/// Rises when something in the JSON changes its meaning or goes.
const VERSION: u32 = 1;

/// Every finding with what to do below it, and a last line that counts.
fn text(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections.iter().filter(|it| !it.findings.is_empty()) {
        text += &format!("{}\n", plain(&section.about));
        for finding in &section.findings {
            text += &line(finding);
        }
        text += "\n";
    }
    text + &verdict(sections) + "\n"
}

fn line(finding: &Diagnosis) -> String {
    let word = match finding.verdict {
        Severity::Problem => "PROBLEM".to_owned(),
        Severity::Warning => "WARNING".to_owned(),
        Severity::Unknown => "UNKNOWN".to_owned(),
        other => other.word().to_owned(),
    };
    let found = plain(&finding.found);
    let set_in = finding.set_in.as_ref().map(|place| format!("set in {place}"));
    let below = [set_in, finding.mend.as_ref().map(Mend::text)].into_iter().flatten();
    let below: String = below.map(|text| format!("{:11}{}\n", "", plain(&text))).collect();
    format!("  {word:7}  {}: {found}\n{below}", plain(&finding.what))
}

fn verdict(sections: &[Section]) -> String {
    let number = |verdict: Severity| {
        let findings = sections.iter().flat_map(|it| &it.findings);
        findings.filter(|it| it.verdict == verdict).count() as u64
    };
    let (problems, warnings) = (number(Severity::Problem), number(Severity::Warning));
    let unknown = number(Severity::Unknown);
    if problems + warnings + unknown == 0 {
        return "all is well".to_owned();
    }
    let counted = [(problems, "problem"), (warnings, "warning")];
    let counted = counted.iter().filter(|(number, _)| *number > 0);
    let mut parts: Vec<String> = counted.map(|(number, what)| count(*number, what)).collect();
    if unknown > 0 {
        parts.push(format!("{unknown} not looked at"));
    }
    parts.join(", ")
}

/// Statements for `psql`, those that take a restart marked; what no statement mends is a comment.
fn fixes(sections: &[Section]) -> String {
    let findings = sections.iter().flat_map(|it| &it.findings);
    let bad: Vec<&Diagnosis> = findings.filter(|it| it.verdict >= Severity::Warning).collect();
    let is_sql = |it: &&&Diagnosis| matches!(it.mend, Some(Mend::Sql { .. }));
    let comments = bad.iter().filter(|it| !is_sql(it)).map(|it| {
        let mend = it.mend.as_ref().map(|mend| format!("--   {}\n", plain(&mend.text())));
        format!("-- {}: {}\n{}", plain(&it.what), plain(&it.found), mend.unwrap_or_default())
    });
    let sql = bad.iter().filter(is_sql).filter_map(|it| it.mend.as_ref());
    let mut statements: String = sql.map(|mend| mend.text() + "\n").collect();
    if !statements.is_empty() {
        statements += "SELECT pg_reload_conf();\n";
    }
    comments.collect::<String>() + &statements
}

#[derive(Serialize)]
struct DoctorJson<'a> {
    version: u32,
    worst: &'static str,
    sections: Vec<JsonSection<'a>>,
}

#[derive(Serialize)]
struct JsonSection<'a> {
    about: &'a str,
    findings: Vec<JsonFinding<'a>>,
}

#[derive(Serialize)]
struct JsonFinding<'a> {
    what: &'a str,
    verdict: &'static str,
    found: &'a str,
    /// File and line, or the command line of the server, of a setting that has not its default value.
    set_in: Option<&'a str>,
    /// `sql`, `shell`, `line` or `advice`; `null` where nothing is to be done.
    mend_kind: Option<&'static str>,
    mend: Option<String>,
    /// Whether the server has to be restarted for it.
    restart: bool,
}

fn json(sections: &[Section]) -> Result<String> {
    let all = sections.iter().flat_map(|it| &it.findings).map(|it| it.verdict);
    let json = DoctorJson {
        version: VERSION,
        worst: all.max().unwrap_or(Severity::Good).word(),
        sections: sections.iter().map(section).collect(),
    };
    document(&json)
}

fn section<'a>(section: &'a Section) -> JsonSection<'a> {
    let finding = |it: &'a Diagnosis| {
        let Diagnosis { what, verdict, found, set_in, mend } = it;
        JsonFinding {
            what,
            verdict: verdict.word(),
            found,
            set_in: set_in.as_deref(),
            mend_kind: mend.as_ref().map(|mend| match mend {
                Mend::Sql { .. } => "sql",
                Mend::Shell(_) => "shell",
                Mend::Line(_) => "line",
                Mend::Advice(_) => "advice",
            }),
            mend: mend.as_ref().map(|mend| match mend {
                Mend::Sql { statement, .. } => format!("{statement};"),
                other => other.text(),
            }),
            restart: matches!(
                mend,
                Some(Mend::Sql { restart: Restart::Server | Restart::By(_), .. })
            ),
        }
    };
    JsonSection { about: &section.about, findings: section.findings.iter().map(finding).collect() }
}
