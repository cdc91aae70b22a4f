//! Sounds of a real HTTP server, with what it says of them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use arc_swap::ArcSwap;
use audio::codec::{Codec, OpusSettings};
use audio::{Pcm, Rate};
use flow::leg::Prompt;
use testkit::disk::SmallDisk;
use testkit::receiver::{Answer, Got, Receiver};

use super::*;

const LONG: Duration = Duration::from_secs(10);

fn studio(folder: &Path, change: impl FnOnce(&mut WebSounds), limit: Duration) -> Studio {
    let mut web = WebSounds { directory: folder.to_owned(), ..WebSounds::default() };
    change(&mut web);
    let flows = Arc::new(ArcSwap::from_pointee(store::Flows::new()));
    crate::studio::tests::studio(folder, web, flows, limit)
}

fn form(codec: Codec, ms: u64) -> Form {
    Form::new(codec, Duration::from_millis(ms), OpusSettings::default())
}

fn ulaw() -> Form {
    form(Codec::Pcmu, 20)
}

/// A second of a tone, as WAV.
fn second() -> Vec<u8> {
    audio::write::wav::to_bytes(&audio::tone::beep(600, Duration::from_secs(1), Rate::NARROW))
}

fn sound(headers: &str) -> Answer {
    Answer { status: 200, headers: headers.to_owned(), body: second() }
}

fn status(status: u16, headers: &str) -> Answer {
    Answer { status, headers: headers.to_owned(), body: Vec::new() }
}

async fn heard(studio: &Studio, url: &str, form: Form) -> Result<Arc<media::Prompt>, PromptError> {
    let mut all = studio.prepare(&[Prompt::Sound(url.to_owned())], form).await?;
    Ok(all.remove(0))
}

/// Whether a request was sent with the validator of `sound`.
fn validates(got: &Got) -> bool {
    got.header("if-none-match") == "\"a\""
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

#[tokio::test]
async fn a_304_makes_a_sound_fresh_again() {
    // One says so itself, the other leaves what the first reply said, which was as old as it may be when it came.
    for (first, then) in [
        ("Cache-Control: max-age=0\r\n", "Cache-Control: max-age=600\r\n"),
        ("Cache-Control: max-age=600\r\nAge: 600\r\n", ""),
    ] {
        let server = Receiver::start(move |_, got| match validates(got) {
            true => status(304, then),
            false => sound(&format!("ETag: \"a\"\r\n{first}")),
        });
        let folder = tempfile::tempdir().expect("a folder");
        let studio = studio(folder.path(), |_| {}, LONG);
        for _ in 0..4 {
            let prompt = heard(&studio, &server.url("/a.wav"), ulaw()).await.expect("a sound");
            assert_eq!(prompt.duration(), Duration::from_secs(1));
        }
        let got: Vec<bool> = server.got().iter().map(validates).collect();
        assert_eq!(got, [false, true], "{then}");
    }
}

#[tokio::test]
async fn one_download_serves_every_codec_and_packet_time() {
    let server = Receiver::start(|_, _| sound("Cache-Control: max-age=600\r\n"));
    let folder = tempfile::tempdir().expect("a folder");
    let studio = studio(folder.path(), |_| {}, LONG);
    let url = server.url("/a.wav");
    let forms =
        [ulaw(), form(Codec::Pcma, 20), form(Codec::G722, 20), form(Codec::Opus, 20), form(Codec::Opus, 40)];
    for form in forms {
        assert!(studio.at_hand(&[Prompt::Sound(url.clone())], form).is_none());
        let prompt = heard(&studio, &url, form).await.expect("a sound");
        assert_eq!((prompt.form(), prompt.duration()), (form, Duration::from_secs(1)));
        assert!(studio.at_hand(&[Prompt::Sound(url.clone())], form).is_some(), "nothing is waited for");
    }
    assert_eq!(server.got().len(), 1);
}

#[tokio::test]
async fn a_sound_is_used_in_other_codecs_too_when_its_server_fails_unless_that_is_forbidden() {
    for (headers, expected) in [("", true), ("Cache-Control: max-age=0, must-revalidate\r\n", false)] {
        let server = Receiver::start(move |nth, _| match nth {
            0 => sound(headers),
            _ => status(503, ""),
        });
        let folder = tempfile::tempdir().expect("a folder");
        let studio = studio(folder.path(), |_| {}, LONG);
        let url = server.url("/a.wav");
        heard(&studio, &url, ulaw()).await.expect("a sound");
        for codec in [Codec::Pcma, Codec::Opus] {
            assert_eq!(heard(&studio, &url, form(codec, 20)).await.is_ok(), expected, "{headers}");
        }
        // A server that failed is left in peace for a moment.
        assert_eq!(server.got().len(), if expected { 2 } else { 3 });
    }
}

#[tokio::test]
async fn a_sound_that_its_server_has_no_more_is_not_heard_any_more() {
    let server = Receiver::start(|nth, _| match nth {
        0 => sound(""),
        _ => status(404, ""),
    });
    let folder = tempfile::tempdir().expect("a folder");
    let studio = studio(folder.path(), |_| {}, LONG);
    heard(&studio, &server.url("/a.wav"), ulaw()).await.expect("a sound");
    let gone = heard(&studio, &server.url("/a.wav"), ulaw()).await.expect_err("it is gone");
    assert!(gone.to_string().contains("the server says 404"), "{gone}");
    assert_eq!((files(folder.path()), studio.cached_bytes()), (0, 0));
}

#[tokio::test]
async fn a_file_that_was_cut_off_on_its_way_is_not_kept() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/a.wav", listener.local_addr().expect("an address"));
    let (told, requests) = mpsc::channel();
    std::thread::spawn(move || {
        for (nth, mut stream) in listener.incoming().flatten().enumerate() {
            let mut request = [0; 4_096];
            let n = stream.read(&mut request).unwrap_or_default();
            told.send(String::from_utf8_lossy(&request[..n]).to_lowercase()).expect("the test waits");
            let body = second();
            let sent = if nth == 0 { &body[..body.len() / 2] } else { &body[..] };
            let head = format!(
                "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nCache-Control: max-age=600\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(sent)).expect("sent");
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let studio = studio(folder.path(), |_| {}, LONG);
    assert!(heard(&studio, &url, ulaw()).await.is_err());
    assert_eq!(files(folder.path()), 0);
    let whole = heard(&studio, &url, ulaw()).await.expect("a sound");
    assert_eq!(whole.duration(), Duration::from_secs(1));
    let requests: Vec<String> = requests.try_iter().collect();
    assert!(requests.len() == 2 && requests.iter().all(|request| !request.contains("if-none-match")));
}

#[tokio::test]
async fn a_large_file_is_read_from_disk_while_it_is_heard() {
    // An hour would be as good: 20 MB, of which none stays in memory.
    let long = Pcm::silence(Rate::NARROW, Duration::from_secs(1_250));
    let body = audio::write::wav::to_bytes(&long);
    let server = Receiver::start(move |_, _| Answer {
        status: 200,
        headers: "Cache-Control: max-age=600\r\n".to_owned(),
        body: body.clone(),
    });
    let folder = tempfile::tempdir().expect("a folder");
    let few = studio(&folder.path().join("few"), |web| web.largest = 16 << 20, LONG);
    let error = heard(&few, &server.url("/long.wav"), ulaw()).await.expect_err("it is larger");
    assert!(error.to_string().contains("larger than 16777216 bytes"), "{error}");
    let studio = studio(folder.path(), |_| {}, LONG);
    for form in [ulaw(), form(Codec::Opus, 20)] {
        let prompt = heard(&studio, &server.url("/long.wav"), form).await.expect("a sound");
        assert_eq!((prompt.duration(), prompt.bytes().len()), (long.duration(), 0));
    }
    assert!(studio.cached_bytes() < 2_000, "what reads it, and nothing of it");
    assert_eq!(server.got().len(), 2);
    let size = |entry: std::fs::DirEntry| entry.metadata().expect("about it").len();
    let sizes: Vec<u64> = std::fs::read_dir(folder.path()).expect("there").flatten().map(size).collect();
    assert!(sizes.contains(&20_000_044), "{sizes:?}");
}

#[tokio::test]
async fn who_cannot_wait_any_longer_leaves_the_sound_to_the_next() {
    let (open, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let server = Receiver::start(move |_, _| {
        crate::lock(&gate).recv().expect("the test lets it go on");
        sound("Cache-Control: max-age=600\r\n")
    });
    let folder = tempfile::tempdir().expect("a folder");
    let studio = studio(folder.path(), |_| {}, Duration::from_millis(200));
    let url = server.url("/a.wav");
    let late = heard(&studio, &url, ulaw()).await.expect_err("it does not come").to_string();
    assert!(late.contains(&url) && late.contains("within 200 ms"), "{late}");
    open.send(()).expect("the server waits");
    let deadline = monotonic() + LONG;
    while heard(&studio, &url, ulaw()).await.is_err() {
        assert!(monotonic() < deadline, "it never came");
    }
    assert_eq!(server.got().len(), 1, "it was asked for once");
}

#[tokio::test]
async fn what_may_not_be_kept_is_not_on_the_disk_and_asked_for_each_time() {
    let server = Receiver::start(|_, _| sound("Cache-Control: no-store, max-age=600\r\n"));
    let folder = tempfile::tempdir().expect("a folder");
    let studio = studio(folder.path(), |_| {}, LONG);
    for _ in 0..2 {
        heard(&studio, &server.url("/a.wav"), ulaw()).await.expect("a sound");
        assert_eq!((files(folder.path()), studio.cached_bytes()), (0, 0));
    }
    assert_eq!(server.got().len(), 2);
}

#[tokio::test]
async fn a_redirect_is_asked_again_unless_it_is_for_good() {
    for (code, asked) in [(302, 4), (301, 2)] {
        let server = Receiver::start(move |_, got| match got.path.as_str() {
            "/a.wav" => status(code, "Location: /b.wav\r\n"),
            _ if validates(got) => status(304, ""),
            _ => sound("Cache-Control: max-age=600\r\nETag: \"a\"\r\n"),
        });
        let folder = tempfile::tempdir().expect("a folder");
        let studio = studio(folder.path(), |_| {}, LONG);
        for _ in 0..2 {
            heard(&studio, &server.url("/a.wav"), ulaw()).await.expect("a sound");
        }
        assert_eq!(server.got().len(), asked, "{code}");
    }
    let server = Receiver::start(|_, _| status(302, "Location: /circle.wav\r\n"));
    let folder = tempfile::tempdir().expect("a folder");
    let studio = studio(folder.path(), |_| {}, LONG);
    let error = heard(&studio, &server.url("/circle.wav"), ulaw()).await.expect_err("a circle");
    assert!(error.to_string().contains("more than 5 redirects"), "{error}");
}

#[tokio::test]
async fn a_full_disk_costs_small_sounds_their_place_and_nothing_else() {
    let Some(disk) = SmallDisk::of(8) else { return };
    let server = Receiver::start(|_, _| sound("Cache-Control: max-age=600\r\n"));
    let studio = studio(disk.path(), |_| {}, LONG);
    for asked in [1, 2] {
        let prompt = heard(&studio, &server.url("/a.wav"), ulaw()).await.expect("a sound");
        assert_eq!(prompt.duration(), Duration::from_secs(1));
        assert_eq!((server.got().len(), files(disk.path())), (asked, 0));
    }
}

#[tokio::test]
async fn calls_that_are_gone_leave_no_more_than_so_many_sounds_to_be_fetched() {
    // Takes connections, and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = |n: usize| format!("http://{}/{n}.wav", listener.local_addr().expect("an address"));
    let folder = tempfile::tempdir().expect("a folder");
    let studio = studio(folder.path(), |_| {}, LONG);
    for n in 0..FLIGHTS {
        let url = url(n);
        let mut gone = Box::pin(studio.web.body(&url));
        assert!(std::future::poll_fn(|cx| std::task::Poll::Ready(gone.as_mut().poll(cx))).await.is_pending());
    }
    let error = heard(&studio, &url(FLIGHTS), ulaw()).await.expect_err("too many").to_string();
    assert!(error.contains("256 others are being fetched"), "{error}");
}

#[tokio::test]
async fn web_radio_is_given_up_and_leaves_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/radio", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut all = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
        all.resize((1 << 20) + 4_096, 0);
        // A flood at first, then a little now and then, until nobody listens any more.
        while stream.read(&mut [0; 4_096]).is_ok() && stream.write_all(&all).is_ok() {
            stream.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
            while stream.write_all(&[0; 16]).is_ok() {
                let _ = stream.read(&mut [0]);
            }
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let studio = studio(folder.path(), |_| {}, 6 * LONG);
    let slow = heard(&studio, &url, ulaw()).await.expect_err("it never ends").to_string();
    assert!(slow.contains("less than 32000 bytes a second"), "{slow}");
    assert_eq!(files(folder.path()), 0);
}

#[tokio::test]
async fn what_is_no_sound_is_asked_for_again_whatever_its_server_says_and_so_is_all_after_a_reload() {
    let server = Receiver::start(|nth, got| match (nth, validates(got)) {
        (0, _) => {
            let page = b"<html>down for maintenance</html>".to_vec();
            Answer { body: page, ..sound("Cache-Control: max-age=600\r\n") }
        }
        (_, true) => status(304, ""),
        _ => sound("Cache-Control: max-age=600\r\nETag: \"a\"\r\n"),
    });
    let folder = tempfile::tempdir().expect("a folder");
    let studio = studio(folder.path(), |_| {}, LONG);
    let url = server.url("/a.wav");
    assert!(matches!(heard(&studio, &url, ulaw()).await, Err(PromptError::Read { .. })));
    for (reload, asked) in [(false, 2), (false, 2), (true, 3), (false, 3)] {
        if reload {
            studio.forget();
        }
        heard(&studio, &url, ulaw()).await.expect("a sound");
        assert_eq!(server.got().len(), asked, "{reload}");
    }
}

#[tokio::test]
async fn where_a_redirect_leads_elsewhere_now_nobody_is_asked_for_changes_of_another_sound() {
    // What the second leads to is older than what the first led to.
    let modified = "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    let server = Receiver::start(move |nth, got| match got.path.as_str() {
        "/a.wav" if nth == 0 => status(302, "Location: /1.wav\r\n"),
        "/a.wav" => status(302, "Location: /2.wav\r\n"),
        "/2.wav" if !got.header("if-modified-since").is_empty() => status(304, ""),
        "/2.wav" => {
            let two = Pcm::silence(Rate::NARROW, Duration::from_secs(2));
            Answer { body: audio::write::wav::to_bytes(&two), ..sound("") }
        }
        _ => sound(modified),
    });
    let folder = tempfile::tempdir().expect("a folder");
    let studio = studio(folder.path(), |_| {}, LONG);
    for seconds in [1, 2] {
        let prompt = heard(&studio, &server.url("/a.wav"), ulaw()).await.expect("a sound");
        assert_eq!(prompt.duration(), Duration::from_secs(seconds));
    }
}

#[tokio::test]
async fn the_file_of_a_sound_that_is_given_up_while_it_is_encoded_goes_all_the_same() {
    let long = audio::write::wav::to_bytes(&Pcm::silence(Rate::NARROW, Duration::from_secs(121)));
    let server = Receiver::start(move |nth, _| {
        // Two different ones.
        let mut body = long.clone();
        body[long.len() - 1] = nth as u8;
        Answer { body, ..sound("Cache-Control: max-age=600\r\n") }
    });
    let folder = tempfile::tempdir().expect("a folder");
    // Enough for one.
    let studio = studio(folder.path(), |web| web.kept = 3 << 20, LONG);
    let (url, alaw) = (server.url("/a.wav"), form(Codec::Pcma, 20));
    heard(&studio, &url, ulaw()).await.expect("a sound");
    let key = studio.web.shelf.get(&url).expect("kept").body.key;
    let ((begun, begins), (open, gate)) = (mpsc::channel(), mpsc::channel());
    let prompts = studio.prompts.clone();
    // Somebody else encodes it, in vain: who waits for that does it then.
    let other = std::thread::spawn(move || {
        prompts.get_or_load::<PromptError, Pcm>(&key, alaw, || {
            begun.send(()).expect("the test waits");
            gate.recv().expect("the test lets it go on");
            Err(PromptError::Decoder)
        })
    });
    begins.recv().expect("it has begun");
    let mut waits = Box::pin(heard(&studio, &url, alaw));
    let begun = std::future::poll_fn(|cx| std::task::Poll::Ready(waits.as_mut().poll(cx))).await;
    assert!(begun.is_pending());
    heard(&studio, &server.url("/b.wav"), ulaw()).await.expect("another");
    open.send(()).expect("it waits");
    assert!(other.join().expect("no panic").is_err());
    let prompt = waits.await.expect("a sound");
    assert_eq!(files(folder.path()), 2, "it is still heard");
    drop(prompt);
    assert_eq!(files(folder.path()), 1);
}

#[tokio::test]
async fn a_file_that_somebody_removed_is_fetched_again() {
    let server = Receiver::start(|_, _| sound("Cache-Control: max-age=600\r\n"));
    let folder = tempfile::tempdir().expect("a folder");
    let studio = studio(folder.path(), |_| {}, LONG);
    heard(&studio, &server.url("/a.wav"), ulaw()).await.expect("a sound");
    for file in std::fs::read_dir(folder.path()).expect("there").flatten() {
        std::fs::remove_file(file.path()).expect("removed");
    }
    heard(&studio, &server.url("/a.wav"), form(Codec::Pcma, 20)).await.expect("a sound");
    assert_eq!((server.got().len(), files(folder.path())), (2, 1));
}

#[test]
fn the_extension_of_a_url_is_that_of_its_path() {
    assert_eq!(extension("http://x.y/a/b.mp3?c=d.e"), Some("mp3"));
    assert_eq!(extension("http://x.y/a/b"), None);
    assert!(is_url("HTTPS://x") && !is_url("httpx/menu"));
}
