//! The payload types of one offer of ours: each number means one thing, and what it meant before.

use super::{Audio, Capabilities, Codec};
use crate::attribute::{EVENT, Format, NOISE};

/// What the payload types of an offer of ours mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numbers {
    /// The codecs with the numbers they are offered with.
    pub(super) codecs: Vec<Codec>,
    /// The clocks of comfort noise and their numbers.
    pub(super) noises: Vec<(u32, u8)>,
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
        let noise = agreed.and_then(|audio| Some((audio.codec.clock, audio.comfort_noise?)));
        taken.extend(noise.map(|(_, noise)| noise.receive_payload_type));
        let mut codecs: Vec<Codec> = Vec::new();
        for codec in &ours.codecs {
            let number = kept(codec).unwrap_or_else(|| {
                let free = !taken.contains(&codec.payload_type);
                if free { codec.payload_type } else { unused(&taken) }
            });
            taken.push(number);
            codecs.push(Codec { payload_type: number, ..codec.clone() });
        }
        let mut noises = Vec::new();
        if ours.comfort_noise {
            for clock in clocks(codecs.iter().filter(|codec| codec.takes_noise())) {
                let kept = noise.filter(|(of, _)| *of == clock).map(|(_, noise)| noise.receive_payload_type);
                let number = kept.unwrap_or_else(|| {
                    // RFC 3551 §6 has a number for the clock of G.711.
                    let fixed = clock == 8_000 && !taken.contains(&13);
                    if fixed { 13 } else { unused(&taken) }
                });
                taken.push(number);
                noises.push((clock, number));
            }
        }
        let mut events = Vec::new();
        if ours.telephone_event {
            // RFC 4733 §2.1 asks for the codec's clock; 8000 goes along for peers that know no other.
            let narrow = Codec::new("", 0, 8_000);
            for clock in clocks(codecs.iter().chain([&narrow])) {
                let kept = event.filter(|event| event.clock == clock).map(|event| event.receive_payload_type);
                let number = kept.unwrap_or_else(|| unused(&taken));
                taken.push(number);
                events.push((clock, number));
            }
        }
        Numbers { codecs, noises, events }
    }

    /// The number of comfort noise with this clock.
    pub(super) fn noise(&self, clock: u32) -> Option<u8> {
        self.noises.iter().find(|(of, _)| *of == clock).map(|(_, number)| *number)
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
            let noises = self.noises.iter().map(|noise| (NOISE, noise));
            let all = noises.chain(self.events.iter().map(|event| (EVENT, event)));
            let (name, (clock, _)) = all.into_iter().find(|(_, (_, number))| *number == payload_type)?;
            Some(format(name, *clock, 1))
        })
    }
}

/// The clocks of these codecs, each once, the lowest first.
fn clocks<'a>(codecs: impl Iterator<Item = &'a Codec>) -> Vec<u32> {
    let mut clocks: Vec<u32> = codecs.map(|codec| codec.clock).collect();
    clocks.sort_unstable();
    clocks.dedup();
    clocks
}

/// A dynamic type (96 to 127, RFC 3551 §3) that is free: 101 first, which is everyone's telephone-event.
fn unused(taken: &[u8]) -> u8 {
    (101..=127).chain(96..=100).find(|number| !taken.contains(number)).unwrap_or(101)
}
