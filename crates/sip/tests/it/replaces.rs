//! Calls that take another's place (RFC 3891), and Join, which is refused (RFC 3911).

use sip::{Event, Reason, Replaces};

use crate::harness::*;

/// An INVITE of another call with these headers.
fn other(extra: &str) -> String {
    request("INVITE", 1, "other", "", extra, SDP).replace("Call-ID: call-1", "Call-ID: call-2")
}

#[test]
fn the_dialog_to_be_replaced_is_read_and_found() {
    let mut b = Bench::new();
    let (session, tag) = call_up(&mut b);
    let tag = tag.strip_prefix(";tag=").unwrap();
    b.hear(&other(&format!("Replaces: call-1;to-tag={tag};from-tag=peer\r\nRequire: replaces\r\n")));
    b.sends(&["100"]);
    let Event::Invited { invite, .. } = b.events.remove(0) else { panic!("no call") };
    let replaces = invite.replaces.clone().unwrap();
    assert_eq!(b.endpoint.find(&replaces.call_id, &replaces.to_tag, &replaces.from_tag), Some(session));
    assert_eq!(b.endpoint.replaced(&replaces), Ok(session));
    // RFC 3891 §3: the tags are the receiver's and its peer's, in that order.
    let turned =
        Replaces { to_tag: replaces.from_tag.clone(), from_tag: replaces.to_tag.clone(), ..replaces.clone() };
    assert_eq!(b.endpoint.replaced(&turned), Err(481));
    let early = Replaces { early_only: true, ..replaces.clone() };
    assert_eq!(b.endpoint.replaced(&early), Err(486));
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    // It is over for us, though the BYE is not answered.
    assert_eq!(b.endpoint.replaced(&replaces), Err(603));
}

#[test]
fn an_early_dialog_can_be_replaced_only_if_we_began_it() {
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    let view = b.endpoint.session(session).unwrap();
    let replaces = |call_id: &str, to: &str, from: &str| Replaces {
        call_id: call_id.into(),
        to_tag: to.into(),
        from_tag: from.into(),
        early_only: true,
    };
    assert_eq!(b.endpoint.replaced(&replaces("call-1", &view.local_tag, "peer")), Err(481));
    b.sent.clear();
    let (ours, invite) = place(&mut b, Some(sdp()));
    b.hear(&response(&invite, "180 Ringing", "t1", "", ""));
    b.hear(&response(&invite, "180 Ringing", "t2", "", ""));
    let view = b.endpoint.session(ours).unwrap();
    assert_eq!(b.endpoint.replaced(&replaces(&view.call_id, &view.local_tag, "t2")), Ok(ours));
    // As the one sees it where it rings, of whom lamps tell.
    assert_eq!(view.remote_tag, "t2");
    assert_eq!(b.endpoint.replaced(&replaces(&view.call_id, "t2", &view.local_tag)), Ok(ours));
    assert_eq!(b.endpoint.replaced(&replaces(&view.call_id, &view.local_tag, "t3")), Err(481));
}

#[test]
fn several_or_broken_ones_are_refused() {
    let one = "Replaces: call-1;to-tag=a;from-tag=b\r\n";
    for extra in [
        &*one.repeat(2),
        "Replaces: call-1;to-tag=a;from-tag=b, call-3;to-tag=a;from-tag=b\r\n",
        "Replaces: call-1;to-tag=a\r\n",
        "Replaces: call-1;to-tag=a;to-tag=b;from-tag=c\r\n",
        "Replaces: \r\n",
        // RFC 3911 §4: both at once make no sense.
        "Replaces: call-1;to-tag=a;from-tag=b\r\nJoin: call-1;to-tag=a;from-tag=b\r\n",
        "Join: call-1\r\n",
    ] {
        let mut b = Bench::new();
        b.hear(&other(extra));
        b.sends(&["400"]);
        b.tells(&[]);
    }
}

#[test]
fn nobody_joins_a_call() {
    let mut b = Bench::new();
    let (_, tag) = call_up(&mut b);
    b.hear(&other(&format!("Join: call-1;to-tag={};from-tag=peer\r\n", tag.strip_prefix(";tag=").unwrap())));
    b.sends(&["488"]);
    let mut b = Bench::new();
    b.hear(&other("Join: call-1;to-tag=x;from-tag=peer\r\n"));
    b.sends(&["481"]);
    let mut b = Bench::new();
    b.hear(&other("Join: call-1;to-tag=x;from-tag=peer\r\nRequire: join\r\n"));
    assert_eq!(header(&b.sends(&["420"])[0], "Unsupported"), "join");
}

#[test]
fn a_call_of_ours_can_take_anothers_place() {
    let mut b = Bench::new();
    let replaces =
        Replaces { call_id: "1@h".into(), to_tag: "a".into(), from_tag: "b".into(), early_only: false };
    let invite = sip::Invite {
        next: sip::Next::Flow(b.flow),
        target: "sip:carol@203.0.113.9".into(),
        from: "<sip:ivr@192.0.2.1>".into(),
        to: "sip:carol@203.0.113.9".into(),
        user: "ivr".into(),
        offer: sip::Offer::Ready(sdp()),
        credentials: None,
        headers: vec![
            ("Replaces".into(), replaces.to_string()),
            ("Require".into(), "replaces".into()),
            ("Referred-By".into(), "<sip:alice@example.com>".into()),
        ],
        follow: false,
        max_forwards: 70,
    };
    b.endpoint.invite(b.now, invite);
    b.drain();
    let sent = b.sends(&["INVITE"]).remove(0);
    assert_eq!(header(&sent, "Replaces"), "1@h;to-tag=a;from-tag=b");
    assert_eq!(header(&sent, "Referred-By"), "<sip:alice@example.com>");
}
