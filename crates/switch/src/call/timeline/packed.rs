//! Entries of a timeline as bytes, one after the other: milliseconds, kind, numbers, texts behind their lengths.
//! As values a call's dozen would take three times the memory. For this process only: nothing of it is stored.

use flow::trace::{Entry, What};

/// Room that is made at once: some lines, and not twice what there is, which would stay half empty.
const ROOM: usize = 128;

/// Writes an entry behind those that are there.
pub(super) fn write(bytes: &mut Vec<u8>, Entry { at_ms, what }: &Entry) {
    let (kind, numbers, texts): (u8, [u64; 2], [&str; 3]) = match what {
        What::Sip { line } => (0, [0, 0], [line, "", ""]),
        What::Flow { dialect, document } => (1, [0, 0], [dialect, document, ""]),
        What::Node { pointer, op } => (2, [0, 0], [pointer, op, ""]),
        What::Prompt { what } => (3, [0, 0], [what, "", ""]),
        What::Digit { key } => (4, [u64::from(u32::from(*key)), 0], ["", "", ""]),
        What::Collected { digits } => (5, [0, 0], [digits, "", ""]),
        What::Http { method, url, status, latency_ms, note } => {
            (6, [u64::from(*status), *latency_ms], [method, url, note])
        }
        What::Media { note } => (7, [0, 0], [note, "", ""]),
        What::Recorded { id, duration_ms } => (8, [*duration_ms, 0], [id, "", ""]),
        What::Note { text } => (9, [0, 0], [text, "", ""]),
        What::Ended { cause, by } => (10, [0, 0], [cause, by, ""]),
    };
    // Twelve bytes are more than most of the numbers and lengths take.
    let need = texts.iter().map(|text| text.len()).sum::<usize>() + 12;
    if bytes.capacity() - bytes.len() < need {
        bytes.reserve_exact(need.next_multiple_of(ROOM).max(bytes.len() / 8));
    }
    number(bytes, *at_ms);
    bytes.push(kind);
    numbers.into_iter().for_each(|value| number(bytes, value));
    for text in texts {
        number(bytes, text.len() as u64);
        bytes.extend_from_slice(text.as_bytes());
    }
}

/// All entries.
pub(super) fn read(bytes: &[u8]) -> Vec<Entry> {
    let mut rest = bytes;
    std::iter::from_fn(|| entry(&mut rest)).collect()
}

fn entry(rest: &mut &[u8]) -> Option<Entry> {
    let at_ms = take_number(rest)?;
    let (kind, more) = rest.split_first()?;
    *rest = more;
    let [first, second] = [take_number(rest)?, take_number(rest)?];
    let [one, two, three] = [take_text(rest)?, take_text(rest)?, take_text(rest)?];
    let what = match kind {
        0 => What::Sip { line: one },
        1 => What::Flow { dialect: one, document: two },
        2 => What::Node { pointer: one, op: two },
        3 => What::Prompt { what: one },
        4 => What::Digit { key: char::from_u32(first as u32)? },
        5 => What::Collected { digits: one },
        6 => What::Http { method: one, url: two, status: first as u16, latency_ms: second, note: three },
        7 => What::Media { note: one },
        8 => What::Recorded { id: one, duration_ms: first },
        9 => What::Note { text: one },
        _ => What::Ended { cause: one, by: two },
    };
    Some(Entry { at_ms, what })
}

/// Seven bits a byte, the lowest first; all but the last with the highest bit set.
fn number(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let length = rest.iter().position(|byte| byte & 0x80 == 0)? + 1;
    let (own, more) = rest.split_at_checked(length)?;
    *rest = more;
    Some(own.iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f)))
}

fn take_text(rest: &mut &[u8]) -> Option<String> {
    let length = usize::try_from(take_number(rest)?).ok()?;
    let (own, more) = rest.split_at_checked(length)?;
    *rest = more;
    String::from_utf8(own.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_down_is_read_as_it_was() {
        let text = |text: &str| text.to_owned();
        let all = [
            What::Sip { line: text("← INVITE \"Zoë\" <sip:1@h>\u{1}\n") },
            What::Flow { dialect: text("kazoo"), document: text("menu") },
            What::Node { pointer: text("/children/_"), op: text("Play(\\)") },
            What::Prompt { what: text("Say(\"…\")") },
            What::Digit { key: '#' },
            What::Collected { digits: String::new() },
            What::Http {
                method: text("GET"),
                url: text("http://h/?a=b&c"),
                status: 503,
                latency_ms: u64::MAX,
                note: text("no"),
            },
            What::Media { note: text("PCMU") },
            What::Recorded { id: text("r"), duration_ms: 127 },
            What::Note { text: "x".repeat(3 * ROOM) },
            What::Ended { cause: text("hangup"), by: text("caller") },
        ];
        let entries: Vec<Entry> = (126..).zip(all).map(|(at_ms, what)| Entry { at_ms, what }).collect();
        let mut bytes = Vec::new();
        entries.iter().for_each(|entry| write(&mut bytes, entry));
        assert_eq!(read(&bytes), entries);
        assert!(bytes.capacity() < bytes.len() + 2 * ROOM, "{} of {}", bytes.len(), bytes.capacity());
    }
}
