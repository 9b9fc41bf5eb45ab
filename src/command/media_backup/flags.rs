//! The flags of `verify`, whose steps are in the file of that name beside this one.

pub mod verify;
