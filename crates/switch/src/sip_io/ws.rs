//! SIP over WebSocket (RFC 7118): the opening handshake, and messages as frames.
//!
//! Every WebSocket message is one SIP message, text or binary; keep-alives are WebSocket pings or the CRLFs of RFC 5626.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use sip::Hop;
use sip::stream::{DEFAULT_LIMIT, Frame, PING, PONG};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};

use super::serve::{ReadError, Sink, Source};

/// Largest opening handshake; browsers send cookies along.
const HANDSHAKE: usize = 16 * 1024;
/// Most headers of one.
const HEADERS: usize = 64;

/// What WebSockets are made of.
pub(super) trait Carrier: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Carrier for S {}

/// Why there is no WebSocket.
#[derive(Debug, thiserror::Error)]
pub(super) enum WsError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The client was told this.
    #[error("{1}")]
    Refused(u16, &'static str),
    #[error("the handshake is longer than {HANDSHAKE} bytes, or broke off")]
    Length,
    #[error("the server does not speak SIP over WebSocket")]
    NoSip,
    #[error(transparent)]
    Protocol(#[from] tungstenite::Error),
}

/// Answers an opening handshake. With `origins`, pages from elsewhere are refused; clients that are no browsers name none.
pub(super) async fn accept<S: Carrier>(
    mut stream: S,
    origins: &[String],
) -> Result<(Reader<S>, Writer<S>), WsError> {
    let mut bytes = Vec::new();
    loop {
        match judge(&bytes, origins) {
            Ok(Some((length, key))) => {
                let accept = derive_accept_key(key.as_bytes());
                let response = format!(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
                );
                stream.write_all(response.as_bytes()).await?;
                stream.flush().await?;
                let rest = bytes.split_off(length);
                let socket =
                    WebSocketStream::from_partially_read(stream, rest, Role::Server, Some(config())).await;
                return Ok(split(socket));
            }
            Ok(None) if bytes.len() >= HANDSHAKE => return Err(WsError::Length),
            Ok(None) => {
                if (&mut stream).take(4_096).read_buf(&mut bytes).await? == 0 {
                    return Err(WsError::Length);
                }
            }
            Err((status, why)) => {
                let response = format!(
                    "HTTP/1.1 {status}\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                     Connection: close\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{why}\n",
                    why.len() + 1
                );
                stream.write_all(response.as_bytes()).await?;
                stream.shutdown().await?;
                return Err(WsError::Refused(status, why));
            }
        }
    }
}

/// The length and the key of a whole and good request; `None` needs more bytes; an error is a status and its reason.
fn judge(bytes: &[u8], origins: &[String]) -> Result<Option<(usize, String)>, (u16, &'static str)> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err((400, "this is no HTTP request")),
    };
    let value = |name: &str| {
        let found = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.and_then(|header| std::str::from_utf8(header.value).ok()).map(str::trim)
    };
    let lists = |name: &str, word: &str| {
        let all = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        let mut values = all.filter_map(|header| std::str::from_utf8(header.value).ok());
        values.any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
    };
    if request.method != Some("GET") {
        return Err((405, "only GET opens a WebSocket"));
    }
    if !lists("Upgrade", "websocket") || !lists("Connection", "upgrade") {
        return Err((426, "this port speaks SIP over WebSocket"));
    }
    if value("Sec-WebSocket-Version") != Some("13") {
        return Err((426, "version 13 of the WebSocket protocol is spoken here"));
    }
    // RFC 7118 §4.1: without the subprotocol it is something else that comes.
    if !lists("Sec-WebSocket-Protocol", "sip") {
        return Err((400, "the subprotocol sip must be asked for"));
    }
    let foreign = |origin: &str| !origins.iter().any(|known| known.eq_ignore_ascii_case(origin));
    if !origins.is_empty() && value("Origin").is_some_and(foreign) {
        return Err((403, "pages from there may not connect"));
    }
    match value("Sec-WebSocket-Key").filter(|key| !key.is_empty()) {
        Some(key) => Ok(Some((length, key.to_owned()))),
        None => Err((400, "there is no key")),
    }
}

/// Opens a WebSocket on a stream to a server.
pub(super) async fn connect<S: Carrier>(stream: S, hop: &Hop) -> Result<(Reader<S>, Writer<S>), WsError> {
    let scheme = if hop.transport.is_secure() { "wss" } else { "ws" };
    let port = hop.remote.port();
    let url = match &hop.name {
        Some(name) => format!("{scheme}://{name}:{port}/"),
        None => format!("{scheme}://{}/", hop.remote),
    };
    let mut request = url.into_client_request()?;
    request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("sip"));
    let (socket, response) =
        tokio_tungstenite::client_async_with_config(request, stream, Some(config())).await?;
    let agreed = response.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
    if agreed.is_none_or(|protocol| !protocol.as_bytes().eq_ignore_ascii_case(b"sip")) {
        return Err(WsError::NoSip);
    }
    Ok(split(socket))
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(DEFAULT_LIMIT))
        .max_frame_size(Some(DEFAULT_LIMIT))
        // The defaults are for bulk transfers: 128 KiB a connection and direction.
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0)
        .max_write_buffer_size(4 * DEFAULT_LIMIT)
}

fn split<S: Carrier>(socket: WebSocketStream<S>) -> (Reader<S>, Writer<S>) {
    let (sink, stream) = socket.split();
    (Reader(stream), Writer(sink))
}

/// The reading half.
pub(super) struct Reader<S>(SplitStream<WebSocketStream<S>>);

/// The writing half.
pub(super) struct Writer<S>(SplitSink<WebSocketStream<S>, Message>);

impl<S: Carrier> Source for Reader<S> {
    async fn frame(&mut self, pong: &AtomicBool) -> Result<Option<Frame>, ReadError> {
        loop {
            let bytes = match self.0.next().await {
                Some(Ok(Message::Text(text))) => Bytes::from(text),
                Some(Ok(Message::Binary(bytes))) => bytes,
                // Pings are answered below this layer.
                Some(Ok(Message::Ping(_) | Message::Frame(_))) => continue,
                Some(Ok(Message::Pong(_))) => return Ok(Some(Frame::Pong)),
                Some(Ok(Message::Close(_))) | None => return Ok(None),
                Some(Err(tungstenite::Error::Io(error))) => return Err(error.into()),
                Some(Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed)) => {
                    return Ok(None);
                }
                Some(Err(error)) => return Err(ReadError::WebSocket(Box::new(error))),
            };
            match &*bytes {
                PING => return Ok(Some(Frame::Ping)),
                PONG if pong.swap(false, Ordering::Relaxed) => return Ok(Some(Frame::Pong)),
                b"" | PONG => {}
                _ => return Ok(Some(Frame::Message(bytes))),
            }
        }
    }
}

impl<S: Carrier> Sink for Writer<S> {
    async fn write(&mut self, message: Bytes) -> Result<(), ReadError> {
        // RFC 7118 §5.3: binary where the message is not UTF-8; browsers' clients read text only.
        let message = match std::str::from_utf8(&message) {
            Ok(text) => Message::text(text),
            Err(_) => Message::Binary(message),
        };
        self.0.send(message).await.map_err(|error| ReadError::WebSocket(Box::new(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(replace: &str, by: &str, origins: &[&str], expected: Result<Option<&str>, u16>) {
        let request = "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n\
            Sec-WebSocket-Key: k==\r\nSec-WebSocket-Version: 13\r\nOrigin: https://a.example\r\n\
            Sec-WebSocket-Protocol: xmpp, sip\r\n\r\n";
        let origins: Vec<String> = origins.iter().map(|origin| (*origin).to_owned()).collect();
        let got = judge(request.replacen(replace, by, 1).as_bytes(), &origins);
        let got = got.map(|found| found.map(|(_, key)| key)).map_err(|(status, _)| status);
        assert_eq!(got, expected.map(|found| found.map(str::to_owned)), "{replace:?} by {by:?}");
    }

    #[test]
    fn a_handshake_must_ask_for_sip_in_the_right_version_from_an_allowed_page() {
        check("", "", &[], Ok(Some("k==")));
        check("", "", &["https://A.example"], Ok(Some("k==")));
        check("", "", &["https://b.example"], Err(403));
        check("Origin", "X-Origin", &["https://b.example"], Ok(Some("k==")));
        check("sip", "h323", &[], Err(400));
        check("Sec-WebSocket-Protocol", "X", &[], Err(400));
        check("13", "8", &[], Err(426));
        check("Upgrade: WebSocket\r\n", "", &[], Err(426));
        check("Sec-WebSocket-Key", "X", &[], Err(400));
        check("GET", "POST", &[], Err(405));
        check("GET /ws HTTP/1.1", "OPTIONS sip:h SIP/2.0", &[], Err(400));
        check("\r\n\r\n", "\r\n", &[], Ok(None));
    }
}
