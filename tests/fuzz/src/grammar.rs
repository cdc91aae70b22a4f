//! Header values made up from the pieces of SIP's grammar, right ones and nearly right ones.

use fastrand::Rng;

const WORDS: &[&str] = &[
    "a",
    "1",
    "SIP",
    "Q.850",
    "Digest",
    "auth",
    "UDP",
    "audio",
    "timer",
    "uac",
    "full",
    "yes",
    "*",
    "id",
    "INVITE",
    "application/sdp",
    "user-busy",
    "1.1",
    "%41",
    "%0d%0a",
    "é",
    "\u{1}",
    "70",
    "4294967296",
    "",
];

const NAMES: &[&str] = &[
    "tag",
    "branch",
    "rport",
    "received",
    "maddr",
    "ttl",
    "lr",
    "transport",
    "user",
    "expires",
    "q",
    "cause",
    "text",
    "index",
    "rc",
    "mp",
    "reason",
    "counter",
    "privacy",
    "screen",
    "party",
    "realm",
    "nonce",
    "qop",
    "nc",
    "response",
    "username",
    "uri",
    "algorithm",
    "stale",
    "opaque",
    "refresher",
    "to-tag",
    "from-tag",
    "early-only",
    "handling",
    "boundary",
    "reg-id",
    "+sip.instance",
    "ob",
    "phone-context",
    "x",
];

fn pick<'a>(rng: &mut Rng, all: &[&'a str]) -> &'a str {
    all[rng.usize(..all.len())]
}

/// A quoted string, now and then with escapes, or never closed.
fn quoted(rng: &mut Rng, out: &mut String) {
    out.push('"');
    for _ in 0..rng.usize(..4) {
        out.push_str(pick(rng, &["a b", "\\\"", "\\\\", "é", "<", ",", ";", "%22", "\\"]));
    }
    if rng.u8(..20) != 0 {
        out.push('"');
    }
}

/// `;name=value` some times.
fn params(rng: &mut Rng, out: &mut String) {
    for _ in 0..rng.usize(..4) {
        out.push_str(pick(rng, &[";", "; ", " ;", ";;"]));
        out.push_str(pick(rng, NAMES));
        match rng.u8(..4) {
            0 => {}
            1 => {
                out.push('=');
                quoted(rng, out);
            }
            _ => {
                out.push_str(pick(rng, &["=", " = "]));
                out.push_str(pick(rng, WORDS));
            }
        }
    }
}

/// A URI, or nearly one.
pub fn uri(rng: &mut Rng, out: &mut String) {
    out.push_str(pick(rng, &["sip:", "sips:", "tel:", "SIP:", "urn:", "sip", ""]));
    if rng.bool() {
        out.push_str(pick(
            rng,
            &["alice", "+49301", "1(2)3", "a%40b", "+1;phone-context=x", "a:b", "%00", ""],
        ));
        out.push('@');
    }
    out.push_str(pick(
        rng,
        &["192.0.2.1", "example.com", "[2001:db8::1]", "[::", "a b", "h:5060", "[::1]:70000", ""],
    ));
    params(rng, out);
    if rng.u8(..4) == 0 {
        out.push_str(pick(
            rng,
            &["?Reason=SIP%3Bcause%3D302", "?Replaces=a%40b%3Bto-tag%3D1", "?a=b&c", "?"],
        ));
    }
}

/// One value of some header.
pub fn value(rng: &mut Rng, out: &mut String) {
    match rng.u8(..6) {
        0 => {
            out.push_str(pick(rng, WORDS));
            params(rng, out);
        }
        1 => {
            out.push_str(pick(rng, &["SIP/2.0/UDP ", "SIP / 2.0 / TCP ", "Digest ", "1 "]));
            out.push_str(pick(
                rng,
                &["192.0.2.1:5060", "[::1]", "h", "realm=\"x\", nonce=\"y\"", "1 INVITE"],
            ));
            params(rng, out);
        }
        2 => uri(rng, out),
        _ => {
            match rng.u8(..3) {
                0 => quoted(rng, out),
                1 => out.push_str(pick(rng, WORDS)),
                _ => {}
            }
            out.push('<');
            uri(rng, out);
            if rng.u8(..20) != 0 {
                out.push('>');
            }
            params(rng, out);
        }
    }
}

/// A header line's value: one value, or several.
pub fn values(rng: &mut Rng) -> String {
    let mut out = String::new();
    value(rng, &mut out);
    for _ in 0..rng.usize(..3) {
        out.push_str(pick(rng, &[",", " , ", "\r\n ,", ",,"]));
        value(rng, &mut out);
    }
    out
}
