//! The far ends of a storm.

use audio::codec::OpusSettings;
use rtp::srtp::OVERHEAD;

use super::*;

pub(super) fn seal(setup: &LegSetup) -> Option<Protector> {
    match &setup.security {
        Security::Keys { receive, .. } => Protector::new(receive),
        _ => None,
    }
}

impl Storm {
    /// What is agreed on with who is there.
    pub(super) fn setup(&mut self, remote: SocketAddr) -> LegSetup {
        let chance = &mut self.chance;
        let (codec, number) = chance.of(&[
            (Codec::Pcmu, 0),
            (Codec::Pcmu, 0),
            (Codec::Pcmu, 0),
            (Codec::Pcma, 8),
            (Codec::G722, 9),
            (Codec::Opus, 107),
            (Codec::L16(Rate::WIDE), 97),
        ]);
        let opus = OpusSettings { cbr: chance.one_in(4), dtx: chance.one_in(4), ..OpusSettings::default() };
        let security = match chance.below(4) {
            0 => {
                Security::Keys { send: keys(chance.below(3)), receive: keys(chance.below(3)), identifier: 0 }
            }
            _ => Security::None,
        };
        let rate = if codec == Codec::Opus {
            chance.of(&[Rate::NARROW, Rate::WIDE, Rate::FULL])
        } else {
            codec.rate()
        };
        let noise = codec != Codec::Opus && chance.one_in(4);
        LegSetup {
            rate,
            opus,
            telephone_event: (!chance.one_in(4)).then_some(101),
            telephone_event_receive: Some(101),
            comfort_noise: noise.then_some(13),
            comfort_noise_send: noise.then_some(13),
            keys_in_sound: chance.one_in(6),
            ptime: MS(chance.of(&[20, 20, 20, 20, 10, 30, 40, 60])),
            send: !chance.one_in(8),
            receive: !chance.one_in(8),
            voice_reports: chance.one_in(4),
            security,
            ..LegSetup::new(codec, number, remote)
        }
    }

    /// A leg comes to this place.
    pub(super) fn come(&mut self, place: u32) {
        self.generations += 1;
        let remote = SocketAddr::from(([192, 0, 2, 1 + place as u8], 4_000 + 2 * self.generations as u16));
        let setup = self.setup(remote);
        let id = LegId { home: 0, place, generation: self.generations };
        let kit = setup.keys_in_sound.then(|| Kit::to_hear(&setup, Delay::CONVERSATION).unwrap());
        let seed = self.chance.next() << 24 ^ self.chance.next();
        let mut leg = Leg::new(id, setup.clone(), "offhook".into(), Duration::from_secs(30), seed);
        kit.into_iter().for_each(|kit| leg.listen_for_keys(kit));
        self.rig.order(Order::Adopt(Box::new(leg), 20_000 + place as u16));
        let phone = Phone::new(remote, self.chance.next() as u32);
        let party = Party {
            id,
            encoder: Encoder::new(setup.codec, setup.rate, &setup.opus).unwrap(),
            seal: seal(&setup),
            setup,
            phone,
            said: 0,
            talks: true,
            held: None,
            in_room: false,
            tags: vec![],
        };
        match self.parties.iter_mut().find(|party| party.id.place == place) {
            Some(other) => *other = party,
            None => self.parties.push(party),
        }
    }

    /// What the phone of a party says in a packet.
    fn packet(&mut self, at: usize) -> Vec<u8> {
        let party = &mut self.parties[at];
        let setup = &party.setup;
        let samples = setup.rate.0 as usize / 200 * setup.period() as usize;
        let first = party.said;
        party.said += samples;
        let hertz = 300.0 + 100.0 * at as f64;
        let loud = if self.chance.one_in(200) { 0.0 } else { 5_000.0 };
        let frame: Vec<i16> = (0..samples)
            .map(|n| {
                let turn = (first + n) as f64 / f64::from(setup.rate.0) * hertz * std::f64::consts::TAU;
                (turn.sin() * loud) as i16
            })
            .collect();
        let mut payload = [0; 1_400];
        let mut n = party.encoder.encode(&frame, &mut payload);
        let mut number = setup.receive_payload_type;
        match self.chance.below(100) {
            0 if setup.comfort_noise.is_some() => {
                number = 13;
                (payload[0], n) = (60, 1);
            }
            1 => {
                let event = [self.chance.below(18) as u8, (self.chance.below(2) << 7) as u8 | 10, 3, 32];
                number = 101;
                payload[..4].copy_from_slice(&event);
                n = 4;
            }
            2 => n = self.chance.below(n as u64 + 1) as usize,
            3 if self.chance.one_in(10) => {
                let by = self.chance.next() as u16;
                let next = party.phone.writer.next_seq().plus(by);
                party.phone.writer.set_next(next);
            }
            4 if self.chance.one_in(10) => {
                let seq = party.phone.writer.next_seq();
                party.phone.writer = Writer::new(self.chance.next() as u32, seq);
            }
            _ => {}
        }
        let timestamp = party.phone.timestamp;
        party.phone.timestamp = timestamp.plus(setup.codec.clock() / 200 * setup.period() as u32);
        let mut packet = party.phone.packet(number, timestamp, &payload[..n]);
        if let Some(seal) = &mut party.seal {
            let len = packet.len();
            packet.resize(len + OVERHEAD, 0);
            let len = seal.rtp(&mut packet, len).unwrap_or(len);
            packet.truncate(len);
        }
        packet
    }

    /// The packets of a slot.
    pub(super) fn talk(&mut self) {
        for at in 0..self.parties.len() {
            let period = self.parties[at].setup.period();
            if !self.parties[at].talks || !(self.rig.slot + at as u64).is_multiple_of(period) {
                continue;
            }
            let packet = self.packet(at);
            let from = self.parties[at].phone.from;
            let mut all = vec![];
            match self.chance.below(50) {
                0 => {}
                1 => all = vec![packet.clone(), packet],
                2 => self.parties[at].held = Some(packet),
                3 => all = (0..self.chance.below(30)).map(|_| packet.clone()).collect(),
                4 => {
                    let mut bad = packet;
                    let n = self.chance.below(bad.len() as u64) as usize;
                    bad[n] ^= 1 << self.chance.below(8);
                    all = vec![bad];
                }
                _ => {
                    all.push(packet);
                    all.extend(self.parties[at].held.take());
                }
            }
            let place = self.parties[at].id.place;
            let came = !all.is_empty();
            for packet in all {
                self.rig.io.arrive(place as usize, Channel::Rtp, from, &packet);
            }
            if came && self.rig.io.watched.contains(&(place as usize)) && !self.chance.one_in(5) {
                let now = clock::at(self.rig.slot) - MS(3);
                self.rig.worker.between(now, &[place], &mut self.rig.io);
            }
        }
    }
}
