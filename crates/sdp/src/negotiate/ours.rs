//! Our side of one call's descriptions, from the first to the last: RFC 3264 §8.
//!
//! Every description of a session has the media lines of the one before, in their places; a payload type keeps its
//! meaning; and the version of `o=` grows exactly when the text changes. So each call (and, after a fork, each early
//! dialog: clone it) has one of these.

use super::agree::{Role, agree};
use super::numbers::Numbers;
use super::security::Security;
use super::wire::{self, Line};
use super::{Audio, Capabilities, Codec, nearer};
use crate::attribute::Direction;
use crate::{Reject, Session};

/// Our side of one call's descriptions.
#[derive(Debug, Clone)]
pub struct Ours {
    capabilities: Capabilities,
    /// What we want to do: less than both ways while we hold the peer.
    wish: Direction,
    /// The media lines of the session as last described, and which of them is the audio.
    lines: Vec<Line>,
    at: usize,
    /// What we said last, as text: it is kept for as long as the call lasts, and as a value it would be five times as
    /// large.
    said: Option<Box<str>>,
    agreed: Option<Audio>,
    /// Our offer that may be answered.
    offered: Option<Box<Offered>>,
}

#[derive(Debug, Clone)]
struct Offered {
    numbers: Numbers,
    wish: Direction,
    /// How the audio was secured before.
    now: Option<Security>,
    lines: Vec<Line>,
}

/// What a description changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The audio from now on; `None` while the peer has turned it off (port 0).
    pub audio: Option<Audio>,
    /// Whether that differs from what was agreed before. A peer's `o=` version is not asked: some forget to count.
    pub changed: bool,
}

impl Ours {
    /// Nothing said yet. The version in `capabilities` is that of the first description.
    pub fn new(capabilities: Capabilities) -> Ours {
        Ours {
            capabilities,
            wish: Direction::SendRecv,
            lines: Vec::new(),
            at: 0,
            said: None,
            agreed: None,
            offered: None,
        }
    }

    /// What we can do.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Offers and takes these codecs from now on; what is agreed on stays until the next description.
    pub fn set_codecs(&mut self, codecs: Vec<Codec>) {
        self.capabilities.codecs = codecs;
    }

    /// Our offers may be longer than a datagram takes.
    pub fn give_room(&mut self) {
        self.capabilities.encryption.roomy = true;
    }

    /// What was agreed on last.
    pub fn agreed(&self) -> Option<&Audio> {
        self.agreed.as_ref()
    }

    /// What we said last: what a session refresh repeats.
    pub fn said(&self) -> Option<&str> {
        self.said.as_deref()
    }

    /// What we want to do, as last agreed: [`Direction::SendOnly`] or [`Direction::Inactive`] while we hold the peer.
    pub fn wish(&self) -> Direction {
        self.wish
    }

    /// Answers an offer. While we hold the peer the answer keeps the hold, whatever the offer asks.
    ///
    /// # Errors
    /// [`Reject`] when no audio line can be taken; everything stays as it was. In mid-call an offer whose lines are all
    /// turned off (port 0), or that has none, is answered in kind instead.
    pub fn answer(&mut self, offer: &Session) -> Result<(Session, Terms), Reject> {
        let (taken, audio) = match self.pick(offer) {
            Ok((at, audio)) => (Some(at), Some(audio)),
            Err(_) if self.said.is_some() && offer.0.medias.iter().all(|media| media.port == 0) => {
                (None, None)
            }
            Err(reject) => return Err(reject),
        };
        let agreed = taken.zip(audio.as_ref());
        let answer = self.say(|ours| wire::answer(&offer.0, agreed, ours));
        self.offered = None;
        self.at = taken.unwrap_or(self.at);
        self.lines = wire::lines(&answer);
        Ok((answer, self.settle(audio)))
    }

    /// The line that carries the audio now, if it still can, else the first that can.
    fn pick(&self, offer: &Session) -> Result<(usize, Audio), Reject> {
        let current = offer.0.medias.get(self.at).map(|media| (self.at, media));
        let now = self.agreed.as_ref().map(|audio| &audio.security);
        let mut best = Reject::NoAudio;
        for (at, media) in current.into_iter().chain(offer.0.medias.iter().enumerate()) {
            match agree(&offer.0, media, Role::Answering(&self.capabilities), self.wish, now) {
                Ok(audio) => return Ok((at, audio)),
                Err(reject) => best = nearer(best, reject),
            }
        }
        Err(best)
    }

    /// Offers: all our codecs, the media lines of the session so far, and `wish` for the audio
    /// ([`Direction::SendOnly`] or [`Direction::Inactive`] to hold, [`Direction::SendRecv`] to begin or resume).
    /// The offer counts once its answer came; a refused one may be forgotten.
    pub fn offer(&mut self, wish: Direction) -> Session {
        let numbers = Numbers::new(&self.capabilities, self.agreed.as_ref());
        let lines = std::mem::take(&mut self.lines);
        // A peer may have described fewer lines than before, against RFC 3264 §8.
        self.at = self.at.min(lines.len());
        let at = self.at;
        let now = self.agreed.as_ref().map(|audio| audio.security.clone());
        let session =
            self.say(|ours| wire::offer(ours, &numbers, wish, now.as_ref(), (lines.as_slice(), at)));
        self.lines = lines;
        self.offered = Some(Box::new(Offered { numbers, wish, now, lines: wire::lines(&session) }));
        session
    }

    /// Takes the answer to our last offer. May be asked again, since a 183, a PRACK and a 200 may each carry one:
    /// the last counts.
    ///
    /// # Errors
    /// [`Reject`] when there is no offer of ours to answer, when the peer declined the audio, or when it answered with
    /// what was not offered; everything stays as it was.
    pub fn accept(&mut self, answer: &Session) -> Result<Terms, Reject> {
        let offered = self.offered.as_ref().ok_or(Reject::NotOffered)?;
        let medias = &answer.0.medias;
        // The line in the place of ours; peers that lose declined lines have it elsewhere.
        let is_audio = |media: &&sdp_types::Media| media.media.eq_ignore_ascii_case("audio");
        let media = medias.get(self.at).filter(is_audio).or_else(|| medias.iter().find(is_audio));
        let media = media.ok_or(Reject::NoAudio)?;
        if media.port == 0 {
            return Err(Reject::Declined);
        }
        let role = Role::Offered(&self.capabilities, &offered.numbers);
        let now = offered.now.as_ref();
        let audio = agree(&answer.0, media, role, offered.wish, now)?;
        self.wish = offered.wish;
        self.lines = offered.lines.clone();
        Ok(self.settle(Some(audio)))
    }

    fn settle(&mut self, audio: Option<Audio>) -> Terms {
        let changed = self.agreed != audio;
        self.agreed = audio.clone();
        Terms { audio, changed }
    }

    /// Writes a description with the last version, or with the next if it says something new.
    fn say(&mut self, write: impl Fn(&Capabilities) -> Session) -> Session {
        let mut session = write(&self.capabilities);
        let mut text = session.to_string();
        if self.said.as_ref().is_some_and(|said| **said != *text) {
            self.capabilities.version += 1;
            session = write(&self.capabilities);
            text = session.to_string();
        }
        self.said = Some(text.into());
        session
    }
}
