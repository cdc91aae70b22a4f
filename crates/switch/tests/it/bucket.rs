//! Recordings in an S3-compatible bucket: put there in parts if they are long, and read back.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::rig::Rig;
use futures_util::StreamExt;
use serde_json::json;
use testkit::receiver::{Answer, Got, Receiver};

/// A bucket that takes uploads in parts, fails the second part once, and gives out what it was given.
fn bucket_of_parts() -> Receiver {
    let xml = |text: &str| Answer { status: 200, headers: String::new(), body: text.as_bytes().to_vec() };
    let failed = AtomicBool::new(false);
    let stored = Mutex::new(Vec::new());
    Receiver::start(move |nth, got: &Got| match (got.method.as_str(), got.path.split_once('?')) {
        ("POST", Some((_, query))) if query.starts_with("uploads") => xml(&format!(
            "<InitiateMultipartUploadResult><Bucket>calls</Bucket><Key>x.wav</Key><UploadId>upload{nth}</UploadId>\
             </InitiateMultipartUploadResult>"
        )),
        ("PUT", Some((_, query)))
            if query.contains("partNumber=2") && !failed.swap(true, Ordering::Relaxed) =>
        {
            stored.lock().expect("no panic").clear();
            (503, String::new()).into()
        }
        ("PUT", Some((_, query))) => {
            stored.lock().expect("no panic").extend_from_slice(&got.body);
            let part = query.split('&').find_map(|pair| pair.strip_prefix("partNumber=")).unwrap_or_default();
            (200, format!("ETag: \"part{part}\"\r\n")).into()
        }
        ("POST", Some(_)) => {
            xml("<CompleteMultipartUploadResult><Location>x</Location><Bucket>calls</Bucket><Key>x.wav</Key>\
             <ETag>\"whole\"</ETag></CompleteMultipartUploadResult>")
        }
        ("DELETE", _) => (204, String::new()).into(),
        ("GET", _) if got.path.ends_with("/x.wav") => Answer {
            status: 200,
            headers: "ETag: \"whole\"\r\nLast-Modified: Sat, 21 Nov 2026 12:00:00 GMT\r\n".into(),
            body: stored.lock().expect("no panic").clone(),
        },
        _ => (404, String::new()).into(),
    })
}

#[test]
fn a_long_recording_goes_to_the_bucket_in_parts_and_is_read_back_from_there() {
    let home = tempfile::tempdir().expect("a directory");
    let directory = home.path().join("recordings");
    std::fs::create_dir_all(directory.join("spool")).expect("a spool");
    let bucket = bucket_of_parts();
    let sound: Vec<u8> = (0..17_u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(directory.join("x.wav"), &sound).expect("written");
    let order = json!({"id": "x", "file": "x.wav", "name": "", "calls": ["call-00abcd"], "sip_call_id": "1@a",
        "caller": "sip:a@b", "called": "1", "begun": "2026-01-01T00:00:00Z", "over": "2026-01-01T00:10:00Z",
        "end": {"complete": 600.0}, "notes": [], "parcels": [{"to": {"bucket": {"key": "x.wav"}}, "state": "waiting",
        "tries": 0}]});
    std::fs::write(directory.join("spool/x.json"), order.to_string()).expect("written");
    let rig = Rig::with(&[], |config| {
        config.recordings.first_wait = Duration::from_millis(100);
        config.media.recordings_dir = directory.clone();
        config.recordings.keep = false;
        config.recordings.give_up = Duration::from_secs(20 * 365 * 86_400);
        config.recordings.bucket = Some(switch::Bucket {
            endpoint: Some(bucket.url("")),
            name: "calls".into(),
            region: "eu-1".into(),
            prefix: String::new(),
            key_id: "KEY".into(),
            secret: "s3cret".into(),
        });
    });
    rig.wait("that it is in the bucket only", || {
        directory.join("x.json").exists() && !directory.join("x.wav").exists()
    });
    let got = bucket.got();
    let said = |method: &str, words: &str| {
        got.iter().filter(|got| got.method == method && got.path.contains(words)).collect::<Vec<_>>()
    };
    let begun = said("POST", "?uploads");
    assert_eq!(begun.len(), 2, "begun anew after the part that failed: {:?}", got.len());
    assert_eq!(begun[0].header("content-type"), "audio/wav");
    assert_eq!(said("DELETE", "uploadId=upload0").len(), 1, "what was begun is cleared away");
    let parts: Vec<_> = said("PUT", "partNumber=").into_iter().skip(2).collect();
    assert_eq!(parts.iter().map(|part| part.body.len()).collect::<Vec<_>>(), [8 << 20, 8 << 20, 1 << 20]);
    assert!(parts.iter().all(|part| part.header("authorization").starts_with("AWS4-HMAC-SHA256")));
    let whole = said("POST", "uploadId=");
    let list = String::from_utf8_lossy(&whole[0].body);
    let at = |part: &str| list.find(part).unwrap_or_else(|| panic!("no {part} in {list}"));
    assert!(at("part1") < at("part2") && at("part2") < at("part3"), "{list}");
    let read = rig.runtime.block_on(async {
        let mut stored = rig.switch().stored_recording("x.wav").await.expect("stored");
        let mut bytes = Vec::new();
        while let Some(piece) = stored.bytes.next().await {
            bytes.extend_from_slice(&piece.expect("a piece"));
        }
        (stored.length, bytes)
    });
    assert!(read.0 == sound.len() as u64 && read.1 == sound, "{} bytes", read.0);
    let missing = rig.runtime.block_on(rig.switch().stored_recording("y.wav"));
    assert!(matches!(missing, Err(switch::NotHad::Unknown)));
}
