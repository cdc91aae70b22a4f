//! What descriptions come to for the media leg, and what we describe.

use sdp::negotiate::security::{Keying, Policy};
use sip::Transport;

use super::*;
use crate::encryption::Encryption;

fn body(lines: &str) -> Body {
    let head = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n";
    Body::sdp(format!("{head}{lines}"))
}

fn flow(transport: Transport) -> Flow {
    let local = "198.51.100.1:5060".parse().expect("an address");
    let remote = "192.0.2.7:5060".parse().expect("an address");
    Flow { transport, local, remote }
}

#[test]
fn what_the_far_end_says_of_opus_is_what_its_leg_is_set_up_with() {
    let opus = OpusSettings { fec: true, dtx: true, ..OpusSettings::default() };
    let codecs = Arc::new(Codecs { opus, ..Codecs::default() });
    let lines = |parameters: &str| {
        body(&format!(
            "m=audio 4000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 {parameters}\r\na=rtcp-xr:voip-metrics\r\n"
        ))
    };
    let asked = "maxaveragebitrate=20000;cbr=1;useinbandfec=1;usedtx=1;maxplaybackrate=16000";
    let mut answering = Table::toward(codecs.clone(), &flow(Transport::Udp), 20_000);
    let (_, answered) = answering.answer(&lines(asked)).expect("an answer");
    let mut offering = Table::toward(codecs.clone(), &flow(Transport::Udp), 20_000);
    offering.offer();
    let accepted = offering.accept(&lines(asked)).expect("an agreement");
    for agreement in [answered, accepted] {
        let opus = agreement.setup.opus;
        assert_eq!((opus.bitrate, opus.cbr, opus.fec, opus.dtx), (Some(20_000), true, true, true));
        assert_eq!(opus.max_playback_rate, audio::Rate::WIDE);
        assert!(agreement.setup.voice_reports);
    }
    let (_, plain) = answering.answer(&lines("minptime=10")).expect("an answer");
    let opus = plain.setup.opus;
    assert_eq!((opus.bitrate, opus.cbr, opus.fec, opus.dtx), (None, false, false, false));
}

#[test]
fn rtcp_goes_to_rtps_port_where_the_answer_agrees_and_above_it_where_not() {
    for (line, port) in [("a=rtcp-mux\r\n", 4_000), ("", 4_001)] {
        let mut table = Table::toward(Arc::default(), &flow(Transport::Udp), 20_000);
        table.offer();
        let agreement = table.accept(&body(&format!("m=audio 4000 RTP/AVP 0\r\n{line}"))).expect("taken");
        assert_eq!(agreement.setup.remote_rtcp.port(), port);
    }
}

#[test]
fn offers_that_go_by_a_stream_name_more_suites() {
    let encryption = Encryption::new(Policy::Required, Keying::Sdes);
    let codecs = Arc::new(Codecs { encryption, ..Codecs::default() });
    for (transport, suites) in [(Transport::Udp, 3), (Transport::Tcp, 4), (Transport::Tls, 4)] {
        let offer = Table::toward(codecs.clone(), &flow(transport), 20_000).offer();
        let text = String::from_utf8_lossy(&offer.bytes).into_owned();
        assert_eq!(text.matches("a=crypto:").count(), suites);
        // With headers of 500 bytes it is a datagram still: RFC 3261 §18.1.1.
        assert!(transport != Transport::Udp || text.len() < 800, "{}", text.len());
    }
}
