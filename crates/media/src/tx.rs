//! A leg's mouth: the outgoing stream's numbers, and how a packet is sent.

use rtp::packet::Writer;
use rtp::{RtpTime, Seq};

use crate::command::LegSetup;
use crate::id::LegId;
use crate::io::{Channel, Io};
use crate::stats::WorkerStats;

/// The outgoing stream. Its timestamps count samples, whatever the clock on the wall does.
pub(crate) struct Tx {
    writer: Writer,
    timestamp: RtpTime,
    /// The last packet carried something to hear.
    talking: bool,
    pub(crate) packets: u64,
    pub(crate) octets: u64,
}

impl Tx {
    /// RFC 3550 §5.1: SSRC, first sequence number and first timestamp are random; they come from `seed`.
    pub(crate) fn new(seed: u64) -> Tx {
        let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Tx {
            writer: Writer::new(seed as u32, Seq((seed >> 32) as u16)),
            timestamp: RtpTime((mixed >> 32) as u32),
            talking: false,
            packets: 0,
            octets: 0,
        }
    }

    /// Time passes without a packet.
    pub(crate) fn pass(&mut self, units: u32) {
        self.timestamp = self.timestamp.plus(units);
        self.talking = false;
    }

    /// Send a packet whose payload is in place. `talking` tells prompts from silence: a talkspurt's first is marked.
    pub(crate) fn audio<I: Io>(
        &mut self,
        id: LegId,
        setup: &LegSetup,
        talking: bool,
        packet: &mut [u8],
        io: &mut I,
        stats: &mut WorkerStats,
    ) {
        let marker = talking && !self.talking;
        self.talking = talking;
        let octets = packet.len() - rtp::packet::HEADER;
        self.writer.write(packet, setup.payload_type, marker, self.timestamp);
        self.timestamp = self.timestamp.plus(octets as u32);
        if io.send(id.place as usize, Channel::Rtp, setup.remote, packet) {
            self.packets += 1;
            self.octets += octets as u64;
            stats.packets_out += 1;
        } else {
            stats.send_failures += 1;
        }
    }
}
