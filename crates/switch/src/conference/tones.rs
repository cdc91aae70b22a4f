//! The tones that tell who is in a room that somebody comes or goes.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use audio::codec::{Codec, OpusSettings};
use audio::{Rate, tone};
use media::{Engine, Form, Prompt, Repeat, RoomCommand};

use super::room::Room;

/// Long enough to be noticed, short enough not to be in the way.
const LENGTH: Duration = Duration::from_millis(200);

/// Which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Entry,
    Exit,
}

/// Each tone for narrow and for wide rooms, made when it is first wanted.
#[derive(Default)]
pub(super) struct Tones([OnceLock<Option<Arc<Prompt>>>; 4]);

impl Tones {
    /// Lets all in the room hear it.
    pub(super) fn play(&self, engine: &Engine, room: &Room, tone: Tone) {
        let (rate, wide) = (room.rate(), usize::from(room.rate() != Rate::NARROW));
        let (place, hertz) = match tone {
            Tone::Entry => (wide, 660),
            Tone::Exit => (wide + 2, 330),
        };
        let made = self.0.get(place).and_then(|cell| cell.get_or_init(|| made(hertz, rate)).clone());
        if let Some(prompt) = made {
            let command = RoomCommand::Play { tag: 0, items: vec![prompt], repeat: Repeat::Times(1) };
            // A courtesy: in a room where nobody is inside it is heard by nobody.
            let _ = engine.send_to_room(room.id(), command);
        }
    }
}

fn made(hertz: u16, rate: Rate) -> Option<Arc<Prompt>> {
    let pcm = tone::render(&[hertz], LENGTH, Duration::ZERO, LENGTH, rate);
    let form = Form::new(Codec::L16(rate), Duration::from_millis(20), OpusSettings::default());
    Prompt::encode(&pcm, form).ok().map(Arc::new)
}
