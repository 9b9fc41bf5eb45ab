use std::io::{BufRead, IsTerminal};

use super::guard;
use crate::error::{Class, Error, Result};

/// On a terminal; elsewhere nobody could answer.
pub fn asked() -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(Error::new(Class::Usage, "nobody is there to be asked").hint("Add --yes."));
    }
    guard::print("Go on? [y/N] ");
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    Ok(read.is_ok() && matches!(answer.trim(), "y" | "yes"))
}
