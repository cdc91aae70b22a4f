//! A leg's RTCP: a report every five seconds or so, a goodbye, and what the peer reports of us.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rtp::packet;
use rtp::rtcp::{Block, Compound, NtpTime, Packet, SenderInfo, VoiceMetrics, Writer};

use crate::rx::Rx;
use crate::tx::Tx;

/// RFC 3550 §6.2: the least interval between reports. A call of two is far below any share of bandwidth.
const INTERVAL: Duration = Duration::from_secs(5);

/// RFC 3550 §6.3.1: e − 3/2, which makes up for reconsideration.
const COMPENSATION: f64 = 1.218_28;

/// The RTCP state of a leg.
pub(crate) struct Rtcp {
    cname: Arc<str>,
    /// The time since 1970 at the worker's epoch.
    wall: Duration,
    due: Duration,
    random: u64,
    /// Packets we had sent at the last report and the one before: who sent since is a sender (RFC 3550 §6.4).
    sent: [u64; 2],
    /// Whose the last sender report is, its NTP time (middle bits), and when it came.
    last_sr: Option<(u32, u32, Duration)>,
    /// The same of the last receiver's time (RFC 3611 §4.4).
    last_time: Option<(u32, u32, Duration)>,
    pub(crate) round_trip: Option<Duration>,
    pub(crate) remote_lost: Option<i32>,
    /// Of what we sent it missed so many in a hundred since its last report; until somebody takes that.
    fresh_loss: Option<u8>,
    /// Where its reports come from, by the RTCP socket.
    pub(crate) from: Option<SocketAddr>,
    /// How the peer hears us, as it says itself.
    pub(crate) remote_voice: Option<VoiceMetrics>,
}

impl Rtcp {
    pub(crate) fn new(cname: Arc<str>, seed: u64) -> Rtcp {
        Rtcp {
            cname,
            wall: Duration::ZERO,
            due: Duration::ZERO,
            random: seed | 1,
            sent: [0; 2],
            last_sr: None,
            last_time: None,
            round_trip: None,
            remote_lost: None,
            fresh_loss: None,
            from: None,
            remote_voice: None,
        }
    }

    /// The leg begins at `now`; the first report comes after half an interval (RFC 3550 §6.2).
    pub(crate) fn begin(&mut self, now: Duration, wall: Duration) {
        self.wall = wall;
        self.due = now + self.interval() / 2;
    }

    pub(crate) fn is_due(&self, now: Duration) -> bool {
        now >= self.due
    }

    /// Half to one and a half times the interval, so that no two participants fall into step.
    fn interval(&mut self) -> Duration {
        // xorshift64
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let share = 0.5 + (self.random >> 11) as f64 / (1u64 << 53) as f64;
        INTERVAL.mul_f64(share / COMPENSATION)
    }

    /// Write the report that is due, with `voice` if the peer wants it, and a goodbye if the leg ends.
    /// `None` if it does not fit.
    pub(crate) fn write(
        &mut self,
        now: Duration,
        (rx, tx): (&mut Rx, &Tx),
        voice: Option<VoiceMetrics>,
        bye: bool,
        buffer: &mut [u8],
    ) -> Option<usize> {
        self.due = now + self.interval();
        // RFC 3550 §6.4.1: both are of the source that the block is about.
        let (last_sr, delay) = match self.last_sr {
            Some((ssrc, middle, at)) if rx.ssrc() == Some(ssrc) => {
                (middle, rtp::time::units(now.saturating_sub(at), 65_536))
            }
            _ => (0, 0),
        };
        let block = rx.block(last_sr, delay);
        let mut writer = Writer::new(buffer);
        let sender = tx.packets > self.sent[1];
        if sender {
            let (packets, octets) = tx.sent();
            let info = SenderInfo {
                ntp: self.ntp(now),
                timestamp: tx.timestamp(),
                packets: packets as u32,
                octets: octets as u32,
            };
            writer.sender_report(tx.ssrc(), &info, block.as_slice());
        } else {
            writer.receiver_report(tx.ssrc(), block.as_slice());
        }
        self.sent = [tx.packets, self.sent[0]];
        writer.description(tx.ssrc(), &self.cname);
        if let Some(voice) = voice {
            self.extend(now, tx.ssrc(), voice, sender, &mut writer);
        }
        if bye {
            writer.bye(tx.ssrc());
        }
        writer.finish()
    }

    /// The voice metrics, and what a peer that does not send needs to measure the round trip (RFC 3611 §4.4, §4.5).
    fn extend(&self, now: Duration, ours: u32, voice: VoiceMetrics, sender: bool, writer: &mut Writer<'_>) {
        let time = Block::ReceiverTime(self.ntp(now));
        let delay = self.last_time.map(|(ssrc, last, at)| {
            let delay = rtp::time::units(now.saturating_sub(at), 65_536);
            Block::Delay { ssrc, last, delay }
        });
        let voice = Block::Voice(voice);
        // A sender's report has its time already.
        match (sender, delay) {
            (true, None) => writer.extended_report(ours, &[voice]),
            (true, Some(delay)) => writer.extended_report(ours, &[voice, delay]),
            (false, None) => writer.extended_report(ours, &[voice, time]),
            (false, Some(delay)) => writer.extended_report(ours, &[voice, time, delay]),
        }
    }

    /// Read what the peer said; it came at `came`, or nobody knows when. `false` if that says nothing.
    pub(crate) fn read(&mut self, came: Option<Duration>, ours: u32, datagram: &[u8]) -> bool {
        let Some(packets) = Compound::parse(datagram) else { return false };
        for packet in packets {
            let blocks = match packet {
                Packet::SenderReport(sr) => {
                    if let Some(now) = came {
                        self.last_sr = Some((sr.ssrc, sr.info.ntp.middle(), now));
                    }
                    sr.blocks()
                }
                Packet::ReceiverReport(rr) => rr.blocks(),
                Packet::ExtendedReport(xr) => {
                    for block in xr.blocks() {
                        self.read_block(came, ours, xr.ssrc, block);
                    }
                    continue;
                }
                // A goodbye changes nothing: SIP says when a call is over.
                _ => continue,
            };
            for block in blocks.filter(|block| block.ssrc == ours) {
                self.remote_lost = Some(block.lost);
                self.fresh_loss = Some((u32::from(block.fraction_lost) * 100).div_ceil(256) as u8);
                self.measure(came, block.last_sr, block.delay);
            }
        }
        true
    }

    /// What the peer's last report said of losses, once: percent.
    pub(crate) fn news_of_loss(&mut self) -> Option<u8> {
        self.fresh_loss.take()
    }

    fn read_block(&mut self, came: Option<Duration>, ours: u32, from: u32, block: Block) {
        match block {
            Block::Voice(voice) if voice.ssrc == ours => self.remote_voice = Some(voice),
            Block::ReceiverTime(time) => {
                if let Some(now) = came {
                    self.last_time = Some((from, time.middle(), now));
                }
            }
            Block::Delay { ssrc, last, delay } if ssrc == ours => self.measure(came, last, delay),
            Block::Voice(_) | Block::Delay { .. } => {}
        }
    }

    /// The round trip: what we said at `last` (the middle of our time) lay `delay` at the peer.
    fn measure(&mut self, came: Option<Duration>, last: u32, delay: u32) {
        if let Some(now) = came.filter(|_| last != 0) {
            // RFC 3550 §6.4.1: A − LSR − DLSR, in 1/65536 s; nonsense is negative or long.
            let trip = self.ntp(now).middle().wrapping_sub(last).wrapping_sub(delay);
            if trip < 60 * 65_536 {
                self.round_trip = Some(Duration::from_secs_f64(f64::from(trip) / 65_536.0));
            }
        }
    }

    fn ntp(&self, now: Duration) -> NtpTime {
        NtpTime::from_unix(self.wall + now)
    }
}

/// Where reports go: beside the audio, where that was latched, or where the peer's own come `from` there (RFC 4961 §4): NAT
/// need not keep two ports together.
pub(crate) fn destination(
    signalled: SocketAddr,
    rx: &Rx,
    muxed: bool,
    from: Option<SocketAddr>,
) -> SocketAddr {
    let audio = rx.latch.remote();
    match (rx.latch.is_latched(), muxed) {
        (false, _) => signalled,
        (true, true) => audio,
        (true, false) => from
            .filter(|from| from.ip() == audio.ip())
            .unwrap_or(SocketAddr::new(audio.ip(), audio.port().wrapping_add(1).max(1))),
    }
}

/// Whether a datagram on the RTP socket belongs here.
pub(crate) fn is_rtcp(datagram: &[u8]) -> bool {
    packet::is_rtcp(datagram)
}
