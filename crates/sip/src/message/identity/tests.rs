//! Identity headers as trunks write them, and what ours look like.

use bytes::Bytes;

use super::*;

/// What an INVITE with these headers says.
fn said(headers: &str) -> Asserted {
    let lines: String = headers.trim().lines().map(|line| format!("{}\r\n", line.trim())).collect();
    Asserted::of(&Message::parse(Bytes::from(format!("INVITE sip:x@h SIP/2.0\r\n{lines}\r\n"))).unwrap())
}

/// Reads what `asserted` writes: it must come back as it was.
#[track_caller]
fn comes_back(asserted: &Asserted) -> String {
    let text: String =
        asserted.headers().iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    assert_eq!(&said(&text), asserted, "{text}");
    text
}

#[test]
fn asserted_identities_are_read_on_one_line_and_on_several() {
    let read = said(
        "P-Asserted-Identity: \"Cullen, Jr.\" <sip:fluffy@cisco.com>, tel:+14085264000
         p-asserted-identity: <tel:+1-201-555-0123;phone-context=example.com>
         P-Preferred-Identity: <sip:+4930123456@trunk.example;user=phone>
         P-Asserted-Identity: <garbage>",
    );
    let uris: Vec<&str> = read.p_asserted.iter().map(|p| p.uri.as_str()).collect();
    assert_eq!(
        uris,
        ["sip:fluffy@cisco.com", "tel:+14085264000", "tel:+1-201-555-0123;phone-context=example.com"]
    );
    assert_eq!(read.p_asserted[0].display.as_deref(), Some("Cullen, Jr."));
    assert_eq!(read.p_asserted[0].number(), None);
    assert_eq!(read.p_asserted[1].number().as_deref(), Some("+14085264000"));
    assert_eq!(read.p_asserted[2].number().as_deref(), Some("+12015550123"));
    assert_eq!(read.p_asserted[2].param("phone-context").as_deref(), Some("example.com"));
    assert_eq!(read.p_preferred[0].number().as_deref(), Some("+4930123456"));
    assert_eq!(read.caller(), Some(&read.p_asserted[0]));
    comes_back(&read);
}

#[test]
fn numbers_are_told_from_names() {
    let check =
        |party: Party, expected: Option<&str>| assert_eq!(party.number().as_deref(), expected, "{party}");
    check(Party::sip("1001", "h"), Some("1001"));
    check(Party::sip("+49301", "h"), Some("+49301"));
    check(Party::sip("*67#", "h"), Some("*67#"));
    check(Party::sip("1-800", "h"), None);
    check(Party::phone("1-800", "h"), Some("1800"));
    check(Party::tel("+1(201)555.0123"), Some("+12015550123"));
    check(Party::sip("alice", "h"), None);
    check(Party::sip("", "h"), None);
    check(Party::anonymous(), None);
    assert!(Party::anonymous().is_anonymous() && !Party::sip("alice", "h").is_anonymous());
    let read = said("P-Asserted-Identity: <sip:+1212;phone-context=x.example@h;user=phone>");
    assert_eq!(read.p_asserted[0].user, "+1212");
    assert_eq!(read.p_asserted[0].param("phone-context").as_deref(), Some("x.example"));
}

#[test]
fn remote_party_says_side_privacy_and_screening() {
    let read = said(
        "Remote-Party-ID: \"Jo\" <sip:+1212@h;user=phone>;party=calling;id-type=subscriber;privacy=full;screen=yes
         Remote-Party-ID: <sip:2@h>;party=called;privacy=\"name,uri-network\";screen=no, <sip:3@h>",
    );
    let short: Vec<_> = read.remote_party.iter().map(|r| (r.side, r.hidden, r.screened)).collect();
    assert_eq!(
        short,
        [
            (Side::Calling, Hidden::Full, Some(true)),
            (Side::Called, Hidden::Full, Some(false)),
            (Side::Calling, Hidden::Nothing, None)
        ]
    );
    assert_eq!(read.caller().unwrap().display.as_deref(), Some("Jo"));
    assert!(read.is_anonymous());
    comes_back(&read);
    let ours = RemoteParty::calling(Party::sip("1", "h").named("A"), Hidden::Uri);
    assert_eq!(ours.to_string(), "\"A\" <sip:1@h>;party=calling;privacy=uri;screen=yes");
}

#[test]
fn privacy_is_a_set_or_none_or_unsaid() {
    let read = |text: &str| said(&format!("Privacy: {text}")).privacy;
    let all = Wanted { id: true, user: true, header: true, session: true, history: true, critical: true };
    assert_eq!(said("").privacy, Privacy::Unsaid);
    assert_eq!(read("none"), Privacy::None);
    assert_eq!(read("id"), Privacy::id());
    assert_eq!(read("ID; critical;user ;header;session;history"), Privacy::Wanted(all));
    assert_eq!(read("id, foo"), Privacy::id());
    assert_eq!(read("foo"), Privacy::Unsaid);
    assert_eq!(read("none;id"), Privacy::id());
    assert_eq!(read("full"), Privacy::Wanted(Wanted { history: false, critical: false, ..all }));
    assert!(Privacy::id().hides_caller() && !Privacy::None.hides_caller());
    for privacy in [Privacy::None, Privacy::id(), Privacy::Wanted(all)] {
        comes_back(&Asserted { privacy, ..Asserted::default() });
    }
    assert_eq!(Privacy::Wanted(all).to_string(), "header;session;user;id;history;critical");
}

#[test]
fn diversions_keep_their_order_reasons_and_counters() {
    let read = said(
        "Diversion: <sip:+1900@h;user=phone>;reason=user-busy;counter=3;privacy=off;screen=yes
         Diversion: \"Z\" <tel:+1800>;reason=\"no-answer\" ;privacy=full, <sip:c@h>;reason=odd;counter=-1
         Diversion: <sip:d@h>;reason=unconditional;counter=999",
    );
    let short: Vec<_> =
        read.diversions.iter().map(|d| (d.party.user.as_str(), d.why, d.counter, d.hidden)).collect();
    assert_eq!(
        short,
        [
            ("+1900", Why::Busy, 3, Hidden::Nothing),
            ("+1800", Why::NoAnswer, 1, Hidden::Full),
            ("c", Why::Unknown, 1, Hidden::Nothing),
            ("d", Why::Unconditional, 1, Hidden::Nothing)
        ]
    );
    comes_back(&read);
}

#[test]
fn history_is_a_tree_with_reasons_in_its_uris() {
    let read = said(
        "History-Info: <sip:bob@example.com>;index=1;foo=bar
         History-Info: <sip:bob@192.0.2.4?Reason=SIP%3Bcause%3D302%3Btext%3D%22Moved%20Temporarily%22>;index=1.1;rc=1, <sip:office@example.com;cause=486?Privacy=history>;index=1.2;mp=1
         History-Info: <tel:+1212>;index=x.1",
    );
    let short: Vec<_> =
        read.history.iter().map(|h| (h.party.uri.as_str(), h.index.as_slice(), h.status())).collect();
    assert_eq!(
        short,
        [
            ("sip:bob@example.com", &[1][..], None),
            ("sip:bob@192.0.2.4", &[1, 1], Some(302)),
            ("sip:office@example.com;cause=486", &[1, 2], Some(486)),
            ("tel:+1212", &[], None)
        ]
    );
    assert_eq!(read.history[1].reason.as_deref(), Some("SIP;cause=302;text=\"Moved Temporarily\""));
    assert_eq!(read.history[1].retarget, Some((Retarget::Contact, vec![1])));
    assert_eq!(read.history[2].retarget, Some((Retarget::Mapped, vec![1])));
    assert!(read.history[2].hidden && !read.history[1].hidden);
    let text = comes_back(&read);
    assert!(
        text.contains("History-Info: <sip:bob@192.0.2.4?Reason=SIP%3Bcause%3D302%3Btext%3D%22Moved%20Temporarily%22>;index=1.1;rc=1\r\n"),
        "{text}"
    );
    assert!(text.contains("<sip:office@example.com;cause=486?Privacy=history>;index=1.2;mp=1"), "{text}");
}

#[test]
fn a_diverted_call_says_so_in_both_ways() {
    let mut asserted = Asserted::default();
    asserted.divert(&Party::sip("1001", "pbx"), &Party::sip("1002", "pbx"), Why::NoAnswer);
    asserted.divert(&Party::sip("1002", "pbx"), &Party::phone("+4930", "trunk"), Why::Busy);
    assert_eq!(
        comes_back(&asserted),
        "Diversion: <sip:1002@pbx>;reason=user-busy;counter=1\r\n\
         Diversion: <sip:1001@pbx>;reason=no-answer;counter=1\r\n\
         History-Info: <sip:1001@pbx?Reason=SIP%3Bcause%3D408>;index=1\r\n\
         History-Info: <sip:1002@pbx?Reason=SIP%3Bcause%3D486>;index=1.1;mp=1\r\n\
         History-Info: <sip:+4930@trunk;user=phone>;index=1.1.1;mp=1.1\r\n"
    );
}

#[test]
fn referred_by_is_a_party() {
    let read = said("Referred-By: \"R\" <sip:r@ref.example>;cid=\"2UWQFN309shb3@ref.example\"");
    assert_eq!(read.referred_by.as_ref().unwrap().user, "r");
    assert_eq!(said("b: sip:r@ref.example").referred_by.unwrap().host, "ref.example");
    comes_back(&read);
}

#[test]
fn nothing_in_a_value_becomes_a_header_or_a_second_value() {
    let evil = "a\"b\\c\r\nEvil: 1\0, <sip:x@y>;tag=1";
    for party in [
        Party::sip("1", "h").named(evil),
        Party::sip(evil, "h"),
        Party::sip("1", evil),
        Party::phone(evil, evil).named(evil),
        Party::tel(evil),
        Party { uri: evil.into(), display: Some(evil.into()), ..Party::default() },
        Party { uri: format!("sip:{evil}@h"), ..Party::default() },
    ] {
        let asserted = Asserted {
            p_asserted: vec![party.clone()],
            p_preferred: vec![party.clone()],
            remote_party: vec![RemoteParty::calling(party.clone(), Hidden::Full)],
            diversions: vec![Diversion::new(party.clone(), Why::Busy)],
            history: vec![History {
                reason: Some(evil.into()),
                hidden: true,
                ..History::first(party.clone())
            }],
            referred_by: Some(party),
            ..Asserted::default()
        };
        let headers = asserted.headers();
        assert_eq!(headers.len(), 6);
        for (name, value) in headers {
            assert!(!value.bytes().any(|b| b < b' ' || b == 0x7f), "{name}: {value}");
            assert_eq!(crate::message::lex::list(&value).count(), 1, "{name}: {value}");
            let (head, _) = value.split_once('>').expect("a URI in brackets");
            assert!(!value.contains(";tag=1>") || head.contains('<'), "{name}: {value}");
        }
    }
    let quoted = Party::sip("1", "h").named("a \"b\" \\").to_string();
    assert_eq!(quoted, "\"a \\\"b\\\" \\\\\" <sip:1@h>");
}

#[test]
fn a_flood_of_values_is_cut() {
    let line = "<sip:a@h>;index=1,".repeat(1000);
    let read = said(&format!("Diversion: {line}\nHistory-Info: {line}\nP-Asserted-Identity: {line}"));
    assert_eq!((read.diversions.len(), read.history.len(), read.p_asserted.len()), (MOST, MOST, MOST));
}
