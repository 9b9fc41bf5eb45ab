//! What a store says against a request: it is told by a push as it is by a fetch, though a push begins with a HEAD,
//! whose answer has no words, and what mends it is said.

use super::Line;
use crate::scene::{SHORT_LIMITS, error, side_by_side};
use crate::support::proxy::{Fault, Rule, Said};
use crate::support::s3::Kind;

const XML: &str = "Content-Type: application/xml\r\n";
const HTML: &str = "Content-Type: text/html\r\n";
const LATER: &str = "The store is in trouble or overloaded; try again later.";

struct Case {
    said: Said,
    /// The exit status of a push.
    status: i32,
    words: &'static str,
    hint: &'static str,
}

const fn case(
    status: u16,
    headers: &'static str,
    body: &'static str,
    exit: i32,
    words: &'static str,
    hint: &'static str,
) -> Case {
    Case { said: Said { status, headers, body }, status: exit, words, hint }
}

const CASES: [Case; 17] = [
    case(
        400,
        XML,
        "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>",
        9,
        "HTTP status 400, ExpiredToken: The provided token has expired",
        "The session token ran out: renew it together with its keys, or use keys that renew themselves (a role, \
         credential_process).",
    ),
    case(
        400,
        XML,
        "<Error><Code>InvalidToken</Code><Message>The provided token is malformed.</Message></Error>",
        9,
        "HTTP status 400, InvalidToken: ",
        "The session token does not belong to these keys: set AWS_SESSION_TOKEN with them, or leave it out where the \
         keys are lasting ones.",
    ),
    case(
        403,
        XML,
        "<Error><Code>RequestTimeTooSkewed</Code><Message>The difference is too large.</Message></Error>",
        9,
        "RequestTimeTooSkewed: The difference is too large",
        "Set this host's clock right, by NTP (timedatectl).",
    ),
    case(
        403,
        XML,
        "<Error><Code>InvalidAccessKeyId</Code><Message>No such key.</Message></Error>",
        9,
        "InvalidAccessKeyId: No such key",
        "The access key or its secret is wrong.",
    ),
    case(
        403,
        XML,
        "<Error><Code>InvalidObjectState</Code><Message>The object is archived.</Message></Error>",
        9,
        "InvalidObjectState: ",
        "The object is in an archive tier: bring it back first (aws s3api restore-object), and keep rules of the bucket \
         from moving it there.",
    ),
    case(
        400,
        XML,
        "<Error><Code>AuthorizationHeaderMalformed</Code><Message>The authorization header is malformed; the region \
         'us-east-1' is wrong; expecting 'eu-central-1'</Message></Error>",
        9,
        "AuthorizationHeaderMalformed: ",
        "Set region = \"eu-central-1\", the bucket's own.",
    ),
    case(
        400,
        XML,
        "<Error><Code>AuthorizationHeaderMalformed</Code><Message>Wrong.</Message><Region>garage</Region></Error>",
        9,
        "AuthorizationHeaderMalformed: Wrong",
        "Set region = \"garage\", the bucket's own.",
    ),
    // Nothing but a header, as to a HEAD.
    case(
        400,
        "x-amz-bucket-region: ap-south-1\r\n",
        "",
        9,
        "HTTP status 400, no error code",
        "Set region = \"ap-south-1\", the bucket's own.",
    ),
    case(
        301,
        "x-amz-bucket-region: eu-west-1\r\n",
        "<Error><Code>PermanentRedirect</Code><Message>Use the endpoint.</Message>\
         <Endpoint>bucket.s3.eu-west-1.amazonaws.com</Endpoint></Error>",
        9,
        "PermanentRedirect: Use the endpoint",
        "Set region = \"eu-west-1\", the bucket's own.",
    ),
    case(
        307,
        XML,
        "<Error><Code>TemporaryRedirect</Code><Message>Please re-send.</Message>\
         <Endpoint>bucket.s3.eu-west-3.amazonaws.com</Endpoint></Error>",
        8,
        "TemporaryRedirect: Please re-send",
        "The bucket is a new one: set region to its own, or endpoint to that of its region (it says \
         bucket.s3.eu-west-3.amazonaws.com); or try again in some hours.",
    ),
    case(
        302,
        "Location: https://portal.example/login?next=x\r\n",
        "",
        9,
        "HTTP status 302, no error code",
        "The store redirects to https://portal.example: is the endpoint right, its scheme too? Is it an S3 server that \
         answers there?",
    ),
    case(
        400,
        HTML,
        "<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>",
        8,
        "HTTP status 400, no error code",
        "The server speaks TLS on that port: the endpoint must begin with https://.",
    ),
    case(
        400,
        "",
        "Client sent an HTTP request to an HTTPS server.\n",
        8,
        "HTTP status 400, no error code",
        "The server speaks TLS on that port: the endpoint must begin with https://.",
    ),
    case(
        507,
        XML,
        "<Error><Code>XMinioStorageFull</Code><Message>Storage backend is full.</Message></Error>",
        9,
        "XMinioStorageFull: ",
        "Make room at the store, or raise its quota.",
    ),
    case(
        400,
        XML,
        "<Error><Code>KMS.NotFoundException</Code><Message>Invalid keyId.</Message></Error>",
        9,
        "KMS.NotFoundException: ",
        "Look at kms_key_id and the rights on that key: kms:GenerateDataKey and kms:Decrypt.",
    ),
    // A 400 that passes.
    case(
        400,
        XML,
        "<Error><Code>RequestTimeout</Code><Message>Your socket was idle.</Message></Error>",
        8,
        "RequestTimeout: ",
        LATER,
    ),
    case(
        405,
        HTML,
        "<h1>Method Not Allowed</h1>",
        8,
        "HTTP status 405, no error code",
        "Is it an S3 server that answers there?",
    ),
];

#[test]
fn each_refusal_is_told_by_push_and_fetch_with_what_mends_it() {
    side_by_side(&CASES, |case| {
        let line = Line::new(Kind::S3sFs);
        line.proxy.add(Rule::new(Fault::Say(case.said)));
        let push = line.scene.has(0).push(0).args(SHORT_LIMITS).run();
        let fetch = line.scene.fetch(0).args(SHORT_LIMITS).run();
        for (outcome, status) in [(&push, case.status), (&fetch, case.status + 200)] {
            outcome.expect(status);
            let text = error(outcome);
            assert!(text.contains(case.words), "{}: {outcome}", case.words);
            assert!(text.ends_with(&format!("HINT: {}", case.hint)), "{}: {outcome}", case.hint);
        }
        // 8 where another try may do better, so those are made.
        if case.status == 9 {
            // Two names at once, and for each of them the words.
            assert!(line.proxy.requests().len() <= 5, "{:?}", line.proxy.requests());
        }
    });
}

/// Both times are in the words: one sees which clock is wrong.
#[test]
fn a_wrong_clock_is_told_by_a_push_too() {
    let line = Line::new(Kind::S3sFs);
    line.proxy.add(Rule::new(Fault::SignedADayAgo));
    let push = line.scene.has(0).push(0).args(SHORT_LIMITS).run();
    push.expect(9);
    assert!(error(&push).contains("RequestTimeTooSkewed"), "{push}");
    assert!(error(&push).contains(" there, ") && error(&push).contains(" here"), "{push}");
}

/// One who may not GET is told what the HEAD said.
#[test]
fn a_refused_head_is_told_even_where_a_get_says_nothing() {
    let line = Line::with_archived_segment(Kind::S3sFs);
    let said = Said { status: 403, headers: "", body: "" };
    line.proxy.add(Rule::new(Fault::Say(said)).method("HEAD"));
    let push = line.scene.has(0).push(0).args(SHORT_LIMITS).run();
    push.expect(9);
    assert!(error(&push).contains("HEAD s3://"), "{push}");
    assert!(error(&push).contains("HTTP status 403, no error code"), "{push}");
}

/// An error document may have any length.
#[test]
fn an_answer_that_does_not_end_is_given_up() {
    let line = Line::with_archived_segment(Kind::S3sFs);
    let body: &'static str = Box::leak("<Error><Code>Long</Code><Message>".repeat(1 << 18).into());
    let said = Said { status: 400, headers: XML, body };
    line.proxy.add(Rule::new(Fault::Say(said)).method("GET"));
    let fetch = line.scene.fetch(0).args(SHORT_LIMITS).start();
    let (fetch, peak) = fetch.finish_with_peak();
    fetch.expect(208);
    assert!(error(&fetch).contains("the answer is longer than 4 MiB"), "{fetch}");
    assert!(peak < 64 << 20, "{peak}");
}
