//! Listings that are not true. The objects are those of the server; pages, order and end are as the lie has
//! them. The server has to answer unsigned requests.

use std::io::{self, Write};
use std::net::SocketAddr;

use crate::support::http::request;
use crate::support::s3::{NOT_SIGNED, unescape};

/// How a store lists. The first ones are odd and yet true: whoever reads them to their end knows all keys.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lie {
    /// Three keys a page, else as S3 does.
    ShortPages,
    /// And where the listing is to begin is passed over.
    IgnoresStartAfter,
    /// And every other page has no key.
    EmptyPagesBetween,
    /// And the last page names another one.
    TokenOnTheLastPage,
    /// And the last page has an empty token.
    EmptyTokenAtTheEnd,

    /// The first page says that there is more, and not how to get it.
    CutOff,
    /// The first page is empty, and says so too.
    CutOffAtOnce,
    /// As stores did before there were tokens, `NextMarker` included.
    FirstVersion,
    /// The first page, over and over; its token is always the same.
    SamePage,
    /// The first page, over and over; its token is always another one.
    SamePageOtherToken,
    /// Pages without a key, with a token each.
    EmptyPages,
    /// Pages with one key each, which never ends.
    KeysWithoutEnd,
    /// One page, which never ends.
    PageWithoutEnd,
    /// The last key of a page first.
    Backwards,
    /// Pages in order, but the last one first.
    LastPageFirst,
    /// Each page begins with the last key of the one before.
    Repeated,
    /// A key that does not begin with the prefix.
    Foreign,
}

const PAGE_KEYS: usize = 3;

/// A lie stops being told here, so that a client that believes it does not fill the machine.
const PAGE_BYTES_MAX: usize = 512 << 20;

/// Answers a listing; how many bytes the client took of it.
pub fn answer(to: &mut impl Write, server: SocketAddr, path: &str, lie: Lie) -> io::Result<usize> {
    let asked = Asked::read(path);
    if path.contains("?uploads") {
        return answer_whole(to, &uploads(&asked, lie));
    }
    if lie == Lie::PageWithoutEnd {
        return answer_without_end(to, &asked);
    }
    // Whoever asks for these asks often.
    let made_up = matches!(lie, Lie::EmptyPages | Lie::KeysWithoutEnd);
    let objects = if made_up { Vec::new() } else { objects(server, path, &asked.prefix)? };
    let page = page(&asked, objects, lie);
    answer_whole(to, &page.document())
}

fn answer_whole(to: &mut impl Write, body: &str) -> io::Result<usize> {
    write!(to, "{HEAD}Content-Length: {}\r\n\r\n{body}", body.len())?;
    to.flush()?;
    Ok(body.len())
}

/// A listing of uploads, of which there are none.
fn uploads(asked: &Asked, lie: Lie) -> String {
    let marker = asked.key_marker.as_deref().and_then(|marker| marker.parse::<u32>().ok());
    let next = match lie {
        Lie::SamePage => "<NextKeyMarker>same</NextKeyMarker>".to_owned(),
        Lie::EmptyPages => {
            format!("<NextKeyMarker>{}</NextKeyMarker>", marker.map_or(0, |number| number + 1))
        }
        _ => String::new(),
    };
    format!(
        "<ListMultipartUploadsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <IsTruncated>true</IsTruncated>{next}</ListMultipartUploadsResult>"
    )
}

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n";
const BEGIN: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
                     <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";

/// What a client asks for.
struct Asked {
    prefix: String,
    start_after: String,
    token: Option<String>,
    key_marker: Option<String>,
}

impl Asked {
    fn read(path: &str) -> Asked {
        let query = path.split_once('?').map_or("", |(_, query)| query);
        let find = |name: &str| {
            let pair = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            pair.map(decode)
        };
        Asked {
            prefix: find("prefix").unwrap_or_default(),
            start_after: find("start-after").unwrap_or_default(),
            token: find("continuation-token"),
            key_marker: find("key-marker"),
        }
    }
}

/// One object: its key, and what the server says of it.
struct Object {
    key: String,
    element: String,
}

impl Object {
    fn made_up(key: &str) -> Object {
        let element = format!(
            "<Contents><Key>{key}</Key><LastModified>2020-01-01T00:00:00.000Z</LastModified>\
             <Size>1</Size></Contents>"
        );
        Object { key: key.to_owned(), element }
    }
}

/// All objects below a prefix, in order.
fn objects(server: SocketAddr, path: &str, prefix: &str) -> io::Result<Vec<Object>> {
    let bucket = path.split('?').next().unwrap_or_default();
    let mut all: Vec<Object> = Vec::new();
    loop {
        let after = encode(all.last().map_or("", |object| &object.key));
        let path = format!("{bucket}?list-type=2&prefix={}&start-after={after}", encode(prefix));
        let headers = [("Authorization".to_owned(), NOT_SIGNED.to_owned())];
        let answer = request(server, "GET", &path, &headers, b"")?;
        let text = String::from_utf8(answer.body).map_err(io::Error::other)?;
        let elements = text.split("<Contents>").skip(1).filter_map(|rest| {
            let (element, _) = rest.split_once("</Contents>")?;
            let (_, key) = element.split_once("<Key>")?;
            let (key, _) = key.split_once("</Key>")?;
            Some(Object { key: unescape(key), element: format!("<Contents>{element}</Contents>") })
        });
        all.extend(elements);
        if !text.contains("<IsTruncated>true") {
            return Ok(all);
        }
    }
}

struct Page {
    objects: Vec<Object>,
    truncated: bool,
    /// Elements that say how to go on.
    next: String,
}

impl Page {
    fn document(&self) -> String {
        let objects: String = self.objects.iter().map(|object| object.element.as_str()).collect();
        let (truncated, next) = (self.truncated, &self.next);
        format!("{BEGIN}<IsTruncated>{truncated}</IsTruncated>{next}{objects}</ListBucketResult>")
    }
}

fn token(token: impl std::fmt::Display) -> String {
    format!("<NextContinuationToken>{token}</NextContinuationToken>")
}

/// A token is the number of keys before its page, and how often it was asked for.
fn page(asked: &Asked, mut all: Vec<Object>, lie: Lie) -> Page {
    let skipped = all.iter().take_while(|object| object.key <= asked.start_after).count();
    let (place, count) = asked.token.as_deref().and_then(|token| token.split_once('-')).unzip();
    let place: Option<usize> = place.and_then(|place| place.parse().ok());
    let count: usize = count.and_then(|count: &str| count.parse().ok()).unwrap_or(0);
    let first = match (place, lie) {
        (Some(place), _) => place,
        (None, Lie::IgnoresStartAfter | Lie::FirstVersion) => 0,
        (None, _) => skipped,
    };
    if lie == Lie::LastPageFirst && all.len() > skipped + PAGE_KEYS {
        let middle = all.len() - PAGE_KEYS;
        all[skipped..].rotate_left(middle - skipped);
    }
    let total = all.len();
    let mut objects: Vec<Object> = all.into_iter().skip(first).take(PAGE_KEYS).collect();
    let behind = first + objects.len();
    let mut page = Page { truncated: behind < total, next: String::new(), objects: Vec::new() };
    if page.truncated {
        page.next = token(format!("{behind}-0"));
    }
    match lie {
        Lie::ShortPages | Lie::IgnoresStartAfter | Lie::LastPageFirst => {}
        Lie::EmptyPagesBetween if count == 0 => {
            objects.clear();
            (page.truncated, page.next) = (true, token(format!("{first}-1")));
        }
        Lie::EmptyPagesBetween => {}
        Lie::TokenOnTheLastPage if !page.truncated => page.next = token("0-0"),
        Lie::EmptyTokenAtTheEnd if !page.truncated => page.next = token(""),
        Lie::TokenOnTheLastPage | Lie::EmptyTokenAtTheEnd => {}
        Lie::CutOff => page.next.clear(),
        Lie::CutOffAtOnce => {
            objects.clear();
            (page.truncated, page.next) = (true, String::new());
        }
        Lie::FirstVersion => {
            let last = objects.last().map_or("", |object| &object.key);
            page.next = format!("<Marker></Marker><NextMarker>{last}</NextMarker>");
        }
        Lie::SamePage => (page.truncated, page.next) = (true, token(format!("{skipped}-0"))),
        Lie::SamePageOtherToken => {
            let first = place.unwrap_or(skipped);
            (page.truncated, page.next) = (true, token(format!("{first}-{}", count + 1)));
        }
        Lie::EmptyPages => {
            objects.clear();
            (page.truncated, page.next) = (true, token(format!("0-{}", count + 1)));
        }
        Lie::KeysWithoutEnd => {
            // `~` is greater than what any key goes on with.
            objects = vec![Object::made_up(&format!("{}~{count:08}", asked.prefix))];
            (page.truncated, page.next) = (true, token(format!("0-{}", count + 1)));
        }
        Lie::Backwards => objects.reverse(),
        Lie::Repeated if page.truncated => page.next = token(format!("{}-0", behind - 1)),
        Lie::Repeated => {}
        Lie::Foreign => objects.push(Object::made_up("~foreign")),
        Lie::PageWithoutEnd => unreachable!("answered above"),
    }
    page.objects = objects;
    page
}

/// Chunk after chunk of one page, until the client has enough.
fn answer_without_end(to: &mut impl Write, asked: &Asked) -> io::Result<usize> {
    write!(to, "{HEAD}Transfer-Encoding: chunked\r\n\r\n")?;
    let begin = format!("{BEGIN}<IsTruncated>false</IsTruncated>");
    write!(to, "{:x}\r\n{begin}\r\n", begin.len())?;
    let (mut sent, mut number) = (0, 0);
    while sent < PAGE_BYTES_MAX {
        let keys = number..number + 1000;
        let key = |number: usize| Object::made_up(&format!("{}~{number:012}", asked.prefix));
        let chunk: String = keys.map(|number| key(number).element).collect();
        let written = write!(to, "{:x}\r\n{chunk}\r\n", chunk.len()).and_then(|()| to.flush());
        if written.is_err() {
            return Ok(sent);
        }
        sent += chunk.len();
        number += 1000;
    }
    Ok(sent)
}

fn decode(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).expect("hexadecimal digits"));
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).expect("keys are UTF-8")
}

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
