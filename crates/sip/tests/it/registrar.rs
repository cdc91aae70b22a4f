//! The registrar over the wire: RFC 3261 §10.3, with Path (RFC 3327).

use std::time::Duration;

use sip::{Flow, Transport};

use crate::harness::*;
use crate::proof::Ask;

/// A REGISTER of alice's with these header lines; the answer.
#[track_caller]
fn register(b: &mut Bench, call: &str, cseq: u32, headers: &str, status: &str) -> String {
    let ask = Ask { to: "", headers, ..Ask::new("REGISTER", "sip:192.0.2.1", call) };
    // The To of a REGISTER is the user's address and not the Request-URI.
    let send = |b: &mut Bench, cseq: u32, extra: &str| {
        b.hear(&ask.text(cseq, extra).replace("To: <sip:192.0.2.1>", "To: <sip:alice@192.0.2.1>"));
        b.sent.pop().expect("an answer").1
    };
    let refusal = send(b, cseq, "");
    let proof = crate::proof::credentials(&refusal, "REGISTER", "sip:192.0.2.1", "alice", "secret", 1);
    let answer = send(b, cseq + 1, &proof);
    assert!(answer.starts_with(&format!("SIP/2.0 {status}")), "{answer}");
    answer
}

fn contacts(answer: &str) -> Vec<&str> {
    answer.lines().filter_map(|l| l.strip_prefix("Contact: ")).collect()
}

#[test]
fn a_year_is_cut_to_a_day_and_the_answer_says_so() {
    let mut b = Bench::new();
    let ok = register(&mut b, "c", 1, "Contact: <sip:alice@10.0.0.5>;expires=31536000\r\n", "200");
    assert_eq!(contacts(&ok), ["<sip:alice@10.0.0.5>;expires=86400"]);
    assert!(find(&ok, "Require").is_none() && find(&ok, "Flow-Timer").is_none());
    assert_eq!(header(&ok, "Supported"), "path, outbound");
}

#[test]
fn a_contacts_own_time_goes_before_the_headers() {
    let mut b = Bench::new();
    let two = "Contact: <sip:alice@10.0.0.5>;expires=120, <sip:alice@10.0.0.6>\r\nExpires: 600\r\n";
    let ok = register(&mut b, "c", 1, two, "200");
    assert_eq!(contacts(&ok), ["<sip:alice@10.0.0.5>;expires=120", "<sip:alice@10.0.0.6>;expires=600"]);
    // RFC 3261 §10.2.1.1: what is no number is an hour.
    let ok = register(&mut b, "d", 1, "Contact: <sip:alice@10.0.0.5>;expires=soon\r\n", "200");
    assert!(contacts(&ok).contains(&"<sip:alice@10.0.0.5>;expires=3600"));
}

#[test]
fn too_little_time_is_told_the_least_and_changes_nothing() {
    let mut b = Bench::new();
    let both = "Contact: <sip:alice@10.0.0.5>, <sip:alice@10.0.0.6>;expires=59\r\n";
    let brief = register(&mut b, "c", 1, both, "423");
    assert_eq!(header(&brief, "Min-Expires"), "60");
    assert_eq!(b.endpoint.counts().bindings, 0);
}

#[test]
fn a_fetch_lists_everything_and_registers_nothing() {
    let mut b = Bench::new();
    assert_eq!(contacts(&register(&mut b, "c", 1, "", "200")), [""; 0]);
    register(&mut b, "c", 3, "Contact: <sip:alice@10.0.0.5>\r\n", "200");
    assert_eq!(contacts(&register(&mut b, "f", 1, "Expires: 0\r\n", "200")).len(), 1);
}

#[test]
fn one_contact_leaves_or_all_of_them_and_a_star_needs_its_zero() {
    let mut b = Bench::new();
    let two = "Contact: <sip:alice@10.0.0.5>, <sip:alice@10.0.0.6>\r\n";
    register(&mut b, "c", 1, two, "200");
    let ok = register(&mut b, "c", 3, "Contact: <sip:alice@10.0.0.6>\r\nExpires: 0\r\n", "200");
    assert_eq!(contacts(&ok), ["<sip:alice@10.0.0.5>;expires=3600"]);
    for wrong in ["Contact: *\r\n", "Contact: *\r\nExpires: 5\r\n", "Contact: *;expires=0\r\n"] {
        register(&mut b, "c", 10, wrong, "400");
    }
    assert_eq!(b.endpoint.counts().bindings, 1);
    register(&mut b, "c", 20, "Contact: *\r\nExpires: 0\r\n", "200");
    assert_eq!(b.endpoint.counts().bindings, 0);
}

#[test]
fn an_older_number_of_the_same_call_id_does_nothing() {
    let mut b = Bench::new();
    register(&mut b, "c", 10, "Contact: <sip:alice@10.0.0.5>\r\n", "200");
    register(&mut b, "c", 5, "Contact: <sip:alice@10.0.0.5>;expires=0\r\n", "500");
    register(&mut b, "c", 7, "Contact: *\r\nExpires: 0\r\n", "500");
    assert_eq!(b.endpoint.counts().bindings, 1);
    // A phone that was started anew has another Call-ID, and counts from the start.
    register(&mut b, "new", 1, "Contact: <sip:alice@10.0.0.5>;expires=0\r\n", "200");
    assert_eq!(b.endpoint.counts().bindings, 0);
}

#[test]
fn contacts_that_are_equal_are_one() {
    let mut b = Bench::new();
    register(&mut b, "c", 1, "Contact: <sip:%61lice@Example.COM;transport=UDP;a=b>\r\n", "200");
    let ok = register(&mut b, "d", 1, "Contact: <sip:alice@example.com;Transport=udp>\r\n", "200");
    assert_eq!(contacts(&ok), ["<sip:alice@example.com;Transport=udp>;expires=3600"]);
    b.tells(&[
        "registered alice sip:%61lice@Example.COM;transport=UDP;a=b 3600",
        "unregistered alice sip:%61lice@Example.COM;transport=UDP;a=b",
        "registered alice sip:alice@example.com;Transport=udp 3600",
    ]);
    // A port that is written is another address, even if it is the usual one.
    let ok = register(&mut b, "e", 1, "Contact: <sip:alice@example.com:5060;transport=udp>\r\n", "200");
    assert_eq!(contacts(&ok).len(), 2);
}

#[test]
fn calls_go_to_the_most_wanted_contact_first_and_never_to_a_mailbox() {
    let mut b = Bench::new();
    let all = "Contact: <sip:low@h>;q=0.1, <mailto:alice@example.com>, <sip:high@h>;q=1.0\r\n\
               Contact: <sip:plain@h>, <sip:middle@h>;q=.55, <tel:+123>;q=0.9\r\n";
    let ok = register(&mut b, "c", 1, all, "200");
    assert_eq!(contacts(&ok).len(), 6);
    register(&mut b, "d", 1, "Contact: <sip:newer@h>\r\n", "200");
    let order: Vec<&str> = b.endpoint.bindings_of("alice").iter().map(|x| x.contact.as_str()).collect();
    assert_eq!(order[0], "sip:newer@h");
    assert_eq!(order[3..], ["sip:middle@h", "sip:low@h"]);
    assert_eq!(b.endpoint.bindings_of("nobody").len(), 0);
}

#[test]
fn a_user_has_ten_contacts_at_most_and_the_first_to_end_makes_room() {
    let mut b = Bench::new();
    let eleven: String = (0..11).map(|n| format!("Contact: <sip:alice@h{n}>\r\n")).collect();
    register(&mut b, "c", 1, &eleven, "403");
    assert_eq!(b.endpoint.counts().bindings, 0);
    for n in 0..12 {
        let contact = format!("Contact: <sip:alice@h{n}>;expires={}\r\n", 1000 - n);
        register(&mut b, &format!("c{n}"), 1, &contact, "200");
    }
    assert_eq!(b.endpoint.counts().bindings, 10);
    let left: Vec<&str> = b.endpoint.bindings().map(|x| x.contact.as_str()).collect();
    assert!(left.contains(&"sip:alice@h11") && left.contains(&"sip:alice@h0"), "{left:?}");
}

#[test]
fn push_parameters_are_kept_and_a_contact_without_end_is_not() {
    let mut b = Bench::new();
    let token = "x".repeat(1300);
    let contact =
        format!("<sip:alice@10.0.0.5;pn-provider=apns;pn-prid={token}>;+org.linphone.specs=\"lime\"");
    let ok = register(&mut b, "c", 1, &format!("Contact: {contact}\r\n"), "200");
    assert_eq!(contacts(&ok), [format!("{contact};expires=3600")]);
    let endless = format!("Contact: <sip:alice@10.0.0.6;x={}>\r\n", "y".repeat(2000));
    register(&mut b, "d", 1, &endless, "400");
}

#[test]
fn a_path_is_kept_for_the_way_back_and_told_to_those_who_know_it() {
    let mut b = Bench::new();
    let path = "Contact: <sip:alice@10.0.0.5>\r\nPath: <sip:192.0.2.77:5070;lr>, <sip:p2.example.com;lr>\r\n";
    let ok = register(&mut b, "c", 1, path, "200");
    assert!(find(&ok, "Path").is_none());
    let ok = register(&mut b, "c", 3, &format!("{path}Supported: path\r\n"), "200");
    assert_eq!(header(&ok, "Path"), "<sip:192.0.2.77:5070;lr>, <sip:p2.example.com;lr>");
    let binding = b.endpoint.bindings_of("alice")[0];
    let routes: Vec<String> = binding.routes().into_iter().map(|(n, v)| format!("{n}: {v}")).collect();
    assert_eq!(routes, ["Route: <sip:192.0.2.77:5070;lr>", "Route: <sip:p2.example.com;lr>"]);
    assert_eq!(binding.flow, Flow { remote: "192.0.2.77:5070".parse().unwrap(), ..b.flow });
    register(&mut b, "c", 5, "Contact: <sip:alice@10.0.0.5>\r\nPath: <sip:\r\n", "400");
    register(&mut b, "c", 7, "Contact: <sip:alice@10.0.0.5>\r\nRequire: path\r\n", "200");
    let gruu = "Require: gruu, path\r\n";
    b.hear(&Ask { headers: gruu, ..Ask::new("REGISTER", "sip:192.0.2.1", "g") }.text(1, ""));
    assert_eq!(header(&b.sends(&["420"])[0], "Unsupported"), "gruu");
}

#[test]
fn the_way_to_a_phone_leads_through_its_nat_or_to_its_port_in_the_open() {
    let remote = |contact: &str, symmetric: bool| {
        let mut b = Bench::new();
        let headers = format!("Contact: <{contact}>\r\n");
        let ask = Ask { headers: &headers, ..Ask::new("REGISTER", "sip:192.0.2.1", "c") };
        let text = |cseq: u32, extra: &str| {
            let text = ask.text(cseq, extra).replace("To: <sip:", "To: <sip:alice@");
            if symmetric { text } else { text.replace(";rport", "") }
        };
        b.hear(&text(1, ""));
        let refusal = b.sent.pop().unwrap().1;
        let proof = crate::proof::credentials(&refusal, "REGISTER", "sip:192.0.2.1", "alice", "secret", 1);
        b.hear(&text(2, &proof));
        b.endpoint.bindings_of("alice")[0].flow.remote.to_string()
    };
    let came_from = "198.51.100.7:5070";
    assert_eq!(remote("sip:alice@10.0.0.5:5060", true), came_from);
    assert_eq!(remote("sip:alice@10.0.0.5:5060", false), came_from);
    assert_eq!(remote("sip:alice@198.51.100.7:5099", true), came_from);
    assert_eq!(remote("sip:alice@198.51.100.7:5099", false), "198.51.100.7:5099");
    assert_eq!(remote("sip:alice@198.51.100.7", false), "198.51.100.7:5060");
}

#[test]
fn bindings_go_with_their_stream_and_with_their_user() {
    let mut b = Bench::over(Transport::Tcp);
    register(&mut b, "c", 1, "Contact: <sip:alice@10.0.0.5>, <sip:alice@10.0.0.6>\r\n", "200");
    assert!(b.endpoint.is_registered_over(&b.flow));
    b.events.clear();
    b.endpoint.handle(b.now, sip::Input::Closed { flow: b.flow });
    b.drain();
    b.tells(&["unregistered alice sip:alice@10.0.0.5", "unregistered alice sip:alice@10.0.0.6"]);
    assert!(!b.endpoint.is_registered_over(&b.flow));
    register(&mut b, "c", 3, "Contact: <sip:alice@10.0.0.5>\r\n", "200");
    b.events.clear();
    b.endpoint.set_users(vec![]);
    b.drain();
    b.tells(&["unregistered alice sip:alice@10.0.0.5"]);
    b.pass(Duration::from_secs(400));
    assert_eq!(b.endpoint.poll_timeout(), None);
}
