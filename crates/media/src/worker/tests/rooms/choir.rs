//! A hall for the tests of rooms, and singers whose tones tell them apart.

use audio::codec::Encoder;
use audio::detect::goertzel_power;
use audio::resample::Resampler;

use super::super::*;
use crate::bridge::Bridge;
use crate::id::{PartId, RoomId};
use crate::order::{Joining, RoomOrder};
use crate::room::{Lists, Manner, PERIOD, Room, Seat, Settings, Shared, Way};

pub(in super::super) const ROOM: PartId = PartId { worker: 0, place: 3, room: RoomId(7) };

/// A member: its leg, its phone, and the tone that it sings.
pub(super) struct Singer {
    pub(super) place: u32,
    pub(super) setup: LegSetup,
    pub(super) phone: Phone,
    pub(super) encoder: Encoder,
    pub(super) hertz: f64,
    /// Samples sung.
    pub(super) at: usize,
}

pub(super) fn address(place: u32) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1 + place as u8], 4_000))
}

/// Each has a pitch of its own, and none is a multiple of another's.
pub(super) fn pitch(place: u32) -> f64 {
    [420.0, 550.0, 690.0, 830.0, 970.0, 1_130.0, 1_290.0, 1_470.0][place as usize % 8]
}

impl Singer {
    pub(super) fn new(place: u32, setup: LegSetup) -> Singer {
        let setup = LegSetup { remote: address(place), ..setup };
        let encoder = Encoder::new(setup.codec, setup.rate, &setup.opus).unwrap();
        let phone = Phone::new(setup.remote, 100 + place);
        Singer { place, setup, phone, encoder, hertz: pitch(place), at: 0 }
    }

    pub(super) fn frame(&mut self, loud: f64) -> Vec<i16> {
        let rate = self.setup.rate.0 as usize;
        let samples = rate / 200 * self.setup.period() as usize;
        let at = self.at;
        self.at += samples;
        let sample = |n: usize| {
            let angle = (at + n) as f64 / rate as f64 * self.hertz * std::f64::consts::TAU;
            (angle.sin() * loud) as i16
        };
        (0..samples).map(sample).collect()
    }

    pub(super) fn packet(&mut self, loud: f64) -> Vec<u8> {
        let frame = self.frame(loud);
        let mut payload = [0; 1_400];
        let n = self.encoder.encode(&frame, &mut payload);
        let packet = self.phone.packet(self.setup.payload_type, self.phone.timestamp, &payload[..n]);
        let ticks = self.setup.codec.clock() / 200 * self.setup.period() as u32;
        self.phone.timestamp = self.phone.timestamp.plus(ticks);
        packet
    }

    pub(super) fn sing(&mut self, rig: &mut Rig, loud: f64) {
        let packet = self.packet(loud);
        rig.io.arrive(self.place as usize, Channel::Rtp, self.setup.remote, &packet);
    }

    /// What was sent to it, decoded.
    pub(super) fn heard(&self, sent: &[Sent]) -> Vec<i16> {
        let mut decoder = audio::codec::Decoder::new(self.setup.codec, self.setup.rate).unwrap();
        let mut all = Vec::new();
        let mut out = [0; FRAME];
        for one in sent.iter().filter(|one| one.to == self.setup.remote) {
            let view = View::parse(&one.bytes).unwrap();
            let n = decoder.decode(view.payload, &mut out);
            all.extend_from_slice(&out[..n]);
        }
        all
    }

    /// The pitches in the last half second of it: which of the eight are there.
    pub(super) fn hears(&self, sent: &[Sent]) -> Vec<u32> {
        let heard = self.heard(sent);
        let last = &heard[heard.len().saturating_sub(self.setup.rate.0 as usize / 2)..];
        (0..8).filter(|place| self.level(last, pitch(*place)) > 300.0).collect()
    }

    pub(super) fn level(&self, part: &[i16], hertz: f64) -> f64 {
        self.level_at(part, self.setup.rate, hertz)
    }

    pub(super) fn level_at(&self, part: &[i16], rate: Rate, hertz: f64) -> f64 {
        let power = f64::from(goertzel_power(part, rate, hertz as f32));
        power.sqrt() / part.len() as f64 * 2.0
    }
}

/// A rig with an open room.
pub(super) fn hall() -> Rig {
    hall_at(Rate::NARROW)
}

pub(super) fn hall_at(rate: Rate) -> Rig {
    let mut rig = Rig::new();
    let room = Box::new(Room::new(ROOM, rate, Lists::new(8, 4)));
    rig.order(Order::Room(ROOM, RoomOrder::Open(room)));
    rig
}

pub(super) fn inline(rate: Rate, setup: &LegSetup) -> Way {
    let (inward, outward) = (Resampler::between(setup.rate, rate), Resampler::between(rate, setup.rate));
    Way::Inline { inward, outward }
}

/// A leg comes and takes a seat.
pub(super) fn come(rig: &mut Rig, place: u32, setup: LegSetup) -> Singer {
    come_at(rig, place, setup, Rate::NARROW)
}

pub(super) fn come_at(rig: &mut Rig, place: u32, setup: LegSetup, rate: Rate) -> Singer {
    let singer = Singer::new(place, setup);
    rig.adopt(place, singer.setup.clone());
    join(rig, &singer, rate, Settings::default());
    singer
}

pub(super) fn join(rig: &mut Rig, singer: &Singer, rate: Rate, settings: Settings) {
    sit(rig, (id(singer.place), u64::from(singer.place) + 50), &singer.setup, rate, settings);
}

/// A leg takes a seat in the room by this tag, or another one.
pub(in super::super) fn sit(
    rig: &mut Rig,
    (leg, tag): (LegId, u64),
    setup: &LegSetup,
    rate: Rate,
    settings: Settings,
) {
    let kit = Kit::to_talk(setup, Delay::CONVERSATION).unwrap();
    let manner = Manner::new(setup.codec, setup.rate, setup.opus);
    let seat = |way| Box::new(Seat::new(Who::Leg(leg), tag, rate, settings, way));
    let mut bridge = None;
    let (seat, kit, shared) = if setup.period() == PERIOD {
        let mut seat = seat(inline(rate, setup));
        seat.manner = Some(manner);
        (seat, Some(kit), Some(Box::new(Shared::new(manner, rate).unwrap())))
    } else {
        let (here, there) = Bridge::pair(rate, setup.rate);
        bridge = Some(Order::Bridge(leg, tag, Box::new(there.into_room()), kit));
        (seat(Way::Ring(Box::new(here))), None, None)
    };
    let joining = Joining { seat: Some(seat), shared, kit, lists: None };
    rig.order(Order::Room(ROOM, RoomOrder::Join(Box::new(joining))));
    bridge.into_iter().for_each(|bridge| rig.order(bridge));
}

/// All sing for so many milliseconds.
pub(super) fn choir(rig: &mut Rig, singers: &mut [&mut Singer], ms: u64) -> Vec<Sent> {
    for slot in 0..ms / 5 {
        for singer in singers.iter_mut() {
            if slot.is_multiple_of(singer.setup.period()) {
                singer.sing(rig, 4_000.0);
            }
        }
        rig.slots(1);
    }
    rig.heard()
}

pub(super) fn joined(place: u32) -> Event {
    Event::Joined { room: RoomId(7), leg: id(place), tag: u64::from(place) + 50 }
}

pub(super) fn left(place: u32) -> Event {
    Event::Left { room: RoomId(7), leg: id(place), tag: u64::from(place) + 50 }
}
