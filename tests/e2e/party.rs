//! Phones that say a tone of their own, by which it is told who hears whom: afterwards, or while they talk.

use std::time::{Duration, Instant};

use audio::Pcm;
use testkit::ear;
use tests::peers::baresip::Baresip;
use tests::peers::capture::Capture;
use tests::peers::linphone::Linphone;
use tests::server::{PASSWORD, Server};
use tests::wait;

use crate::sound;

/// Longest until something happens that a phone waits for.
pub(crate) const SOON: Duration = Duration::from_secs(15);
/// The tones of up to four parties.
pub(crate) const A: u16 = 440;
pub(crate) const B: u16 = 800;
pub(crate) const C: u16 = 1_200;
pub(crate) const D: u16 = 1_600;
const TONES: [u16; 4] = [A, B, C, D];

/// So much of the latest sound is judged.
const WINDOW: Duration = Duration::from_millis(300);

/// A registered baresip that says `tone` and is answered by hand.
pub(crate) fn phone(server: &Server, user: &str, tone: u16) -> Baresip {
    registered(server, || Baresip::by_hand(&server.address(), user, PASSWORD, &sound::tone_file(tone)))
}

/// The same that answers by itself.
pub(crate) fn answering(server: &Server, user: &str, tone: u16) -> Baresip {
    registered(server, || Baresip::start(&server.address(), user, PASSWORD, true, &sound::tone_file(tone)))
}

/// The same that is answered by hand and encrypts: `srtp-mand` has keys in its descriptions, `dtls_srtp` shakes hands.
pub(crate) fn encrypting(server: &Server, user: &str, tone: u16, how: &str) -> Baresip {
    let tone = sound::tone_file(tone);
    registered(server, || Baresip::encrypting(&server.address(), user, PASSWORD, &tone, how))
}

fn registered<T>(server: &Server, start: impl FnOnce() -> T) -> T {
    let before = server.metric("offhook_registrations");
    let phone = start();
    wait::until("a registration", SOON, || (server.metric("offhook_registrations") > before).then_some(()));
    phone
}

/// A registered Linphone.
pub(crate) fn linphone(server: &Server, user: &str) -> Linphone {
    let mut phone = Linphone::start();
    phone.register(&server.address(), user, PASSWORD, "Ok");
    phone
}

/// The tone alone was heard for a second.
#[track_caller]
pub(crate) fn hears(heard: &Pcm, tone: u16) {
    assert!(sound::hears(heard, tone), "no second of {tone} Hz: {:.2?}", sound::shares(heard, tone));
}

/// What a phone hears while it talks.
pub(crate) trait Ear {
    /// Everything that was heard so far.
    fn so_far(&self) -> Pcm;
}

impl Ear for Baresip {
    fn so_far(&self) -> Pcm {
        Baresip::so_far(self)
    }
}

impl Ear for Capture {
    fn so_far(&self) -> Pcm {
        Capture::so_far(self)
    }
}

/// Waits until these tones are heard and none of the others; with none of them, until it is silent.
/// What was heard before does not count.
#[track_caller]
pub(crate) fn hears_now(server: &Server, ear: &impl Ear, tones: &[u16]) {
    let wanted = |pcm: &Pcm| {
        let share = |tone: &u16| ear::purity(pcm, f32::from(*tone));
        match tones {
            [] => ear::sounding(pcm) == 0.0,
            tones => {
                let shares: Vec<f64> = tones.iter().map(share).collect();
                shares.iter().sum::<f64>() > 0.85
                    && shares.iter().all(|one| *one > 0.3 / tones.len() as f64)
                    && TONES.iter().filter(|tone| !tones.contains(tone)).all(|tone| share(tone) < 0.05)
            }
        }
    };
    until_heard(server, ear, &format!("{tones:?}"), wanted);
}

/// Waits until there is sound that is no party's tone.
#[track_caller]
pub(crate) fn hears_music(server: &Server, ear: &impl Ear) {
    until_heard(server, ear, "music", |pcm| {
        ear::sounding(pcm) > 0.2 && TONES.iter().all(|tone| ear::purity(pcm, f32::from(*tone)) < 0.5)
    });
}

#[track_caller]
fn until_heard(server: &Server, ear: &impl Ear, what: &str, wanted: impl Fn(&Pcm) -> bool) {
    let begun = ear.so_far().samples.len();
    let deadline = Instant::now() + SOON;
    let (heard, pcm) = wait::until(what, SOON * 2, || {
        let mut pcm = ear.so_far();
        let window = pcm.rate.samples(WINDOW);
        // Another call begins another file.
        let begun = if pcm.samples.len() < begun { 0 } else { begun };
        let fresh = pcm.samples.len() >= begun + window;
        pcm.samples.drain(..pcm.samples.len().saturating_sub(window));
        let heard = fresh && wanted(&pcm);
        (heard || Instant::now() > deadline).then_some((heard, pcm))
    });
    let shares = TONES.map(|tone| ear::purity(&pcm, f32::from(tone)));
    assert!(
        heard,
        "{what} is not heard; of {TONES:?} there is {shares:.2?} in {:.2} s of sound\n{}",
        ear::sounding(&pcm),
        traces(server)
    );
}

/// Waits until all calls are over and nothing of them is left; what all of them lived through.
#[track_caller]
pub(crate) fn all_over(server: &Server) -> String {
    const LEFT: [&str; 5] = ["calls", "media_legs", "sip_sessions", "tasks", "conferences"];
    wait::until("the end of all calls", SOON * 2, || {
        LEFT.iter().all(|name| server.metric(&format!("offhook_{name}")) == 0.0).then_some(())
    });
    traces(server)
}

/// What all calls lived through, the latest first.
pub(crate) fn traces(server: &Server) -> String {
    let calls = server.json("/calls");
    let ids = calls["calls"].as_array().into_iter().flatten().filter_map(|call| call["id"].as_str());
    ids.map(|id| server.get(&format!("/calls/{id}/trace")).unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Waits until some call's timeline says this.
#[track_caller]
pub(crate) fn noted(server: &Server, text: &str) {
    let deadline = Instant::now() + SOON;
    let (said, traces) = wait::until(text, SOON * 2, || {
        let traces = traces(server);
        let said = traces.contains(text);
        (said || Instant::now() > deadline).then_some((said, traces))
    });
    assert!(said, "no timeline says {text}:\n{traces}");
}
