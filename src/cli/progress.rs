use std::io::IsTerminal;
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use indicatif::{ProgressBar, ProgressStyle};

const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// How far long work has got: a bar on a terminal, else a log line every few seconds.
pub struct Progress {
    bar: Option<ProgressBar>,
    what: &'static str,
    said: Instant,
    begun: Instant,
}

impl Progress {
    /// `what` it is, such as `base backup`.
    pub fn new(what: &'static str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let template = "{msg} [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
            let style = ProgressStyle::with_template(template);
            let bar = ProgressBar::new(0).with_message(what);
            bar.set_style(
                style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "),
            );
            bar
        });
        Self { bar, what, said: Instant::now(), begun: Instant::now() }
    }

    /// So many bytes are done, of so many as far as is known.
    pub fn at(&mut self, done: u64, of: Option<u64>) {
        if let Some(bar) = &self.bar {
            // An estimate may turn out too low.
            bar.set_length(of.unwrap_or(done).max(done));
            bar.set_position(done);
        } else if self.said.elapsed() >= BETWEEN_LINES {
            self.said = Instant::now();
            self.say(done, of);
        }
    }

    fn say(&self, done: u64, of: Option<u64>) {
        let seconds = self.begun.elapsed().as_secs_f64();
        let rate = (done as f64 / seconds) as u64;
        let left = of.filter(|_| rate > 0).map(|of| of.saturating_sub(done) / rate);
        tracing::info!(
            done = %ByteSize(done),
            of = of.map(|of| ByteSize(of).to_string()),
            a_second = %ByteSize(rate),
            seconds_left = left,
            "{} under way",
            self.what
        );
    }
}

/// The bar goes; what became of the work is said elsewhere.
impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
