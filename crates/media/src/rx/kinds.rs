//! What a packet is, by its payload type and what was agreed on.

use audio::codec::Codec;
use rtp::View;

use crate::command::LegSetup;

/// Comfort noise's number where none was agreed on (RFC 3551 §6): peers send it all the same.
const COMFORT_NOISE: u8 = 13;

/// What a packet is by its payload type.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Of the codec that was agreed on first (0), or of one of the leg's alternatives, counted from 1 on.
    Audio(u8),
    /// With the ticks a second of its durations.
    Key(u32),
    Noise,
}

/// What a packet is. Peers send audio and keys under our numbers for them, as they should, or under their own.
///
/// A third number is no key, however much its payload looks like one: SIPp paces its keys with such packets.
pub(super) fn kind(setup: &LegSetup, packet: &View<'_>) -> Option<Kind> {
    let pt = packet.payload_type;
    if pt == setup.receive_payload_type {
        return Some(Kind::Audio(0));
    }
    if let Some(at) = setup.alternatives.iter().position(|other| other.receive_payload_type == pt) {
        return Some(Kind::Audio(at as u8 + 1));
    }
    if pt == setup.payload_type {
        return Some(Kind::Audio(0));
    }
    if Some(pt) == setup.telephone_event_receive || Some(pt) == setup.telephone_event {
        return Some(Kind::Key(setup.telephone_event_clock));
    }
    if let Some(other) = setup.alternatives.iter().find(|other| other.telephone_event == Some(pt)) {
        return Some(Kind::Key(other.codec.clock()));
    }
    let noise = pt == COMFORT_NOISE
        || Some(pt) == setup.comfort_noise
        || setup.alternatives.iter().any(|other| other.comfort_noise == Some(pt));
    noise.then_some(Kind::Noise)
}

/// Turn a packet of the other law of G.711 than agreed into one of the agreed law: some gateways change over without
/// asking. Both have their numbers for good (RFC 3551 §6), so that there is no doubt about what it is.
pub(super) fn turn_law(setup: &LegSetup, datagram: &mut [u8]) {
    let (codec, other) = match setup.codec {
        Codec::Pcmu => (Codec::Pcmu, Codec::Pcma),
        Codec::Pcma => (Codec::Pcma, Codec::Pcmu),
        _ => return,
    };
    let number = datagram.get(1).map(|byte| byte & 0x7f);
    if number != other.payload_type() || number == Some(setup.receive_payload_type) {
        return;
    }
    let Some(packet) = View::parse(datagram) else { return };
    let (begin, length) =
        (packet.payload.as_ptr() as usize - datagram.as_ptr() as usize, packet.payload.len());
    let mut pcm = [0; 160];
    for part in datagram.get_mut(begin..begin + length).unwrap_or_default().chunks_mut(pcm.len()) {
        let n = other.decode(part, &mut pcm);
        codec.encode(&pcm[..n], part);
    }
    if let Some(byte) = datagram.get_mut(1) {
        *byte = *byte & 0x80 | setup.receive_payload_type;
    }
}
