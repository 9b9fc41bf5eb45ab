//! One page for people who do not know PostgreSQL: what can be restored, to when, how fast, how large it is, and what
//! to do next. `docs/report.md` says what each picture means.
//!
//! `facts` gathers what the page tells, `drawing` makes pictures of the facts, and `page` tells them in HTML; `words`
//! and `zone` write numbers and times. Reading the page fetches nothing. Whether all is good is judged by `check`.

mod drawing;
mod facts;
mod page;
mod words;
mod zone;

pub use facts::ClusterFacts;
pub use page::html;
pub use zone::PageZone;
