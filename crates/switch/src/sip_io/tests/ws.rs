//! WebSockets: with a client of another make, and between two of our own.

use tokio_tungstenite::tungstenite::client::{IntoClientRequest, client};
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket};

use super::*;

fn rig() -> Rig {
    Rig::with("127.0.0.1", |plan| plan.transport = Transport::Ws)
}

fn open(rig: &Rig, protocol: Option<&str>) -> Result<WebSocket<TcpStream>, Option<u16>> {
    let mut request = format!("ws://{}/", rig.tcp()).into_client_request().expect("a request");
    if let Some(protocol) = protocol {
        let value = protocol.parse().expect("a value");
        request.headers_mut().insert("sec-websocket-protocol", value);
    }
    match client(request, rig.dial()) {
        Ok((socket, response)) => {
            assert_eq!(response.headers()["sec-websocket-protocol"], "sip");
            Ok(socket)
        }
        Err(tokio_tungstenite::tungstenite::HandshakeError::Failure(Error::Http(response))) => {
            Err(Some(response.status().as_u16()))
        }
        Err(_) => Err(None),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_come_and_go_as_frames_of_either_kind() {
    let mut rig = rig();
    let mut phone = open(&rig, Some("sip")).expect("a WebSocket");
    let text = options("df7jal23ls0d.invalid", ";rport");
    phone.send(Message::text(text.clone())).expect("sent");
    let flow = rig.message().await;
    assert_eq!(flow.transport, Transport::Ws);
    phone.send(Message::binary(text.clone().into_bytes())).expect("sent");
    assert_eq!(rig.message().await, flow);
    assert_eq!(rig.ways.send(flow, text.clone().into()), Sent::Yes);
    assert_eq!(phone.read().expect("a frame"), Message::text(text));
    assert_eq!(rig.ways.send(flow, Bytes::from_static(b"\xFF")), Sent::Yes);
    assert_eq!(phone.read().expect("a frame"), Message::binary(&b"\xFF"[..]));
    phone.close(None).expect("closing");
    assert_eq!(rig.closed().await, flow);
}

#[tokio::test(flavor = "multi_thread")]
async fn keep_alives_of_both_kinds_are_answered() {
    let rig = rig();
    let mut phone = open(&rig, Some("sip")).expect("a WebSocket");
    phone.send(Message::text("\r\n\r\n")).expect("sent");
    assert_eq!(phone.read().expect("a frame"), Message::text("\r\n"));
    phone.send(Message::Ping(Bytes::from_static(b"hi"))).expect("sent");
    assert_eq!(phone.read().expect("a frame"), Message::Pong(Bytes::from_static(b"hi")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_speak_sip_is_told_so() {
    let rig = rig();
    assert_eq!(open(&rig, None).err(), Some(Some(400)));
    assert_eq!(open(&rig, Some("chat")).err(), Some(Some(400)));
    let mut stream = rig.dial();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 426"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_larger_than_any_sip_closes_the_connection() {
    let mut rig = rig();
    let mut phone = open(&rig, Some("sip")).expect("a WebSocket");
    let text = options("h", "");
    phone.send(Message::text(text)).expect("sent");
    let flow = rig.message().await;
    let _ = phone.send(Message::text("x".repeat(70_000)));
    assert_eq!(rig.closed().await, flow);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_is_opened_to_a_server_too() {
    let (mut server, mut client) = (rig(), rig());
    let hop = hop(Transport::Ws, server.tcp());
    assert_eq!(client.ways.find(0, &hop), Found::Later);
    let flow = client.way().await.expect("a way");
    assert_eq!(client.ways.send(flow, options("h", "").into()), Sent::Yes);
    let back = server.message().await;
    assert_eq!(server.ways.send(back, options("h", "").into()), Sent::Yes);
    assert_eq!(client.message().await, flow);
}
