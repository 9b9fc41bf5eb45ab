//! `seawall notify`: whether people would hear of trouble.

use super::shown::{Shown, plain};
use crate::config::Config;
use crate::error::Result;
use crate::notify::try_out;

pub fn run(config: &Config) -> Result<Shown> {
    let (mut text, mut errors) = (String::new(), Vec::new());
    for (way, error) in try_out(config)? {
        let word = if error.is_none() { "told" } else { "NOT told" };
        text += &format!("{word} {}\n", plain(&way));
        errors.extend(error);
    }
    Ok(Shown { text, errors })
}
