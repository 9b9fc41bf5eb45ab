//! The sign of the page's tab: a wave in the colour of the worst state, legible on light and on dark. The sign is a
//! `data:` address, because the page loads nothing.

use crate::check::CheckState;

/// The address of the sign for this state.
pub fn icon(state: CheckState) -> String {
    let colour = match state {
        CheckState::Ok => "0b7a99",
        CheckState::Unknown => "75808a",
        CheckState::Warning => "b97d10",
        CheckState::Critical => "c93c26",
    };
    format!(
        "data:image/svg+xml,%3Csvg xmlns='http:%2F%2Fwww.w3.org%2F2000%2Fsvg' viewBox='0 0 16 16'%3E\
         %3Crect width='16' height='16' rx='3' fill='%23{colour}'/%3E\
         %3Cpath d='M2 10.5c2 0 2-5 4-5s2 5 4 5 2-5 4-5' fill='none' stroke='%23fff' stroke-width='2' stroke-linecap='round'/%3E\
         %3C/svg%3E"
    )
}
