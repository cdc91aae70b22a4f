//! What a leg is given to hear, to speak and to record with, made where allocating is allowed.

use audio::codec::{CodecError, Decoder, Encoder};
use audio::detect::{Dtmf, Narrow};

use super::{Delay, Ears};
use crate::command::LegSetup;
use crate::detectors::narrowing;
use crate::recording::Sides;

/// What a leg needs that hears, and speaks from samples.
#[derive(Debug)]
pub(crate) struct Kit {
    pub(crate) ears: Box<Ears>,
    /// For what is said from samples; a recorder has none.
    pub(crate) encoder: Option<Encoder>,
    /// For a recorder of what is said; others have none.
    pub(crate) voice: Option<Decoder>,
    /// For keys in the sound, where those are wanted.
    pub(crate) keys: Option<Box<Dtmf>>,
    /// For detectors, of a leg that does not hear at 8 kHz; others have none.
    pub(crate) narrow: Option<Box<Narrow>>,
}

impl Kit {
    /// To hear.
    pub(crate) fn to_hear(setup: &LegSetup, delay: Delay) -> Result<Kit, CodecError> {
        let keys = setup.keys_in_sound.then(|| Box::new(Dtmf::new(setup.rate)));
        let ears = Box::new(Ears::new(setup.codec, setup.rate, &setup.others(), delay)?);
        Ok(Kit { ears, encoder: None, voice: None, keys, narrow: None })
    }

    /// To hear what is recorded, and to understand what is said, if that is recorded too.
    pub(crate) fn to_record(setup: &LegSetup, delay: Delay, sides: Sides) -> Result<Kit, CodecError> {
        let kit = Kit::to_hear(setup, delay)?;
        if sides == Sides::Heard { Ok(kit) } else { kit.listening(setup) }
    }

    /// The same, with what understands what is said.
    pub(crate) fn listening(self, setup: &LegSetup) -> Result<Kit, CodecError> {
        Ok(Kit { voice: Some(Decoder::new(setup.codec, setup.rate)?), ..self })
    }

    /// To hear what detectors listen to.
    pub(crate) fn to_detect(setup: &LegSetup, delay: Delay) -> Result<Kit, CodecError> {
        Ok(Kit { narrow: narrowing(setup.rate), ..Kit::to_hear(setup, delay)? })
    }

    /// For a leg that changes, whatever it does: to hear, to speak, to record and to detect.
    pub(crate) fn for_all(setup: &LegSetup, delay: Delay) -> Result<Kit, CodecError> {
        let kit = Kit::to_talk(setup, delay)?.listening(setup)?;
        Ok(Kit { narrow: narrowing(setup.rate), ..kit })
    }

    /// To hear and to speak from samples.
    pub(crate) fn to_talk(setup: &LegSetup, delay: Delay) -> Result<Kit, CodecError> {
        let encoder = Encoder::new(setup.codec, setup.rate, &setup.opus)?;
        Ok(Kit { encoder: Some(encoder), ..Kit::to_hear(setup, delay)? })
    }
}
