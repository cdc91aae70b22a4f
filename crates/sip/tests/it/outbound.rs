//! Outbound (RFC 5626): instances and their flows, and phones that change everything but their instance.

use sip::Transport;

use crate::harness::*;
use crate::proof::{Ask, credentials};

/// A REGISTER of alice's over one of her flows; the answer.
#[track_caller]
fn register(b: &mut Bench, call: &str, cseq: u32, via: &str, headers: &str, status: &str) -> String {
    let ask = Ask { headers, ..Ask::new("REGISTER", "sip:192.0.2.1", call) };
    let send = |b: &mut Bench, cseq: u32, extra: &str| {
        let text = ask.text(cseq, extra).replace("To: <sip:", "To: <sip:alice@");
        b.hear(&text.replace(";rport\r\n", &format!(";rport\r\n{via}")));
        b.sent.pop().expect("an answer").1
    };
    let refusal = send(b, cseq, "");
    let proof = credentials(&refusal, "REGISTER", "sip:192.0.2.1", "alice", "secret", 1);
    let answer = send(b, cseq + 1, &proof);
    assert!(answer.starts_with(&format!("SIP/2.0 {status}")), "{answer}");
    answer
}

fn contact(port: u16, more: &str) -> String {
    format!("Contact: <sip:alice@10.0.0.5:{port}>;+sip.instance=\"<urn:uuid:F00>\"{more}\r\n")
}

fn held(b: &Bench) -> Vec<&str> {
    b.endpoint.bindings().map(|x| x.contact.as_str()).collect()
}

#[test]
fn a_flow_is_replaced_by_its_number_and_the_answer_requires_outbound() {
    let mut b = Bench::over(Transport::Tcp);
    let over = |port: u16, id: u8| contact(port, &format!(";reg-id={id}")) + "Supported: path, outbound\r\n";
    let ok = register(&mut b, "a", 1, "", &over(1001, 1), "200");
    assert_eq!((header(&ok, "Require"), header(&ok, "Flow-Timer")), ("outbound", "120"));
    assert!(header(&ok, "Contact").contains(";reg-id=1"));
    register(&mut b, "b", 1, "", &over(1002, 2), "200");
    assert_eq!(held(&b), ["sip:alice@10.0.0.5:1001", "sip:alice@10.0.0.5:1002"]);
    // The first flow broke: another port, Call-ID and number, and the same flow nevertheless.
    register(&mut b, "z", 1, "", &over(2001, 1), "200");
    assert_eq!(held(&b), ["sip:alice@10.0.0.5:1002", "sip:alice@10.0.0.5:2001"]);
}

#[test]
fn over_udp_the_phone_minds_its_nat_by_itself() {
    let mut b = Bench::new();
    let ok = register(&mut b, "a", 1, "", &(contact(1001, ";reg-id=1") + "Supported: outbound\r\n"), "200");
    assert_eq!(header(&ok, "Require"), "outbound");
    assert!(find(&ok, "Flow-Timer").is_none());
}

#[test]
fn without_support_the_flow_number_requires_nothing() {
    let mut b = Bench::new();
    let ok = register(&mut b, "a", 1, "", &contact(1001, ";reg-id=1"), "200");
    assert!(find(&ok, "Require").is_none());
}

#[test]
fn an_instance_that_changes_port_and_call_id_with_each_refresh_stays_one_phone() {
    let mut b = Bench::new();
    for n in 0..30_u16 {
        b.flow.remote.set_port(20_000 + n);
        register(&mut b, &format!("call-{n}"), 20, "", &contact(20_000 + n, ""), "200");
    }
    assert_eq!(held(&b), ["sip:alice@10.0.0.5:20029"]);
    assert_eq!(b.endpoint.bindings_of("alice")[0].flow, b.flow);
    assert_eq!(b.endpoint.bindings_of("alice")[0].instance(), Some("<urn:uuid:f00>"));
    // Another phone with the same private address is another phone.
    let other = contact(20_029, "").replace("F00", "BA5");
    register(&mut b, "other", 1, "", &other, "200");
    assert_eq!(b.endpoint.counts().bindings, 2);
    // And one that gives no instance is known by its address.
    register(&mut b, "plain", 1, "", "Contact: <sip:alice@10.0.0.5:20029>\r\n", "200");
    assert_eq!(b.endpoint.counts().bindings, 1);
}

#[test]
fn two_contacts_of_one_instance_in_one_request_are_both_kept() {
    let mut b = Bench::new();
    register(&mut b, "a", 1, "", &(contact(1001, "") + &contact(1002, "")), "200");
    assert_eq!(b.endpoint.counts().bindings, 2);
    register(&mut b, "b", 1, "", &contact(1003, ""), "200");
    assert_eq!(held(&b), ["sip:alice@10.0.0.5:1003"]);
}

#[test]
fn several_contacts_beside_a_flow_number_are_refused() {
    let mut b = Bench::new();
    let two = contact(1001, ";reg-id=1") + &contact(1002, ";reg-id=2") + "Supported: outbound\r\n";
    register(&mut b, "a", 1, "", &two, "400");
    // To remove several is allowed.
    register(&mut b, "a", 3, "", &(two + "Expires: 0\r\n"), "200");
}

#[test]
fn a_proxy_that_takes_no_part_in_outbound_is_439() {
    let mut b = Bench::new();
    let via = "Via: SIP/2.0/TCP 10.9.9.9;branch=z9hG4bKfar\r\n";
    let flow = contact(1001, ";reg-id=1") + "Supported: outbound, path\r\n";
    let no = register(&mut b, "a", 1, via, &flow, "439");
    assert!(no.starts_with("SIP/2.0 439 First Hop Lacks Outbound Support"));
    register(&mut b, "a", 3, via, &(flow.clone() + "Path: <sip:192.0.2.7;lr>\r\n"), "439");
    assert_eq!(b.endpoint.counts().bindings, 0);
    let ok = register(&mut b, "a", 5, via, &(flow + "Path: <sip:192.0.2.7;lr;ob>\r\n"), "200");
    assert_eq!(header(&ok, "Require"), "outbound");
}
