//! The findings of `seawall doctor` in three forms: lines for people, a document for programs, statements for `psql`.
//!
//! A message of a server or a store is made plain before people or `psql` get it: a line break in it would end the
//! comment that it stands in.

use serde::Serialize;

use crate::command::shown::{count, plain};
use crate::doctor::{Finding, Mend, Restart, Section, Verdict};

/// Rises when something in the JSON changes its meaning or goes.
const VERSION: u32 = 1;

/// Every finding with what to do below it, and a last line that counts.
pub fn text(sections: &[Section]) -> String {
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

fn line(finding: &Finding) -> String {
    let word = match finding.verdict {
        Verdict::Problem => "PROBLEM".to_owned(),
        Verdict::Warning => "WARNING".to_owned(),
        Verdict::Unknown => "UNKNOWN".to_owned(),
        other => other.word().to_owned(),
    };
    let found = plain(&finding.found);
    let set_in = finding.set_in.as_ref().map(|place| format!("set in {place}"));
    let below = [set_in, finding.mend.as_ref().map(Mend::text)].into_iter().flatten();
    let below: String = below.map(|text| format!("{:11}{}\n", "", plain(&text))).collect();
    format!("  {word:7}  {}: {found}\n{below}", plain(&finding.what))
}

fn verdict(sections: &[Section]) -> String {
    let number = |verdict: Verdict| {
        let findings = sections.iter().flat_map(|it| &it.findings);
        findings.filter(|it| it.verdict == verdict).count() as u64
    };
    let (problems, warnings) = (number(Verdict::Problem), number(Verdict::Warning));
    let unknown = number(Verdict::Unknown);
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
pub fn fixes(sections: &[Section]) -> String {
    let findings = sections.iter().flat_map(|it| &it.findings);
    let bad: Vec<&Finding> = findings.filter(|it| it.verdict >= Verdict::Warning).collect();
    let is_sql = |it: &&&Finding| matches!(it.mend, Some(Mend::Sql { .. }));
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
struct Json<'a> {
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

pub fn json(sections: &[Section]) -> serde_json::Result<String> {
    let all = sections.iter().flat_map(|it| &it.findings).map(|it| it.verdict);
    let json = Json {
        version: VERSION,
        worst: all.max().unwrap_or(Verdict::Good).word(),
        sections: sections.iter().map(section).collect(),
    };
    serde_json::to_string_pretty(&json).map(|text| text + "\n")
}

fn section<'a>(section: &'a Section) -> JsonSection<'a> {
    let finding = |it: &'a Finding| {
        let Finding { what, verdict, found, set_in, mend } = it;
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
