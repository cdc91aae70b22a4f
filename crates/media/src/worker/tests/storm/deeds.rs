//! What a storm asks for.

use audio::mix::Gain;
use audio::resample::Resampler;

use super::phones::seal;
use super::*;
use crate::bridge::Bridge;
use crate::detector::{Detector, Listener};
use crate::guard::Guard;
use crate::order::Steer;
use crate::recording::{Pause, Sides};
use crate::room::{Fitting, Manner, Settings, Wider};

impl Storm {
    fn tag(&mut self, at: usize) -> u64 {
        self.tags += 1;
        self.parties[at].tags.push(self.tags);
        self.tags
    }

    fn list(&mut self, at: usize) -> Vec<Arc<Prompt>> {
        let setup = &self.parties[at].setup;
        let long = Duration::from_millis(20 + self.chance.below(1_500));
        let sound = tone::beep(440, long, Rate::WIDE);
        let form = if self.chance.one_in(8) { super::super::setup().form() } else { setup.form() };
        let one = Arc::new(Prompt::encode(&sound, form).unwrap());
        (0..self.chance.below(4)).map(|_| one.clone()).collect()
    }

    /// One of all that can be asked for.
    pub(super) fn act(&mut self) {
        let at = self.chance.below(self.parties.len() as u64) as usize;
        let (leg, setup) = (self.parties[at].id, self.parties[at].setup.clone());
        match self.chance.below(27) {
            0 | 1 => {
                let (tag, items) = (self.tag(at), self.list(at));
                let repeat = self.chance.of(&[Repeat::Times(1), Repeat::Times(3), Repeat::Forever]);
                let list = Playlist::new(tag, items, repeat);
                let list = match self.chance.below(3) {
                    0 => list.from(MS(self.chance.below(9_000))).running(),
                    _ => list,
                };
                self.rig.order(Order::Play(leg, list));
            }
            2 | 3 => {
                let tags = self.parties[at].tags.clone();
                if !tags.is_empty() {
                    let tag = self.chance.of(&tags);
                    self.stop(leg, tag);
                }
            }
            4 => {
                let (tag, kit) = (self.tag(at), Kit::to_talk(&setup, Delay::PATIENT).unwrap());
                self.rig.order(Order::Echo(leg, tag, kit));
            }
            5..=8 => self.bridge(at),
            9 => {
                let tag = self.tag(at);
                let digit = |key| DigitToSend { key, duration: MS(80), gap: MS(60) };
                let keys = vec![digit(Some('1')), digit(None), digit(Some('D'))];
                let dialling = match setup.telephone_event {
                    Some(_) => Dialling::Events(Keys::new(tag, keys)),
                    None => Dialling::Tones(Playlist::new(tag, self.list(at), Repeat::Times(1))),
                };
                self.rig.order(Order::Dial(leg, dialling));
            }
            10 | 11 => self.record(at),
            12 => {
                let tags = self.parties[at].tags.clone();
                if !tags.is_empty() {
                    let tag = self.chance.of(&tags);
                    // One that leaves silence: the time is kept.
                    let pause = self.chance.of(&[None, Some(Pause::Silence)]);
                    self.rig.order(Order::Pause(leg, tag, pause));
                    let steer = match self.chance.below(5) {
                        0 => Steer::Pause,
                        1 => Steer::Resume,
                        2 => Steer::Seek(MS(self.chance.below(5_000))),
                        3 => Steer::Skip(self.chance.below(5_000) as i64 - 2_500),
                        _ => Steer::Tell,
                    };
                    self.rig.order(Order::Steer(leg, tag, steer));
                }
            }
            13 | 14 => {
                let what = match self.chance.below(4) {
                    0 => Detector::Machine(Default::default()),
                    1 => Detector::Fax,
                    2 => Detector::Progress(None),
                    _ => Detector::Speech(Default::default()),
                };
                let (tag, kit) = (self.tag(at), Kit::to_detect(&setup, Delay::PATIENT).unwrap());
                self.rig.order(Order::Detect(leg, Box::new(Listener::new(tag, what)), kit));
            }
            15 | 16 => self.change(at),
            17 => {
                let gain = self.chance.of(&[Gain::UNITY, Gain::UNITY, Gain::NONE, Gain::new(2.0)]);
                self.rig.order(Order::Loudness(leg, gain));
            }
            18 | 19 => {
                self.join(at);
                self.parties[at].in_room = true;
            }
            20 => {
                self.rig.order(Order::Room(ROOM, RoomOrder::Leave(leg)));
                self.stop(leg, self.parties[at].seat());
                self.parties[at].in_room = false;
            }
            21 => self.widen(),
            22 => {
                let settings = Settings { mute: self.chance.one_in(2), ..Settings::default() };
                self.rig.order(Order::Room(ROOM, RoomOrder::Change(leg, Box::new(settings))));
            }
            23 => {
                let rate = self.room;
                let form = crate::prompt::Form::new(Codec::L16(rate), MS(20), Default::default());
                let sound = tone::beep(700, MS(300), rate);
                let list = vec![Arc::new(Prompt::encode(&sound, form).unwrap())];
                let list = Playlist::new(1, list, Repeat::Times(2));
                self.rig.order(Order::Room(ROOM, RoomOrder::Play(list, None)));
            }
            24 if self.chance.one_in(3) => {
                self.rig.order(Order::Release(leg));
                self.over(leg, None);
                self.rig.io.waiting.clear();
                self.slot(0);
                self.come(leg.place);
            }
            25 => self.parties[at].talks = !self.chance.one_in(3),
            _ => self.rig.order(Order::Renew(leg)),
        }
    }

    fn bridge(&mut self, at: usize) {
        let other = self.chance.below(self.parties.len() as u64) as usize;
        if other == at {
            return;
        }
        let ((one, of_one), (other_id, of_other)) = {
            let of = |at: usize| (self.parties[at].id, self.parties[at].setup.clone());
            (of(at), of(other))
        };
        let (mut a, mut b) = Bridge::pair(of_one.rate, of_other.rate);
        Bridge::face((&mut a, one), (&mut b, other_id), true);
        let kit = |setup: &LegSetup| Kit::to_talk(setup, Delay::CONVERSATION).unwrap();
        let tags = [self.tag(at), self.tag(other)];
        self.rig.order(Order::Bridge(one, tags[0], Box::new(a), kit(&of_one)));
        self.rig.order(Order::Bridge(other_id, tags[1], Box::new(b), kit(&of_other)));
        (self.parties[at].in_room, self.parties[other].in_room) = (false, false);
    }

    fn record(&mut self, at: usize) {
        let (leg, setup) = (self.parties[at].id, self.parties[at].setup.clone());
        let sides = self.chance.of(&[Sides::Heard, Sides::Said, Sides::Mixed, Sides::Stereo]);
        let channels = if sides == Sides::Stereo { 2 } else { 1 };
        let order = Recording { sides, ..Recording::new("a.wav") };
        let (write, ring) = RingBuffer::new(2_000_000);
        let (tell, marks) = RingBuffer::new(64);
        let tag = self.tag(at);
        let recorder = Recorder::new((leg, tag), write, setup.rate, &order, Default::default()).marking(tell);
        let kit = Kit::to_record(&setup, Delay::PATIENT, sides).unwrap();
        self.rig.order(Order::Record(leg, Box::new(recorder), kit));
        self.slot(0);
        let (rate, since, until) = (setup.rate, self.rig.slot, None);
        self.tapes.push(Tape { leg, tag, ring, marks, rate, channels, since, until, changes: 0 });
    }

    /// A re-INVITE.
    fn change(&mut self, at: usize) {
        let (leg, before) = (self.parties[at].id, self.parties[at].setup.clone());
        let mut new = self.setup(before.remote);
        if self.chance.one_in(2) {
            new = LegSetup { send: new.send, receive: new.receive, ptime: new.ptime, ..before.clone() };
        }
        let same = (before.codec, before.rate, before.opus, before.keys_in_sound)
            == (new.codec, new.rate, new.opus, new.keys_in_sound);
        let kit = (!same).then(|| Kit::for_all(&new, Delay::CONVERSATION).unwrap());
        let guard = match &new.security {
            _ if new.security == before.security => None,
            Security::None => Some(Guard::plain()),
            _ => Guard::of(&new.security),
        };
        self.rig.order(match guard {
            Some(guard) => Order::Rekey(leg, Box::new(new.clone()), kit, guard),
            None => Order::Reconfigure(leg, Box::new(new.clone()), kit),
        });
        self.slot(0);
        self.tapes.iter_mut().filter(|tape| tape.leg == leg).for_each(|tape| tape.changes += 1);
        let party = &mut self.parties[at];
        if new.security != before.security {
            party.seal = seal(&new);
        }
        party.encoder = Encoder::new(new.codec, new.rate, &new.opus).unwrap();
        let fits = same && new.period() == before.period();
        party.setup = new;
        if party.in_room && !fits {
            self.join(at);
        }
    }

    /// A leg takes a seat in the room, or another one.
    fn join(&mut self, at: usize) {
        let (leg, setup, rate) = (self.parties[at].id, self.parties[at].setup.clone(), self.room);
        let tag = self.parties[at].seat();
        sit(&mut self.rig, (leg, tag), &setup, rate, Settings::default());
    }

    fn widen(&mut self) {
        let to = match self.room.0 {
            8_000 => Rate::WIDE,
            16_000 => Rate::FULL,
            _ => return,
        };
        let mut wider = Box::new(Wider::new(to));
        for party in self.parties.iter().filter(|party| party.in_room) {
            let setup = &party.setup;
            wider.fittings.push(Fitting::new(
                Who::Leg(party.id),
                to,
                (setup.rate, setup.rate),
                Resampler::between,
            ));
            let manner = Manner::new(setup.codec, setup.rate, setup.opus);
            if !wider.manners.iter().any(|(other, _)| *other == manner) {
                wider.manners.push((manner, Resampler::between(to, setup.rate)));
            }
        }
        self.room = to;
        self.rig.order(Order::Room(ROOM, RoomOrder::Widen(wider)));
    }
}
