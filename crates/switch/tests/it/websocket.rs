//! A browser's phone: its Contact leads nowhere, so that all depends on its own connection (RFC 7118).

use std::net::TcpStream;

use crate::rig::{LONG, Rig, sdp};
use serde_json::json;
use tokio_tungstenite::tungstenite::client::{IntoClientRequest, client};
use tokio_tungstenite::tungstenite::{Message, WebSocket};

struct Browser {
    socket: WebSocket<TcpStream>,
    to: String,
}

impl Browser {
    fn open(rig: &Rig) -> Browser {
        let (_, server) = rig.switch().listening().find(|(name, _)| *name == "WS").expect("a listener");
        let stream = TcpStream::connect(server).expect("a connection");
        stream.set_read_timeout(Some(LONG)).expect("a limit");
        let mut request = format!("ws://{server}/").into_client_request().expect("a request");
        request.headers_mut().insert("sec-websocket-protocol", "sip".parse().expect("a value"));
        let (socket, _) = client(request, stream).expect("a WebSocket");
        Browser { socket, to: "<sip:1001@pbx.example>".to_owned() }
    }

    fn send(&mut self, method: &str, cseq: u32, body: &str) {
        let text = format!(
            "{method} sip:1001@pbx.example SIP/2.0\r\nVia: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK{cseq}{method};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:web@pbx.example>;tag=web\r\nTo: {}\r\nCall-ID: web-1\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:web@df7jal23ls0d.invalid;transport=ws>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            self.to,
            body.len()
        );
        self.socket.send(Message::text(text)).expect("sent");
    }

    /// The next message that begins so.
    fn expect(&mut self, start: &str) -> String {
        loop {
            let Message::Text(text) = self.socket.read().expect("a frame") else { continue };
            if text.starts_with(start) {
                return text.to_string();
            }
        }
    }
}

#[test]
fn a_browser_calls_and_is_hung_up_on_by_its_own_connection() {
    let echo = json!({"actions": [{"type": "answer"}, {"type": "echo", "option": {"duration": 60_000}}]});
    let rig = Rig::with(&[("1001", echo)], |config| {
        config.sip.ws = vec![([127, 0, 0, 1], 0).into()];
        config.sip.shards = 2;
    });
    let mut browser = Browser::open(&rig);
    browser.send("INVITE", 1, &sdp(40_000, "0", "sendrecv"));
    let answer = browser.expect("SIP/2.0 200");
    let line = |name: &str| {
        answer
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_else(|| panic!("{name} in {answer}"))
    };
    assert!(line("Contact: ").contains(";transport=ws"), "{answer}");
    assert!(line("Via: ").contains("received=127.0.0.1"), "{answer}");
    line("To: ").clone_into(&mut browser.to);
    browser.send("ACK", 1, "");
    let call = rig.switch().calls().first().map(|call| call.id).expect("a call");
    rig.switch().hang_up(call, "enough");
    let bye = browser.expect("BYE sip:web@df7jal23ls0d.invalid;transport=ws SIP/2.0");
    let copied: String = bye
        .lines()
        .filter(|line| {
            ["Via:", "From:", "To:", "Call-ID:", "CSeq:"].iter().any(|name| line.starts_with(name))
        })
        .map(|line| format!("{line}\r\n"))
        .collect();
    let ok = format!("SIP/2.0 200 OK\r\n{copied}Content-Length: 0\r\n\r\n");
    browser.socket.send(Message::binary(ok.into_bytes())).expect("sent");
    rig.nothing_left();
}

#[test]
fn a_call_ends_with_its_browser() {
    let echo = json!({"actions": [{"type": "answer"}, {"type": "echo", "option": {"duration": 60_000}}]});
    let rig = Rig::with(&[("1001", echo)], |config| config.sip.ws = vec![([127, 0, 0, 1], 0).into()]);
    let mut browser = Browser::open(&rig);
    browser.send("INVITE", 1, &sdp(40_000, "0", "sendrecv"));
    let answer = browser.expect("SIP/2.0 200");
    let to = answer.lines().find_map(|line| line.strip_prefix("To: ")).expect("a To");
    to.clone_into(&mut browser.to);
    browser.send("ACK", 1, "");
    rig.wait("the answered call", || rig.counts().legs == 1);
    drop(browser);
    rig.nothing_left();
}
