//! One page for people who do not know PostgreSQL: what can be restored, to when, how fast, how large it is,
//! and what to do next. The facts are gathered, then drawn and told; nothing is fetched when it is read. Whether that is good is judged by `check`.
//! `docs/report.md` says what each picture means.

mod drawing;
mod facts;
mod page;
mod words;
mod zone;

pub use facts::Facts;
pub use page::html;
pub use zone::Zone;
