//! What an Opus packet says about itself without being decoded: RFC 6716 §3.

/// The longest packet, 120 ms, in ticks of 48 kHz: RFC 6716 §3.2.5, R5.
const LONGEST: usize = 5_760;

/// Ticks of 48 kHz in a packet; 0 if its first two bytes break a rule.
pub(in crate::codec) fn ticks(packet: &[u8]) -> usize {
    let Some((&toc, rest)) = packet.split_first() else { return 0 };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => usize::from(rest.first().copied().unwrap_or_default() & 63),
    };
    let ticks = frames * frame_ticks(toc);
    if ticks > LONGEST { 0 } else { ticks }
}

/// Ticks of 48 kHz in a frame, RFC 6716 §3.1, table 2.
fn frame_ticks(toc: u8) -> usize {
    let size = usize::from(toc >> 3 & 3);
    match toc >> 3 {
        // SILK: 10, 20, 40, 60 ms.
        0..=11 => [480, 960, 1_920, 2_880][size],
        // Both: 10 or 20 ms.
        12..=15 => [480, 960][size & 1],
        // CELT: 2.5, 5, 10, 20 ms.
        _ => [120, 240, 480, 960][size],
    }
}

/// Whether the packet carries a coarse copy of the frame before it ("LBRR", RFC 6716 §4.2.4), which only SILK can.
pub(super) fn carries_the_one_before(packet: &[u8]) -> bool {
    let Some(&toc) = packet.first() else { return false };
    if toc >> 3 > 15 {
        return false;
    }
    let Some(&bits) = first_frame(packet).and_then(<[u8]>::first) else { return false };
    // A frame of SILK begins with a bit for each of its 20 ms that tells whether there is a voice in it, then this one
    // (§4.2.3); of stereo, the second channel's follow.
    let parts = (frame_ticks(toc) / 960).max(1);
    let stereo = toc & 4 != 0;
    bits >> (7 - parts) & 1 == 1 || stereo && bits >> (6 - 2 * parts) & 1 == 1
}

/// Where the first frame's bytes begin, RFC 6716 §3.2.
fn first_frame(packet: &[u8]) -> Option<&[u8]> {
    let (&toc, rest) = packet.split_first()?;
    match toc & 3 {
        0 | 1 => Some(rest),
        2 => after_length(rest),
        _ => {
            let (&count, mut rest) = rest.split_first()?;
            if count & 0x40 != 0 {
                // §3.2.5: padding's length, of which 255 means 254 and another byte.
                while let Some((&byte, after)) = rest.split_first() {
                    rest = after;
                    if byte != 255 {
                        break;
                    }
                }
            }
            if count & 0x80 != 0 {
                for _ in 1..count & 63 {
                    rest = after_length(rest)?;
                }
            }
            Some(rest)
        }
    }
}

/// §3.2.1: a length is a byte, or two from 252 on.
fn after_length(bytes: &[u8]) -> Option<&[u8]> {
    bytes.get(if *bytes.first()? >= 252 { 2 } else { 1 }..)
}
