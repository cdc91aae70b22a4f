//! Phones that say a tone of their own, by which it is told who hears whom.

use std::time::Duration;

use audio::Pcm;
use tests::peers::baresip::Baresip;
use tests::server::{PASSWORD, Server};
use tests::wait;

use crate::sound;

/// Longest until a phone is registered.
const SOON: Duration = Duration::from_secs(15);

/// A registered baresip that says `tone`.
pub(crate) fn phone(server: &Server, user: &str, tone: u16) -> Baresip {
    let before = server.metric("offhook_registrations");
    let phone = Baresip::by_hand(&server.address(), user, PASSWORD, &sound::tone_file(tone));
    wait::until("a registration", SOON, || (server.metric("offhook_registrations") > before).then_some(()));
    phone
}

/// The tone alone was heard for a second.
#[track_caller]
pub(crate) fn hears(heard: &Pcm, tone: u16) {
    assert!(sound::hears(heard, tone), "no second of {tone} Hz: {:.2?}", sound::shares(heard, tone));
}
