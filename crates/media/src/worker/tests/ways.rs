//! What is heard where a conversation takes another way, in virtual time: packets that were passed on go by samples from
//! here on, and back. The far end of the second leg sends back what it hears, so that the first hears both ways.

use super::relaying::away;
use super::*;
use crate::bridge::Bridge;

/// What the phone's packets do on their way, and what else happens: by the slot, in one that lasts six seconds.
type Lateness = fn(u64) -> u64;

/// A voice in tune whose pitch never stands still, and some breath: every moment of it is like no other.
fn voice(samples: usize) -> Vec<i16> {
    let (mut phase, mut state) = (0.0f64, 0x2545_f491u32);
    let moment = |n: usize| {
        let at = n as f64 / 8_000.0;
        let pitch = 140.0 + 30.0 * (at * 3.1).sin() + 15.0 * (at * 7.3).sin();
        phase += pitch / 8_000.0 * std::f64::consts::TAU;
        // Marsaglia's xorshift.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let breath = f64::from(state >> 16) / 65_536.0 - 0.5;
        let tone: f64 = (1..=12).map(|k| (phase * f64::from(k)).sin() / f64::from(k)).sum();
        ((tone * 3_000.0 + breath * 1_200.0) * (0.7 + 0.3 * (at * 11.0).sin())) as i16
    };
    (0..samples).map(moment).collect()
}

/// What a phone hears that plays each packet at its timestamp, with silence where none is.
fn laid(sent: &[Sent]) -> Vec<i16> {
    let mut sound = Vec::new();
    let views = views(sent);
    let first = views[0].timestamp;
    for view in &views {
        let at = view.timestamp.since(first) as usize;
        let codec = if view.payload_type == 8 { Codec::Pcma } else { Codec::Pcmu };
        let mut pcm = [0; 480];
        let n = codec.decode(view.payload, &mut pcm);
        sound.resize(sound.len().max(at + n), 0);
        sound[at..at + n].copy_from_slice(&pcm[..n]);
    }
    sound
}

/// What was heard, against what was said, from half a second on.
#[derive(Debug)]
struct Listened {
    /// Milliseconds that are like nothing that was said about then.
    unlike: usize,
    /// By how many milliseconds sound was later at the end than at the beginning, and at the most.
    later: f32,
    most: f32,
}

fn listen(said: &[i16], heard: &[i16]) -> Listened {
    const PIECE: usize = 160;
    const STEP: usize = 80;
    let power = |part: &[i16]| part.iter().map(|s| f32::from(*s).powi(2)).sum::<f32>();
    let mut lags: Vec<i32> = Vec::new();
    let mut unlike = 0;
    for at in (4_000..heard.len() - PIECE).step_by(STEP) {
        let piece = &heard[at..at + PIECE];
        let (mut best, own) = ((0, 0.0), power(piece));
        // Mostly it is as late as before, and never much later.
        let around = lags.last().map_or(-400..2_000, |last| last - 480..last + 480);
        for lag in lags.last().copied().into_iter().chain(around) {
            let from = usize::try_from(at as i32 - lag).ok();
            let Some(part) = from.and_then(|from| said.get(from..from + PIECE)) else { continue };
            let product: f32 = part.iter().zip(piece).map(|(a, b)| f32::from(*a) * f32::from(*b)).sum();
            let like = product / (own * power(part)).sqrt().max(1.0);
            if like > best.1 {
                best = (lag, like);
            }
            if like > 0.99 {
                break;
            }
        }
        match best {
            (lag, 0.9..) => lags.push(lag),
            _ => unlike += STEP / 8,
        }
    }
    let first = lags[0];
    let ms = |lag: i32| (lag - first) as f32 / 8.0;
    let most = lags.iter().copied().max().unwrap();
    Listened { unlike, later: ms(*lags.last().unwrap()), most: ms(most) }
}

/// A packet that a watched socket has is taken at once.
fn arrive(rig: &mut Rig, place: u32, from: SocketAddr, packet: &[u8], before: u64) {
    rig.io.arrive(place as usize, Channel::Rtp, from, packet);
    if rig.io.watched.contains(&(place as usize)) {
        rig.worker.between(clock::at(rig.slot) - MS(before), &[place], &mut rig.io);
    }
}

/// What the second leg's far end heard of the phone and what the phone heard of itself. The phone's packets leave in these
/// slots modulo a packet time, each so many milliseconds later than it should.
fn talk(phase: u64, late: Lateness, mut change: impl FnMut(&mut Rig)) -> [Listened; 2] {
    let mut rig = Rig::new();
    let (one, two) = (setup(), LegSetup { remote: away(), ..setup() });
    let kits = [&one, &two].map(|setup| Kit::to_talk(setup, Delay::CONVERSATION).unwrap());
    let (mut a, mut b) = Bridge::pair(one.rate, two.rate);
    Bridge::face((&mut a, id(0)), (&mut b, id(1)), true);
    rig.adopt(0, one);
    rig.adopt(1, two);
    let [kit, other_kit] = kits;
    rig.order(Order::Bridge(id(0), 1, Box::new(a), kit));
    rig.order(Order::Bridge(id(1), 2, Box::new(b), other_kit));
    let said = voice(8 * 6_000);
    let encoded = prompt(&said);
    let mut frames = encoded.bytes().chunks(160);
    let (mut phone, mut flying, mut reached) = (Phone::new(home(), 9), Vec::new(), 0);
    let mut heard = [Vec::new(), Vec::new()];
    let echo = |rig: &mut Rig, heard: &mut [Vec<Sent>; 2], before: u64| {
        for sent in rig.heard() {
            let there = sent.to == away();
            if there {
                arrive(rig, 1, away(), &sent.bytes, before);
            }
            heard[usize::from(!there)].push(sent);
        }
        heard[1].extend(rig.heard());
    };
    for slot in 0..1_200u64 {
        if slot % 4 == phase {
            let packet = phone.packet(0, phone.timestamp, frames.next().unwrap());
            phone.timestamp = phone.timestamp.plus(160);
            // Nobody overtakes.
            reached = (slot + late(slot / 4) / 5).max(reached);
            flying.push((reached, packet));
        }
        change(&mut rig);
        flying.retain(|(due, packet)| {
            if *due == slot {
                arrive(&mut rig, 0, home(), packet, 2);
            }
            *due > slot
        });
        echo(&mut rig, &mut heard, 1);
        rig.slots(1);
        echo(&mut rig, &mut heard, 4);
    }
    assert!(rig.worker.stats.relayed > 100, "packets were passed on before and after");
    heard.map(|sent| listen(&said, &laid(&sent)))
}

/// The second leg speaks A-law for a second and a half.
fn other_law(rig: &mut Rig) {
    let law = |codec, number| LegSetup {
        remote: away(),
        payload_type: number,
        receive_payload_type: number,
        ..LegSetup { codec, ..setup() }
    };
    let change = match rig.slot {
        301 => law(Codec::Pcma, 8),
        601 => law(Codec::Pcmu, 0),
        _ => return,
    };
    let kit = Kit::to_talk(&change, Delay::CONVERSATION).unwrap();
    rig.order(Order::Reconfigure(id(1), Box::new(change), Some(kit)));
}

/// The first leg is recorded four times, for half a second each.
fn recorded(rig: &mut Rig) {
    match rig.slot % 200 {
        100 if rig.slot < 900 => {
            let (ring, _) = RingBuffer::new(80_000);
            rig.record_as(4, ring, &Recording::new("a.wav"));
        }
        0 => rig.order(Order::Stop(id(0), 4)),
        _ => {}
    }
}

#[test]
fn nothing_is_lost_or_put_in_where_packets_go_by_samples_and_back() {
    for phase in 0..4 {
        for change in [other_law, recorded] {
            for heard in talk(phase, |_| 0, change) {
                assert!(
                    heard.unlike == 0 && heard.later == 0.0 && heard.most == 0.0,
                    "sample for sample, {phase}: {heard:?}"
                );
            }
        }
    }
}

#[test]
fn on_a_network_that_holds_packets_back_a_change_of_the_way_is_heard_no_more_than_they_are() {
    // One in twelve is late, and those after it come with it: such a network asks for 65 ms, and a frame is whole.
    let late = |n: u64| if n.is_multiple_of(12) { 30 + n * 7 % 31 } else { 0 };
    for phase in 0..4 {
        for heard in talk(phase, late, other_law) {
            assert!(heard.unlike <= 25, "{phase}: {heard:?}");
            assert!(heard.most <= 90.0, "{phase}: {heard:?}");
        }
    }
}
