//! Source descriptions: RFC 3550 §6.5. Only the CNAME is of use here.

use super::{SDES, Writer, word};

/// The item that names a source for good: RFC 3550 §6.5.1.
const CNAME: u8 = 1;

/// The CNAME of `ssrc` in the body of a description.
pub fn cname(body: &[u8], ssrc: u32) -> Option<&[u8]> {
    let mut chunk = body;
    loop {
        let (source, mut items) = word(chunk)?;
        // Items end with a zero; the next chunk begins at the next whole word.
        loop {
            match *items {
                [0, ..] => break,
                [kind, length, ..] => {
                    let value = items.get(2..2 + usize::from(length))?;
                    if kind == CNAME && source == ssrc {
                        return Some(value);
                    }
                    items = items.get(2 + usize::from(length)..)?;
                }
                _ => return None,
            }
        }
        let used = chunk.len() - items.len();
        chunk = chunk.get((used / 4 + 1) * 4..)?;
    }
}

impl Writer<'_> {
    /// Append a description that gives `ssrc` its CNAME, of at most 255 bytes.
    pub fn description(&mut self, ssrc: u32, cname: &str) {
        let name = cname.as_bytes();
        let name = name.get(..name.len().min(255)).unwrap_or_default();
        self.packet(1, SDES, |writer| {
            writer.put(&ssrc.to_be_bytes());
            writer.put(&[CNAME, name.len() as u8]);
            writer.put(name);
            // At least one zero ends the list.
            writer.put(&[0]);
        });
    }
}
