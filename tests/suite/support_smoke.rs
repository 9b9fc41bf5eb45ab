//! The harness itself, tried out: what these tests rely on must hold before anything else is believed.

mod place;
mod postgres;
mod proxy;
mod run;
mod s3;
mod wal;
