//! Seawall keeps a PostgreSQL server, its Redis and its media files recoverable.

pub mod codec;
pub mod config;
pub mod durable;
pub mod error;
pub mod exit_status;
pub mod failpoint;
pub mod postgres;
pub mod storage;
