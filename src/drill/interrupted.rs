use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level::emulate_default_handler;

use crate::error::{Class, Error, Result};
use crate::threads;

/// From now on a signal that ends the process first has this done.
pub(super) fn before_signals_end_it(clean_up: impl Fn() + Send + 'static) -> Result<Handle> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(|error| {
        Error::new(Class::Internal, format!("could not wait for signals: {error}"))
    })?;
    let handle = signals.handle();
    threads::start("signals", move || {
        for signal in signals.forever() {
            clean_up();
            // Whoever waits for the process sees what it ended of.
            let _ = emulate_default_handler(signal);
        }
    })?;
    Ok(handle)
}
