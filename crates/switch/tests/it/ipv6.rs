//! Calls over IPv6, and over both families at one socket.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::rig::{LONG, Rig};
use serde_json::{Value, json};
use testkit::ear;
use testkit::ua::{Offer, Phone};

fn echo() -> Value {
    json!({"actions": [{"type": "answer"}, {"type": "echo", "option": {"duration": 60_000}}]})
}

#[test]
fn phones_of_both_families_call_one_socket_and_hear_themselves() {
    let rig = Rig::with(&[("9196", echo())], |config| {
        config.sip.udp = vec!["[::]:0".parse().expect("an address")];
        config.media.bind = "::".parse().expect("an address");
    });
    for host in ["::1", "127.0.0.1"] {
        let host: IpAddr = host.parse().expect("an address");
        let server = SocketAddr::new(host, rig.address().port());
        let mut phone = Phone::new(server, "caller", None).expect("a phone");
        let mut call = phone.call("9196", Offer::Early, LONG).expect("an answer");
        call.talk(&audio::tone::beep(1_000, Duration::from_millis(600), audio::Rate::NARROW))
            .expect("talked");
        call.listen(Duration::from_millis(500)).expect("a socket");
        let heard = call.hang_up().expect("heard");
        assert!(ear::sounding(&heard.pcm()) > 0.4, "{host}: the tone comes back\n{:?}", rig.traces());
        rig.nothing_left();
    }
}
