//! Calls whose flows talk to web servers: good ones, slow ones, broken ones and none at all.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::rig::{LONG, Rig, trace};
use serde_json::json;
use testkit::ear;
use testkit::ua::Offer;
use testkit::ua::desk::Manner;
use testkit::ua::line::Line;

/// A web server that answers each request, given as head and body, with what `reply` makes of it.
fn serve(
    reply: impl Fn(&str) -> (u16, &'static str, Vec<u8>) + Send + Sync + 'static,
) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (seen, requests) = channel();
    let reply = std::sync::Arc::new(reply);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (seen, reply) = (seen.clone(), reply.clone());
            std::thread::spawn(move || {
                let mut stream: TcpStream = stream;
                while let Some(request) = read(&mut stream) {
                    let (status, kind, body) = reply(&request);
                    // The test may be over.
                    let _ = seen.send(request);
                    let head = format!(
                        "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nETag: \"v1\"\r\nContent-Length: {}\r\n\r\n",
                        body.len()
                    );
                    if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, requests)
}

fn read(stream: &mut TcpStream) -> Option<String> {
    let mut text = String::new();
    let mut buffer = [0; 8192];
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .to_ascii_lowercase()
                .split("content-length: ")
                .nth(1)
                .and_then(|rest| rest.split("\r\n").next()?.parse().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return Some(text);
            }
        }
        let length = stream.read(&mut buffer).ok().filter(|length| *length > 0)?;
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
}

/// A WAV file with 400 ms of a tone.
fn beep() -> Vec<u8> {
    audio::write::wav::to_bytes(&audio::tone::beep(600, Duration::from_millis(400), audio::Rate::NARROW))
}

/// A Kazoo flow that asks `url` for what to do, and beeps if that fails.
fn pivot(url: &str) -> serde_json::Value {
    json!({"module": "pivot", "data": {"voice_url": url, "method": "post"}, "children": {}})
}

#[test]
fn a_flow_is_fetched_and_run_with_its_latency_in_the_trace() {
    let (server, requests) = serve(|_| {
        let flow = json!({"module": "play", "data": {"id": "tone_stream://%(300,0,440)"},
            "children": {"_": {"module": "hangup", "data": {}, "children": {}}}});
        (200, "application/json", flow.to_string().into_bytes())
    });
    let rig = Rig::start(&[("1001", pivot(&format!("http://{server}/flow")))]);
    let mut phone = rig.phone("caller");
    let mut call = phone.call("1001", Offer::Early, LONG).expect("an answer");
    assert!(call.until_bye(LONG).expect("a socket"));
    let heard = call.hang_up().expect("heard");
    assert!(ear::sounding(&heard.pcm()) > 0.1);
    let text = trace(&rig.finished());
    assert!(text.contains("/flow → 200 in "), "{text}");
    assert!(requests.recv_timeout(LONG).expect("a request").starts_with("POST /flow"));
    rig.nothing_left();
}

#[test]
fn every_kind_of_broken_server_ends_the_call_in_its_time() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let gone = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let (fails, _a) = serve(|_| (500, "text/plain", b"no".to_vec()));
    let (garbage, _b) = serve(|_| (200, "application/json", b"{\"what\": [}".to_vec()));
    let (huge, _c) = serve(|_| (200, "application/json", vec![b' '; 3 << 20]));
    let silent = silent.local_addr().map(|address| (address, silent)).expect("an address");
    let cases = [
        (format!("http://{}/", silent.0), "no reply within"),
        (format!("http://{gone}/"), "no connection"),
        (format!("http://{fails}/"), "→ 500"),
        (format!("http://{garbage}/"), "→ 200"),
        (format!("http://{huge}/"), "larger than"),
        ("http://169.254.169.254/latest/meta-data".to_owned(), "flows.denied_networks closes"),
        ("http://no.such.name.invalid/".to_owned(), "→ 0 in"),
    ];
    let flows: Vec<(String, serde_json::Value)> =
        cases.iter().enumerate().map(|(n, (url, _))| (format!("10{n}"), pivot(url))).collect();
    let flows: Vec<_> = flows.iter().map(|(number, flow)| (number.as_str(), flow.clone())).collect();
    let rig = Rig::start(&flows);
    for ((number, _), (url, wanted)) in flows.iter().zip(&cases) {
        let began = Instant::now();
        let mut phone = rig.phone("caller");
        match phone.call(number, Offer::Early, LONG) {
            Ok(mut call) => assert!(call.until_bye(LONG).expect("a socket"), "{url}"),
            Err(testkit::ua::PhoneError::Refused(status, _)) => assert!(status >= 400, "{url}"),
            Err(error) => panic!("{url}: {error}"),
        }
        assert!(began.elapsed() < Duration::from_secs(9), "{url}");
        let text = trace(&rig.finished());
        assert!(text.contains(wanted), "{url} without {wanted}:\n{text}");
    }
    rig.nothing_left();
}

#[test]
fn a_web_server_on_this_machine_is_closed_until_a_setting_opens_it() {
    let (server, requests) = serve(|_| (200, "application/json", b"{}".to_vec()));
    let flow = pivot(&format!("http://{server}/flow"));
    let rig = Rig::with(&[("1001", flow)], |config| config.http = switch::HttpConfig::default());
    let mut phone = rig.phone("caller");
    // The flow ends without having answered.
    assert!(phone.call("1001", Offer::Early, LONG).is_err());
    let text = trace(&rig.finished());
    let told = "127.0.0.1 is a loopback address, and flows may talk to public addresses only; \
                flows.allowed_networks = \"127.0.0.1\" opens it";
    assert!(text.contains(told), "{text}");
    assert!(requests.try_recv().is_err(), "nothing was sent");
    rig.nothing_left();
}

#[test]
fn fifty_calls_beside_a_server_that_never_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let never = format!("http://{}/", silent.local_addr().expect("an address"));
    let waits =
        json!({"module": "pivot", "data": {"voice_url": never, "req_timeout_ms": 60_000}, "children": {}});
    let busy = json!({"module": "hangup", "data": {}, "children": {}});
    let rig = Rig::start(&[("1001", waits), ("1002", busy)]);
    let (slow, quick) = (rig.phone("slow"), rig.phone("quick"));
    let mut waiting = crate::rig::Dialog::new(&rig, &slow, "1001");
    waiting.send("INVITE", "", &crate::rig::sdp(40_000, "0", "sendrecv"));
    waiting.expect(100, "INVITE");
    rig.wait("the slow call's request", || rig.traces().iter().any(|trace| trace.contains("Fetch")));
    let began = Instant::now();
    for _ in 0..50 {
        let mut call = crate::rig::Dialog::new(&rig, &quick, "1002");
        call.send("INVITE", "", &crate::rig::sdp(40_002, "0", "sendrecv"));
        call.expect(480, "INVITE");
        call.send("ACK", "", "");
    }
    assert!(began.elapsed() < Duration::from_secs(20), "they wait for nobody: {:?}", began.elapsed());
    rig.wait("the ends of the fifty", || rig.switch().calls().len() == 1);
    assert_eq!(rig.switch().recent().len(), 50);
    waiting.send("CANCEL", "", "");
    waiting.expect(487, "INVITE");
    waiting.send("ACK", "", "");
    rig.wait("the end of the slow one", || rig.switch().calls().is_empty());
}

#[test]
fn a_sound_on_the_web_is_fetched_once_and_then_only_validated() {
    let (server, requests) = serve(|request| {
        if request.to_ascii_lowercase().contains("if-none-match: \"v1\"") {
            return (304, "audio/wav", Vec::new());
        }
        (200, "audio/wav", beep())
    });
    let flow = json!({"actions": [
        {"type": "answer"},
        {"type": "play", "option": {"stream_urls": [format!("http://{server}/tone.wav")]}},
        {"type": "hangup"}
    ]});
    let rig = Rig::start(&[("1001", flow)]);
    for _ in 0..2 {
        let mut phone = rig.phone("caller");
        let mut call = phone.call("1001", Offer::Early, LONG).expect("an answer");
        assert!(call.until_bye(LONG).expect("a socket"));
        let heard = call.hang_up().expect("heard");
        assert!(ear::sounding(&heard.pcm()) > 0.3, "{:?}", rig.traces());
    }
    let first = requests.recv_timeout(LONG).expect("a request");
    let second = requests.recv_timeout(LONG).expect("a request");
    assert!(!first.to_ascii_lowercase().contains("if-none-match"));
    assert!(second.to_ascii_lowercase().contains("if-none-match"));
    rig.nothing_left();
}

#[test]
fn the_report_of_a_caller_who_hung_up_is_still_sent() {
    let (server, requests) = serve(|request| {
        if request.starts_with("GET /tone") {
            return (200, "audio/wav", beep());
        }
        let host = request.to_ascii_lowercase();
        let host = host.split("host: ").nth(1).and_then(|rest| rest.split("\r\n").next()).unwrap_or_default();
        let actions = json!({"actions": [
            {"type": "PLAY", "params": {"url": format!("http://{host}/tone.wav")}},
            {"type": "PAUSE", "params": {"duration": 60_000}}
        ]});
        (200, "application/json", actions.to_string().into_bytes())
    });
    let flow = json!({"callback": {"method": "POST", "url": format!("http://{server}/call"), "content_type": "application/json"}});
    let rig = Rig::start(&[("1001", flow)]);
    let mut phone = rig.phone("caller");
    let mut call = phone.call("1001", Offer::Early, LONG).expect("an answer");
    call.listen(Duration::from_millis(300)).expect("a socket");
    call.hang_up().expect("a BYE answered");
    let view = rig.finished();
    let seen: Vec<String> = requests.try_iter().collect();
    let calls = seen.iter().filter(|request| request.starts_with("POST /call")).count();
    assert_eq!(calls, 2, "one at the start and one at the end:\n{}", trace(&view));
    rig.nothing_left();
}

#[test]
fn two_first_calls_for_a_sound_on_the_web_ask_for_it_once() {
    let (both_want_it, wanted) = channel();
    let wanted = Mutex::new(wanted);
    let (server, requests) = serve(move |_| {
        wanted.lock().expect("one request at a time").recv_timeout(LONG).expect("both calls want it");
        (200, "audio/wav", beep())
    });
    let flow = json!({"actions": [
        {"type": "answer"},
        {"type": "play", "option": {"stream_urls": [format!("http://{server}/tone.wav")]}},
        {"type": "hangup"}
    ]});
    let rig = Rig::start(&[("1001", flow)]);
    let mut phones = [rig.phone("caller"), rig.phone("other")];
    let calls = phones.each_mut().map(|phone| phone.call("1001", Offer::Early, LONG).expect("an answer"));
    rig.wait("both calls to want it", || {
        rig.traces().iter().filter(|trace| trace.contains("tone.wav")).count() == 2
    });
    both_want_it.send(()).expect("the server waits");
    for mut call in calls {
        assert!(call.until_bye(LONG).expect("a socket"));
        let heard = call.hang_up().expect("heard");
        assert!(ear::sounding(&heard.pcm()) > 0.2, "{:?}", rig.traces());
    }
    assert!(requests.recv_timeout(LONG).expect("a request").starts_with("GET /tone.wav"));
    assert!(requests.try_recv().is_err(), "once");
}

/// Pitches of a scale that tells its place: each for 150 ms.
const SCALE: [u16; 24] = {
    let mut pitches = [0; 24];
    let mut at = 0;
    while at < pitches.len() {
        pitches[at] = 400 + 110 * at as u16;
        at += 1;
    }
    pitches
};

/// The pitches of `SCALE` in what was heard, in their order, each once.
fn steps(heard: &audio::Pcm) -> Vec<u16> {
    let mut steps = Vec::new();
    for part in heard.samples.chunks(240) {
        let energy: f32 = part.iter().map(|sample| f32::from(*sample).powi(2)).sum();
        let power = |pitch: u16| audio::detect::goertzel_power(part, heard.rate, f32::from(pitch));
        let pitch = SCALE.into_iter().find(|pitch| power(*pitch) > 0.85 * energy * part.len() as f32 / 2.0);
        let pitch = pitch.filter(|_| energy > 1e8);
        if let Some(pitch) = pitch.filter(|pitch| steps.last() != Some(pitch)) {
            steps.push(pitch);
        }
    }
    steps
}

#[test]
fn a_prompt_goes_on_at_its_place_in_each_codec_that_the_phone_changes_to() {
    let (server, _requests) = serve(|_| {
        let mut scale = audio::Pcm::new(audio::Rate::NARROW, Vec::new());
        for pitch in SCALE {
            scale.append(&audio::tone::beep(pitch, Duration::from_millis(150), audio::Rate::NARROW));
        }
        (200, "audio/wav", audio::write::wav::to_bytes(&scale))
    });
    let flow = json!({"actions": [
        {"type": "answer"},
        {"type": "play", "option": {"stream_urls": [format!("http://{server}/scale.wav")]}},
        {"type": "hangup"}
    ]});
    let rig = Rig::start(&[("1001", flow)]);
    let desk = rig.desk("alice", 0, Manner::Ring);
    let call = desk.call("1001");
    for (step, formats) in [(4, "9"), (10, "8"), (14, "9"), (19, "0")] {
        let heard = |lines: &[Line]| steps(&lines[call].stream.heard.pcm()).len() > step;
        assert!(desk.wait(heard), "{step}: {:?}", rig.traces());
        desk.change_formats(call, formats);
        assert!(desk.wait(|lines| lines[call].changed == Some(200)), "{formats}");
        assert!(desk.line(call, |line| line.answered.contains(&format!("RTP/AVP {formats}"))));
    }
    assert!(desk.over(call));
    let heard = desk.line(call, |line| line.stream.heard.pcm());
    assert_eq!(steps(&heard), SCALE, "{:?}", rig.traces());
    // With the silences until each form is there: the server is asked again for one that was never made.
    let sounding = ear::sounding(&heard);
    assert!((3.4..4.6).contains(&sounding), "{sounding} s of 3.6");
}
