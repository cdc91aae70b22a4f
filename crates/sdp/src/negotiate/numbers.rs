//! The payload types of one offer of ours: each number means one thing, and what it meant before.

use super::{Audio, Capabilities, Codec};
use crate::attribute::{EVENT, Format};

/// What the payload types of an offer of ours mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numbers {
    /// The codecs with the numbers they are offered with.
    pub(super) codecs: Vec<Codec>,
    /// The clocks of telephone-event and their numbers.
    pub(super) events: Vec<(u32, u8)>,
}

impl Numbers {
    /// Numbers for an offer. What is in use keeps its numbers: RFC 3264 §8.3.2 forbids to change what a number means.
    pub(super) fn new(ours: &Capabilities, agreed: Option<&Audio>) -> Numbers {
        let kept = |codec: &Codec| agreed.filter(|a| a.codec.same(codec)).map(|a| a.receive_payload_type);
        let event = agreed.and_then(|audio| audio.telephone_event);
        let mut taken: Vec<u8> = agreed.iter().map(|audio| audio.receive_payload_type).collect();
        taken.extend(event.map(|event| event.receive_payload_type));
        let mut codecs: Vec<Codec> = Vec::new();
        for codec in &ours.codecs {
            let number = kept(codec).unwrap_or_else(|| {
                let free = !taken.contains(&codec.payload_type);
                if free { codec.payload_type } else { unused(&taken) }
            });
            taken.push(number);
            codecs.push(Codec { payload_type: number, ..codec.clone() });
        }
        let mut events = Vec::new();
        if ours.telephone_event {
            // RFC 4733 §2.1 asks for the codec's clock; 8000 goes along for peers that know no other.
            let mut clocks: Vec<u32> = codecs.iter().map(|codec| codec.clock).collect();
            clocks.push(8_000);
            clocks.sort_unstable();
            clocks.dedup();
            for clock in clocks {
                let kept = event.filter(|event| event.clock == clock).map(|event| event.receive_payload_type);
                let number = kept.unwrap_or_else(|| unused(&taken));
                taken.push(number);
                events.push((clock, number));
            }
        }
        Numbers { codecs, events }
    }

    /// The number of telephone-event with this clock.
    pub(super) fn event(&self, clock: u32) -> Option<u8> {
        self.events.iter().find(|(of, _)| *of == clock).map(|(_, number)| *number)
    }

    /// What a number means.
    pub(super) fn explain(&self, payload_type: u8) -> Option<Format> {
        let codec = self.codecs.iter().find(|codec| codec.payload_type == payload_type);
        let format =
            |name: &str, clock, channels| Format { payload_type, name: name.into(), clock, channels };
        codec.map(|codec| format(&codec.name, codec.clock, codec.channels())).or_else(|| {
            let (clock, _) = self.events.iter().find(|(_, number)| *number == payload_type)?;
            Some(format(EVENT, *clock, 1))
        })
    }
}

/// A dynamic type (96 to 127, RFC 3551 §3) that is free: 101 first, which is everyone's telephone-event.
fn unused(taken: &[u8]) -> u8 {
    (101..=127).chain(96..=100).find(|number| !taken.contains(number)).unwrap_or(101)
}
