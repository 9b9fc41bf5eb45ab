//! The commands that restore this cluster, ready to be typed. They name the configuration or the repositories that the
//! page was made from, and leave out what is the default; a word that a shell would change is quoted.

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::time;
use crate::config::DEFAULT_FILE;
use crate::report::facts::{ClusterFacts, SeriesFacts};
use crate::report::words::plain;
use crate::words::shell_word;

/// What to type when it has come to that.
pub(super) fn restore_commands(facts: &ClusterFacts) -> Markup {
    let watched = |kind: &str| {
        let ours = facts.series.iter().filter(move |it| it.watched && it.newest().is_some());
        ours.filter(|it| it.kind == kind).collect::<Vec<&SeriesFacts>>()
    };
    let (redis, media) = (watched("Redis"), watched("Media files"));
    let window = facts.system().and_then(|system| system.window());
    if facts.systems.is_empty() && redis.is_empty() && media.is_empty() {
        return html! {};
    }
    let options = options(facts);
    html! {
        section {
            h2 { "What to type for a restore" }
            p {
                "Each line shows its plan, and asks before it touches anything. "
                "Words in capitals are yours to fill in" (key_note(facts)) "."
            }
            @if !facts.systems.is_empty() {
                h3 { "PostgreSQL, as the user postgres" }
                (line(format!("basebackup restore{options} DATA_DIRECTORY")))
                @if let Some(window) = window {
                    p class="note" {
                        "That is the newest moment. Any other since " (time(facts, window.from)) " takes one option more, such as:"
                    }
                    (line(format!("basebackup restore{options} --target-time '{}' DATA_DIRECTORY", middle(window.from, window.to, facts))))
                }
            }
            @for _ in redis.iter().take(1) {
                h3 { "Redis, while it is stopped" }
                (line(format!("redis-backup restore{options} --conf REDIS_CONF")))
            }
            @if !media.is_empty() {
                h3 { "Media files" }
                @for set in media { (line(format!("media-backup restore{options} --set {} --to FOLDER", set.name))) }
            }
        }
    }
}

/// A line ends between two words, and within one only where that is wider than the page.
fn line(text: String) -> Markup {
    let text = plain(&text);
    let words = text.split(' ').enumerate();
    html! { pre { code { @for (at, word) in words { @if at > 0 { " " } span { (word) } } } } }
}

fn needs_key(facts: &ClusterFacts) -> bool {
    !facts.has_identity && facts.places.iter().any(|place| place.encrypts)
}

fn key_note(facts: &ClusterFacts) -> &'static str {
    if needs_key(facts) { "; KEY is the file with the private key" } else { "" }
}

/// What leads to these repositories, and nothing that is so by itself.
fn options(facts: &ClusterFacts) -> String {
    let mut options = String::new();
    match &facts.file {
        Some(file) if file.as_os_str() == DEFAULT_FILE => {}
        Some(file) => options += &format!(" --config {}", shell_word(&file.to_string_lossy())),
        None => {
            for place in &facts.places {
                options += &format!(" --repository {}", shell_word(&place.place));
            }
            if facts.cluster != "main" {
                options += &format!(" --cluster {}", shell_word(&facts.cluster));
            }
        }
    }
    if needs_key(facts) {
        options += " --encryption-identity-file KEY";
    }
    options
}

/// A moment that can be restored, for an example.
fn middle(from: Timestamp, to: Timestamp, facts: &ClusterFacts) -> String {
    let half = SignedDuration::from_secs((to.as_second() - from.as_second()) / 2);
    let at = from.checked_add(half).unwrap_or(from);
    facts.zone.local(at).strftime("%Y-%m-%d %H:%M:%S%:z").to_string()
}
