//! The longest answer that is taken into memory. All but the content of an object is read whole before anybody
//! looks at it: without a limit, a store that does not stop would take all memory of the host.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextMut;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use bytes::{Buf as _, Bytes};
use http_body::{Body, Frame, SizeHint};

/// A page of a listing has at most 1,000 keys of at most 1,024 bytes, with some 300 bytes about each.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// Cuts off what is longer than [`ANSWER_BYTES_MAX`]; the request fails then.
#[derive(Debug)]
pub(super) struct AnswerLimit;

impl Intercept for AnswerLimit {
    fn name(&self) -> &'static str {
        "answer limit"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response_mut();
        let operation = settings.load::<Metadata>().map(Metadata::name);
        // The content of an object is handed on piece by piece.
        if operation == Some("GetObject") && answer.status().is_success() {
            return Ok(());
        }
        let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
        *answer.body_mut() = SdkBody::from_body_1_x(Limited { body, left: ANSWER_BYTES_MAX });
        Ok(())
    }
}

/// What became of an answer that was cut off.
#[derive(Debug, PartialEq)]
pub(super) struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the answer is longer than {} MiB", ANSWER_BYTES_MAX >> 20)
    }
}

impl Error for TooLong {}

struct Limited {
    body: SdkBody,
    left: u64,
}

impl Body for Limited {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let length = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, |data| data.remaining() as u64),
            _ => 0,
        };
        match self.left.checked_sub(length) {
            Some(left) => self.left = left,
            None => return Poll::Ready(Some(Err(TooLong.into()))),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
