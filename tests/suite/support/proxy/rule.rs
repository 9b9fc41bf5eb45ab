//! What goes wrong, for which requests, and how often.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::lie::Lie;
use crate::support::http::Head;

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// It waits for this long, and then goes on as the other rules have it.
    Delay(Duration),
    /// The proxy answers this status with an S3 error document; the server sees nothing.
    Answer(u16),
    /// The same with an answer of one's own.
    Say(Said),
    /// It is read, and never answered; the server sees nothing.
    Hang,
    /// Both connections are reset after this many bytes of the request's body.
    CutRequestAfter(u64),
    /// The server gets and answers the whole request; the client gets a reset instead.
    CutBeforeAnswer,
    /// The connection is reset after this many bytes of the answer, head included.
    CutAnswerAfter(u64),
    /// The head promises the whole body; the connection is closed in order after this many bytes.
    TruncateBodyAfter(u64),
    /// After this many bytes of the answer's body nothing more comes, and nothing is closed.
    StallBodyAfter(u64),
    /// The answer's body comes byte by byte, a few hundred in a second.
    DribbleBody,
    /// The byte at this place of the answer's body is inverted.
    FlipByte(u64),
    /// It reaches the server as if it had been signed a day before.
    SignedADayAgo,
    /// The proxy says that it stored what was put; the server sees nothing.
    KeepNothing,
    /// The `ETag` in the answer is another one.
    OtherETag,
    /// The head of the answer promises this many bytes of the body and no more.
    PromiseLess(u64),
    /// A listing is answered as the lie has it; the server must answer unsigned requests.
    Lie(Lie),
}

/// An answer in the server's place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Said {
    pub status: u16,
    /// Lines, each with its end.
    pub headers: &'static str,
    pub body: &'static str,
}

/// A fault and the requests it is for: all, unless narrowed.
#[derive(Clone, Debug)]
pub struct Rule {
    fault: Fault,
    method: Option<String>,
    path: String,
    header: Option<String>,
    left: Option<u32>,
}

impl Rule {
    pub fn new(fault: Fault) -> Rule {
        Rule { fault, method: None, path: String::new(), header: None, left: None }
    }

    /// Only requests with this method.
    pub fn method(mut self, method: &str) -> Rule {
        self.method = Some(method.to_owned());
        self
    }

    /// Only requests with this text in their path or query.
    pub fn path(mut self, path: &str) -> Rule {
        path.clone_into(&mut self.path);
        self
    }

    /// Only requests with a header of this name, in lower case.
    pub fn header(mut self, name: &str) -> Rule {
        self.header = Some(name.to_owned());
        self
    }

    /// Only the first requests that match.
    pub fn times(mut self, times: u32) -> Rule {
        self.left = Some(times);
        self
    }

    /// Whether it is for this request; if so, one time is used up.
    fn take(&mut self, request: &Head) -> bool {
        let matches = self.method.as_deref().is_none_or(|wanted| wanted == request.word(0))
            && request.word(1).contains(&self.path)
            && self.header.as_deref().is_none_or(|name| request.header(name).is_some())
            && self.left != Some(0);
        if matches && let Some(left) = &mut self.left {
            *left -= 1;
        }
        matches
    }
}

/// The rules of a proxy, in the order they were added.
#[derive(Default)]
pub(super) struct Rules {
    rules: Mutex<Vec<Rule>>,
    cleared: AtomicU64,
}

impl Rules {
    pub fn add(&self, rule: Rule) {
        self.rules.lock().expect("no panic under the lock").push(rule);
    }

    pub fn clear(&self) {
        self.rules.lock().expect("no panic under the lock").clear();
        self.cleared.fetch_add(1, Ordering::Relaxed);
    }

    /// How often the rules were cleared: a hanging request waits for this to change.
    pub fn cleared(&self) -> u64 {
        self.cleared.load(Ordering::Relaxed)
    }

    /// How long to delay a request, and the first other fault for it.
    pub fn verdict(&self, request: &Head) -> (Duration, Option<Fault>) {
        let mut delay = Duration::ZERO;
        for rule in self.rules.lock().expect("no panic under the lock").iter_mut() {
            if !rule.take(request) {
                continue;
            }
            match rule.fault {
                Fault::Delay(more) => delay += more,
                fault => return (delay, Some(fault)),
            }
        }
        (delay, None)
    }
}
