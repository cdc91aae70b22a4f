//! Recordings over HTTP: those on their way, and those that are elsewhere.

mod asking;

use asking::Served;
use serde_json::json;
use testkit::receiver::{Answer, Got, Receiver};

/// What a bucket gives out that has this recording.
fn bucket(file: &'static str, sound: &'static [u8]) -> Receiver {
    Receiver::start(move |_, got: &Got| match (got.method.as_str(), got.path.ends_with(file)) {
        ("GET", true) => Answer {
            status: 200,
            headers: "ETag: \"x\"\r\nLast-Modified: Sat, 21 Nov 2026 12:00:00 GMT\r\n".into(),
            body: sound.to_vec(),
        },
        ("GET", false) if got.path.contains("broken") => (500, String::new()).into(),
        _ => (404, String::new()).into(),
    })
}

#[test]
fn a_recording_that_is_in_the_bucket_only_is_given_out_from_there() {
    let there = bucket("old/x.mp3", b"a sound");
    let order = |id: &str, key: &str, place: &str| {
        json!({"id": id, "file": format!("{id}.mp3"), "name": "", "calls": [], "sip_call_id": "1@a", "caller": "sip:a@b",
            "called": "1", "begun": "2026-01-01T00:00:00Z", "over": "2026-01-01T00:00:09Z", "end": {"complete": 9.0},
            "notes": [], "parcels": [{"to": {"bucket": {"key": key}}, "state": "sent", "place": place, "at": ""}]})
    };
    let served = Served::with(|config, home| {
        let write = |id: &str, order: serde_json::Value| {
            std::fs::write(home.join(format!("{id}.json")), order.to_string()).expect("written");
        };
        // The prefix has changed since.
        write("x", order("x", "old/x.mp3", "s3://calls/old/x.mp3"));
        write("moved", order("moved", "moved.mp3", "s3://another/moved.mp3"));
        config.recordings.bucket = Some(switch::Bucket {
            endpoint: Some(there.url("")),
            name: "calls".into(),
            region: "eu-1".into(),
            prefix: "new/".into(),
            key_id: "KEY".into(),
            secret: "s3cret".into(),
        });
    });
    let (status, head, body) = served.get("/recordings/x.mp3");
    assert_eq!((status, body.as_str()), (200, "a sound"));
    assert!(head.contains("content-type: audio/mpeg") && head.contains("content-length: 7"), "{head}");
    assert_eq!(served.get("/recordings/y.mp3").0, 404);
    let (status, _, body) = served.get("/recordings/moved.mp3");
    assert!(status == 404 && body.contains("s3://another/moved.mp3"), "{body}");
    let (status, _, body) = served.get("/recordings/broken.mp3");
    assert!(status == 502 && body.contains("bad_gateway"), "{body}");
}

#[test]
fn what_failed_is_listed_and_sent_again_or_given_up() {
    let server = Receiver::start(|_, _| (201, String::new()));
    let served = Served::with(|_, home| {
        std::fs::create_dir_all(home.join("spool/failed")).expect("a directory");
        for id in ["one", "two", "gone"] {
            let url = server.url(&format!("/{id}?key=s3cret"));
            let order = json!({"id": id, "file": format!("{id}.wav"), "name": "sales", "calls": ["call-00abcd"],
                "sip_call_id": "1@a", "caller": "sip:a@b", "called": "1", "begun": "2026-01-01T00:00:00Z",
                "over": "2026-01-01T00:00:09Z", "end": {"complete": 9.0}, "notes": [], "parcels": [{"to":
                {"web": {"method": "PUT", "url": url}}, "state": "failed", "why": "no", "at": ""}]});
            std::fs::write(home.join(format!("spool/failed/{id}.json")), order.to_string()).expect("written");
            if id != "gone" {
                std::fs::write(home.join(format!("{id}.wav")), "a sound").expect("written");
            }
        }
    });
    let listed = || {
        let (status, _, body) = served.get("/recordings");
        assert_eq!(status, 200, "{body}");
        let value: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        value["recordings"].as_array().cloned().expect("a list")
    };
    let all = listed();
    assert_eq!(all.len(), 3);
    let expected = json!({"to": server.url("/one"), "state": "failed", "tries": 0, "why": "no"});
    let one = all.iter().find(|one| one["id"] == "one").expect("listed");
    assert_eq!((&one["to"][0], &one["state"], &one["why"]), (&expected, &json!("failed"), &json!("no")));
    assert_eq!(served.post("/recordings/one/send", "").0, 200);
    assert_eq!(server.wait_for(0).path, "/one?key=s3cret");
    let (status, _, body) = served.post("/recordings/gone/send", "");
    assert!(status == 409 && body.contains("the file of the recording is gone"), "{body}");
    assert_eq!(served.post("/recordings/two/drop", "").0, 200);
    assert_eq!(served.post("/recordings/nobody/send", "").0, 404);
    asking::wait("that one is left", || {
        let all = listed();
        all.len() == 1 && all[0]["id"] == "gone"
    });
}
