//! Shows how far long work has got: a bar on a terminal, else a log line every few seconds. The bar is drawn on
//! standard error, because standard output is for the result.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use indicatif::{ProgressBar, ProgressStyle};

use crate::threads::lock;

const BETWEEN_LINES: Duration = Duration::from_secs(5);

const TOTAL_KNOWN: &str = "{msg} [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
const TOTAL_UNKNOWN: &str = "{msg} {spinner} {bytes}, {bytes_per_sec}";

/// The progress of work that tells of itself from one thread.
pub struct SingleBar {
    bar: Option<ProgressBar>,
    /// Whether the bar has a length.
    total_known: bool,
    what: &'static str,
    said: Instant,
    begun: Instant,
}

impl SingleBar {
    /// `what` it is, such as `base backup`.
    pub fn new(what: &'static str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0).with_message(what);
            bar.set_style(style(TOTAL_UNKNOWN));
            bar
        });
        Self { bar, total_known: false, what, said: Instant::now(), begun: Instant::now() }
    }

    /// So many bytes are done, of so many as far as is known.
    pub fn at(&mut self, done: u64, of: Option<u64>) {
        self.show(done, of, || None);
    }

    /// So many files and folders are done, with so many bytes; of how many, as far as is known.
    fn at_files(&mut self, (entries, size): (u64, u64), of: Option<(u64, u64)>) {
        let files = || Some(files(entries, of.map(|(entries, _)| entries)));
        self.show(size, of.map(|(_, size)| size), files);
    }

    fn show(&mut self, done: u64, of: Option<u64>, files: impl Fn() -> Option<String>) {
        if let Some(bar) = &self.bar {
            if self.total_known != of.is_some() {
                self.total_known = of.is_some();
                bar.set_style(style(if self.total_known { TOTAL_KNOWN } else { TOTAL_UNKNOWN }));
            }
            if let Some(files) = files() {
                bar.set_message(format!("{}: {files}", self.what));
            }
            // An estimate may turn out too low.
            bar.set_length(of.unwrap_or(done).max(done));
            bar.set_position(done);
        } else if self.said.elapsed() >= BETWEEN_LINES {
            self.said = Instant::now();
            self.say(done, of, files());
        }
    }

    fn say(&self, done: u64, of: Option<u64>, files: Option<String>) {
        let seconds = self.begun.elapsed().as_secs_f64();
        let rate = (done as f64 / seconds) as u64;
        let left = of.filter(|_| rate > 0).map(|of| of.saturating_sub(done) / rate);
        tracing::info!(
            files,
            done = %ByteSize(done),
            of = of.map(|of| ByteSize(of).to_string()),
            a_second = %ByteSize(rate),
            seconds_left = left,
            "{} under way",
            self.what
        );
    }
}

/// The same for work in several threads: it is shown from the moment on when one of them says how far it is.
pub struct SharedBar {
    what: &'static str,
    bar: Mutex<Option<SingleBar>>,
}

impl SharedBar {
    pub fn new(what: &'static str) -> Self {
        Self { what, bar: Mutex::default() }
    }

    /// So many bytes are done, of so many.
    pub fn at(&self, done: u64, of: u64) {
        self.tell(|bar| bar.at(done, Some(of)));
    }

    /// So many files and folders are done, with so many bytes; of how many, as far as is known.
    pub fn at_files(&self, done: (u64, u64), of: Option<(u64, u64)>) {
        self.tell(|bar| bar.at_files(done, of));
    }

    fn tell(&self, say: impl FnOnce(&mut SingleBar)) {
        let mut bar = lock(&self.bar);
        say(bar.get_or_insert_with(|| SingleBar::new(self.what)));
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

/// Folders count as well.
fn files(done: u64, of: Option<u64>) -> String {
    match of {
        Some(of) => format!("{done} of {} files and folders", of.max(done)),
        None => format!("{done} files and folders"),
    }
}

/// The bar goes; what became of the work is said elsewhere.
impl Drop for SingleBar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_is_said_where_it_is_known() {
        assert_eq!(files(7, None), "7 files and folders");
        assert_eq!(files(7, Some(9)), "7 of 9 files and folders");
        assert_eq!(files(10, Some(9)), "10 of 10 files and folders");
    }
}
