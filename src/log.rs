//! Where events go: one line each on standard error, as text or JSON, or journald with its fields.

use std::os::linux::fs::MetadataExt;

use tracing::Level;
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogConfig, LogFormat};

/// Starts logging. Only the first call in a process has an effect.
pub(crate) fn start(config: &LogConfig) {
    let level = match config.level.as_str() {
        "error" => Level::ERROR,
        "warn" => Level::WARN,
        "debug" => Level::DEBUG,
        _ => Level::INFO,
    };
    // The SDK's own events are for its makers.
    let ours = tracing_subscriber::filter::filter_fn(|event| event.target().starts_with("seawall"));
    let journald = match config.format {
        LogFormat::Journald => true,
        LogFormat::Auto => stderr_is_the_journal(),
        LogFormat::Text | LogFormat::Json => false,
    };
    let registry = tracing_subscriber::registry().with(LevelFilter::from_level(level));
    if journald && let Ok(layer) = tracing_journald::layer() {
        let layer = layer.with_priority_mappings(priorities());
        let _ = registry.with(layer.with_filter(ours)).try_init();
    } else if config.format == LogFormat::Json {
        let layer = tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr);
        let _ = registry.with(layer.with_filter(ours)).try_init();
    } else {
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_target(false);
        let _ = registry.with(layer.with_writer(std::io::stderr).with_filter(ours)).try_init();
    }
}

/// The journal's priorities of the same names; `tracing-journald` would make each less important one
/// step more so.
fn priorities() -> PriorityMappings {
    PriorityMappings {
        info: Priority::Informational,
        debug: Priority::Debug,
        ..PriorityMappings::new()
    }
}

/// systemd says in `JOURNAL_STREAM` which device and inode lead to the journal (systemd.exec(5)); a
/// process below a service may have had its standard error redirected since.
fn stderr_is_the_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let Ok(here) = std::fs::metadata("/proc/self/fd/2") else { return false };
    stream == format!("{}:{}", here.st_dev(), here.st_ino())
}
