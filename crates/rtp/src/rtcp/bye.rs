//! Goodbyes: RFC 3550 §6.6.

use super::{BYE, Writer, word};

/// A goodbye that arrived.
#[derive(Clone, Copy, Debug)]
pub struct Bye<'a> {
    count: usize,
    body: &'a [u8],
}

impl<'a> Bye<'a> {
    pub(super) fn parse(count: usize, body: &'a [u8]) -> Option<Bye<'a>> {
        Some(Bye { count, body })
    }

    /// Who leaves.
    pub fn sources(&self) -> impl Iterator<Item = u32> + 'a {
        self.body.chunks_exact(4).take(self.count).filter_map(|chunk| word(chunk).map(|(ssrc, _)| ssrc))
    }
}

impl Writer<'_> {
    /// Append the goodbye of one source.
    pub fn bye(&mut self, ssrc: u32) {
        self.packet(1, BYE, |writer| writer.put(&ssrc.to_be_bytes()));
    }
}
