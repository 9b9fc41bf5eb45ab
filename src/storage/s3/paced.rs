//! The body of a request under the bandwidth limit of the process: the HTTP client gets it in short pieces, each when its
//! turn has come. A signed body in one piece is cut like any other, as its bytes stay what they were.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aws_smithy_types::body::{Error, SdkBody};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::storage::bandwidth::{Bandwidth, shared};

/// The body of a request whose pieces wait for their turn before the HTTP client gets them. Its length stays as it was.
pub(super) fn paced(body: SdkBody) -> SdkBody {
    match shared() {
        None => body,
        Some(limit) => {
            let paced = PacedBody { body, waiting: Bytes::new(), turn: None, limit };
            SdkBody::from_body_1_x(paced)
        }
    }
}

struct PacedBody {
    body: SdkBody,
    /// What the body has given already.
    waiting: Bytes,
    turn: Option<Pin<Box<Sleep>>>,
    limit: &'static Bandwidth,
}

impl PacedBody {
    fn next_piece(&self) -> usize {
        self.waiting.len().min(self.limit.piece())
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        while self.waiting.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.waiting = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                other => return Poll::Ready(other),
            }
        }
        let length = self.next_piece();
        let limit = self.limit;
        let turn = self.turn.get_or_insert_with(|| Box::pin(sleep(limit.reserve(length))));
        ready!(turn.as_mut().poll(context));
        self.turn = None;
        Poll::Ready(Some(Ok(Frame::data(self.waiting.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.waiting.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.waiting.len() as u64;
        let of_body = self.body.size_hint();
        let mut all = SizeHint::new();
        all.set_lower(of_body.lower() + left);
        if let Some(upper) = of_body.upper() {
            all.set_upper(upper + left);
        }
        all
    }
}
