//! Strokes that damage a message in the ways that matter: cuts, doublings, flipped bits, and bytes that mean something.

use fastrand::Rng;

/// Bytes that mean something to a reader of SIP or SDP.
const SPICE: &[&[u8]] = &[
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\r\n ",
    b" ",
    b"\t",
    b";",
    b",",
    b":",
    b"=",
    b"\"",
    b"\\\"",
    b"<",
    b">",
    b"@",
    b"%",
    b"%00",
    b"%0d%0a",
    b"\\",
    b"[",
    b"]",
    b"[::1]",
    b"\0",
    b"\xff",
    b"\xc3\xa9",
    b"SIP/2.0",
    b"99999999999",
    b"4294967296",
    b"-1",
    b"z9hG4bK",
    b";tag=",
    b";rport",
    b";lr",
    b"*",
    b"sip:",
    b"sips:",
    b"tel:",
    b"Via: ",
    b"Content-Length: 5\r\n",
    b"Route: <sip:x;lr>\r\n",
    b"Content-Type: multipart/mixed;boundary=b\r\n",
    b"Session-Expires: 90;refresher=uac\r\n",
    b"Require: 100rel\r\n",
    b"RSeq: 1\r\n",
    b"Supported: timer, replaces\r\n",
    b"m=audio 1 RTP/AVP 0\r\n",
    b"a=rtpmap:",
    b"c=IN IP4 ",
    b"a=inactive\r\n",
    b"65536",
];

/// One message of the corpus with a few strokes.
pub fn mutated(rng: &mut Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let bytes = corpus[rng.usize(..corpus.len())].clone();
    let strokes = rng.usize(1..6);
    strike(rng, corpus, bytes, strokes)
}

/// `bytes` with so many strokes; parts of the corpus may come in.
pub fn strike(rng: &mut Rng, corpus: &[Vec<u8>], mut bytes: Vec<u8>, strokes: usize) -> Vec<u8> {
    for _ in 0..strokes {
        let at = rng.usize(..=bytes.len());
        let end = (at + rng.usize(..12)).min(bytes.len());
        match rng.u8(..9) {
            0 => drop(bytes.drain(at..end)),
            1 | 2 => drop(bytes.splice(at..at, SPICE[rng.usize(..SPICE.len())].iter().copied())),
            3 => drop(bytes.splice(at..end, SPICE[rng.usize(..SPICE.len())].iter().copied())),
            4 if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
            5 if at < bytes.len() => bytes[at] = rng.u8(..),
            6 => bytes.truncate(at),
            7 => {
                let part = bytes[at..end].repeat(rng.usize(1..40));
                bytes.splice(at..at, part);
            }
            _ => {
                let other = &corpus[rng.usize(..corpus.len())];
                let from = rng.usize(..other.len());
                let to = (from + rng.usize(..80)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
        }
    }
    bytes
}
