//! Retention carried out: what there is, as the planner wants to know it, and the deletions that follow.

mod carry_out;
mod gather;

pub use carry_out::CarryOut;
pub use gather::{Gathered, condition, gather};
