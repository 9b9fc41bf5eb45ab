//! Why there is no connection over which to speak: in which class that is, in which words, and what mends it. And how
//! one finds the cause that says most in an error of a library.

use std::fmt;

use rustls::InvalidMessage;

use crate::error::{Class, Error, NAMES, is_of_a_name};
use crate::tls;

/// Why there is no connection over which to speak. It is the whole story: no cause hides behind it.
#[derive(Debug, Clone)]
pub(crate) enum NotConnected {
    TimedOut {
        through: String,
    },
    /// No such name, nobody listens, no way there.
    Unreached {
        reason: String,
        through: String,
    },
    /// The handshake failed by rules of TLS.
    Handshake {
        error: rustls::Error,
        through: String,
    },
    /// It broke off in the middle.
    HandshakeBroken {
        reason: String,
        through: String,
    },
    /// Something of our own is wanting: certificates, a thread.
    NotSetUp {
        reason: Error,
    },
    /// The proxy does not connect us.
    Proxy {
        proxy: String,
        status: u16,
        answer: String,
    },
    /// The proxy is none.
    NotProxy {
        proxy: String,
        reason: String,
    },
    /// What answers there speaks something else.
    NotHttp {
        reason: String,
    },
}

impl NotConnected {
    /// Whether another try may do better.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::TimedOut { .. } | Self::Unreached { .. } | Self::HandshakeBroken { .. } => true,
            Self::Proxy { status, .. } => *status >= 500 || *status == 429,
            Self::NotProxy { .. } => true,
            Self::Handshake { .. } | Self::NotSetUp { .. } | Self::NotHttp { .. } => false,
        }
    }

    pub(crate) fn class(&self) -> Class {
        match self {
            Self::NotSetUp { reason } => reason.class(),
            Self::Proxy { status: 401 | 403 | 407, .. } => Class::Refused,
            _ => Class::Unreachable,
        }
    }

    /// What mends it.
    pub(crate) fn mend(&self) -> String {
        match self {
            Self::Unreached { reason, .. } if is_of_a_name(reason) => NAMES.to_owned(),
            Self::TimedOut { .. } | Self::Unreached { .. } => {
                "Is the endpoint right, the store running and the network up?".to_owned()
            }
            Self::Handshake {
                error: rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType),
                ..
            } => {
                "The server does not speak TLS on that port: should the endpoint begin with http://?".to_owned()
            }
            Self::Handshake { error, .. } => tls::mend(error, "ca_file", "the endpoint"),
            Self::HandshakeBroken { .. } => {
                "Is it a store with TLS that listens there? An endpoint may begin with http:// too.".to_owned()
            }
            Self::NotSetUp { .. } => String::new(),
            Self::Proxy { status: 407, .. } => {
                "The proxy asks for a user and a password: http://USER:PASSWORD@HOST:PORT in its variable.".to_owned()
            }
            Self::Proxy { status, .. } if *status >= 500 => {
                "The proxy can't reach the store: is the endpoint right? NO_PROXY names hosts that are reached \
                 without it."
                    .to_owned()
            }
            Self::Proxy { .. } => {
                "Let the proxy connect to the store, or name the store's host in NO_PROXY to go without it.".to_owned()
            }
            Self::NotProxy { .. } => {
                "Is it an HTTP proxy that the variable names? NO_PROXY names hosts that are reached without it."
                    .to_owned()
            }
            Self::NotHttp { .. } => {
                "The server does not speak HTTP on that port: should the endpoint begin with https://?".to_owned()
            }
        }
    }
}

impl fmt::Display for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut { through } => {
                write!(f, "no connection within the time limit{through}")
            }
            Self::Unreached { reason, through } => write!(f, "{reason}{through}"),
            Self::Handshake { error, through } => write!(f, "{error}{through}"),
            Self::HandshakeBroken { reason, through } => {
                write!(f, "the TLS handshake broke off: {reason}{through}")
            }
            Self::NotSetUp { reason } => reason.fmt(f),
            Self::Proxy { proxy, answer, .. } => {
                write!(f, "the proxy {proxy} does not connect: {answer}")
            }
            Self::NotProxy { proxy, reason } => {
                write!(f, "expected an answer of a proxy from {proxy}, found {reason}")
            }
            Self::NotHttp { reason } => {
                write!(f, "expected an answer in HTTP, found other bytes ({reason})")
            }
        }
    }
}

impl std::error::Error for NotConnected {}

/// The first error of this kind among an error and its causes. An `io::Error` hides the one that it was made of.
pub(crate) fn find<'a, E: std::error::Error + 'static>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a E> {
    causes(error).find_map(|error| error.downcast_ref())
}

/// An error and its causes, the deepest one last.
pub(crate) fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |&error| match error.downcast_ref::<std::io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static)),
        None => error.source(),
    })
}

/// The deepest cause says most: `Connection refused` rather than `dispatch failure`.
pub(crate) fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}
