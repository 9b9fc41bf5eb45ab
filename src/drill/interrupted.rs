use std::sync::Weak;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level::emulate_default_handler;

use super::scratch::Inner;
use crate::error::{Class, Error, Result};

/// From now on a signal that ends the process first has the folder and its server removed.
pub(super) fn clean_up_on_signals(inner: Weak<Inner>) -> Result<Handle> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(|error| {
        Error::new(Class::Internal, format!("could not wait for signals: {error}"))
    })?;
    let handle = signals.handle();
    std::thread::spawn(move || {
        for signal in signals.forever() {
            if let Some(inner) = inner.upgrade() {
                tracing::warn!(
                    "interrupted: the folder of the drill is removed, nothing is recorded"
                );
                inner.abandon();
            }
            // Whoever waits for the process sees what it ended of.
            let _ = emulate_default_handler(signal);
        }
    });
    Ok(handle)
}
