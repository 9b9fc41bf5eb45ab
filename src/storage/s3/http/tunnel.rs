use http::Uri;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::connect::Io;
use super::not_connected::NotConnected;
use super::proxy::Proxy;

/// The head of a proxy's answer is a few hundred bytes; a page that explains a refusal may follow.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// Has a proxy connect to the host of `uri`: what is said from then on is between that and us (RFC 9110, 9.3.6).
pub async fn open(stream: &mut Io, uri: &Uri, proxy: &Proxy) -> Result<(), NotConnected> {
    let broken = |error: std::io::Error| NotConnected::NotProxy {
        proxy: proxy.to_string(),
        reason: error.to_string(),
    };
    let host = uri.host().unwrap_or_default();
    let to = format!("{host}:{}", uri.port_u16().unwrap_or(443));
    let mut request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n").into_bytes();
    if let Some(secret) = proxy.authorization() {
        request.extend([b"Proxy-Authorization: ", secret.as_bytes(), b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    stream.write_all(&request).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let mut head = Vec::new();
    // Byte by byte: what follows the head is no longer the proxy's.
    while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD_BYTES_MAX {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(error) if head.is_empty() => return Err(broken(error)),
            Err(_) => break,
        }
    }
    understood(&head, proxy)
}

fn understood(head: &[u8], proxy: &Proxy) -> Result<(), NotConnected> {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse::<u16>().ok());
    match status {
        Some(200..=299) if head.ends_with(b"\r\n\r\n") => Ok(()),
        Some(status) if !(200..=299).contains(&status) => Err(NotConnected::Proxy {
            proxy: proxy.to_string(),
            status,
            answer: line.chars().skip("HTTP/1.1 ".len()).take(80).collect(),
        }),
        _ => {
            let found: String = line.chars().take(40).collect();
            Err(NotConnected::NotProxy { proxy: proxy.to_string(), reason: format!("{found:?}") })
        }
    }
}
