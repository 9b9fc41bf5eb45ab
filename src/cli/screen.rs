//! What the standard output is written onto: how wide it is, and whether it shows colours.

use std::io::IsTerminal;

use rustix::termios::tcgetwinsize;

use super::text::Paper;

/// As `COLUMNS` has it, or else the terminal. `None` where neither says.
pub fn width() -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let asked = || tcgetwinsize(std::io::stdout()).ok().map(|size| usize::from(size.ws_col));
    said.or_else(asked).filter(|columns| *columns > 0)
}

/// Whether somebody reads along.
pub fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Colours are for a terminal, and for those who want them (<https://no-color.org>).
pub fn colour() -> bool {
    is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty())
}

pub fn paper() -> Paper {
    Paper { width: width(), colour: colour() }
}
