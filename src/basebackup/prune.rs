//! Retention carried out: what there is, as the planner wants to know it, and the deletions that follow.
//!
//! `gather` asks the stores and `carry_out` deletes; what is decided in between is `super::retention`, without any I/O.

mod carry_out;
mod gather;

pub use carry_out::CarryOut;
pub use gather::{Gathered, condition, gather};
