//! SUBSCRIBE and NOTIFY: RFC 6665, our side as the notifier.

use std::time::Duration;

use sip::{Body, Event, SubscriptionId, Termination, Transport, Unsubscribed};

use crate::harness::*;
use crate::proof::Ask;

const BOB: &str = "sip:bob@192.0.2.1";
const CONTACT: &str = "Contact: <sip:alice@10.0.0.5:5070>\r\n";

fn state(text: &str) -> Body {
    Body { content_type: "application/dialog-info+xml".into(), bytes: text.to_owned().into() }
}

fn watch(b: &mut Bench, call: &str, headers: &str) -> SubscriptionId {
    let headers = format!("{CONTACT}{headers}");
    Ask { headers: &headers, ..Ask::new("SUBSCRIBE", BOB, call) }.send(b, 1, &[]);
    match b.events.remove(0) {
        Event::Subscribed { subscription, facts } => {
            assert_eq!((facts.watcher.as_str(), facts.watched.user.as_str()), ("alice", "bob"));
            subscription
        }
        other => panic!("{other:?}"),
    }
}

/// A subscription to bob's calls that is active: its name, the 200 and the first NOTIFY.
fn active(b: &mut Bench, call: &str) -> (SubscriptionId, String, String) {
    let id = watch(b, call, "Event: dialog;id=7\r\nExpires: 600\r\n");
    b.endpoint.accept_subscription(b.now, id, Some(state("zero"))).unwrap();
    b.drain();
    let sent = b.sends(&["200", "NOTIFY"]);
    (id, sent[0].clone(), sent[1].clone())
}

fn agree(b: &mut Bench, notify: &str) {
    b.hear(&response(notify, "200 OK", "", "", ""));
}

#[test]
fn a_watcher_hears_the_state_at_once_and_each_change() {
    let mut b = Bench::new();
    let (id, ok, first) = active(&mut b, "w");
    assert_eq!((header(&ok, "Expires"), header(&ok, "Contact")), ("600", "<sip:bob@192.0.2.1:5060>"));
    assert!(first.starts_with("NOTIFY sip:alice@10.0.0.5:5070 SIP/2.0"));
    assert_eq!(header(&first, "Event"), "dialog;id=7");
    assert_eq!(header(&first, "Subscription-State"), "active;expires=600");
    assert_eq!(header(&first, "Content-Type"), "application/dialog-info+xml");
    assert!(first.ends_with("\r\n\r\nzero"));
    assert_eq!(header(&first, "From"), header(&ok, "To"));
    agree(&mut b, &first);
    b.pass(Duration::from_secs(100));
    b.endpoint.notify(b.now, id, state("one")).unwrap();
    b.drain();
    let second = b.sends(&["NOTIFY"]).remove(0);
    assert_eq!((header(&second, "CSeq"), header(&first, "CSeq")), ("2 NOTIFY", "1 NOTIFY"));
    assert_eq!(header(&second, "Subscription-State"), "active;expires=500");
}

#[test]
fn while_a_notify_is_under_way_only_the_newest_state_waits() {
    let mut b = Bench::new();
    let (id, _, first) = active(&mut b, "w");
    for text in ["one", "two", "three"] {
        b.endpoint.notify(b.now, id, state(text)).unwrap();
    }
    b.drain();
    b.sends(&[]);
    agree(&mut b, &first);
    let next = b.sends(&["NOTIFY"]).remove(0);
    assert!(next.ends_with("three"));
    agree(&mut b, &next);
    b.sends(&[]);
}

#[test]
fn packages_we_lack_are_refused_with_those_we_have() {
    let mut b = Bench::new();
    for event in ["", "Event: conference\r\n", "Event: Dialog\r\n", "Event: presence.winfo\r\n"] {
        b.hear(
            &Ask {
                headers: &format!("{CONTACT}{event}"),
                ..Ask::new("SUBSCRIBE", BOB, event.get(7..12).unwrap_or("x"))
            }
            .text(1, ""),
        );
        let no = b.sends(&["489"]).remove(0);
        assert_eq!(header(&no, "Allow-Events"), "dialog, message-summary, presence");
    }
}

#[test]
fn strangers_are_asked_who_they_are() {
    let mut b = Bench::new();
    let headers = format!("{CONTACT}Event: dialog\r\n");
    let ask = Ask { headers: &headers, ..Ask::new("SUBSCRIBE", BOB, "w") };
    b.hear(&ask.text(1, ""));
    b.sends(&["401"]);
    b.tells(&[]);
}

#[test]
fn too_brief_unreadable_and_contactless_subscriptions_are_refused() {
    let refused = |headers: &str, status: &str| {
        let mut b = Bench::new();
        Ask { headers, ..Ask::new("SUBSCRIBE", BOB, "w") }.send(&mut b, 1, &[status]).remove(0)
    };
    let brief = refused(&format!("{CONTACT}Event: dialog\r\nExpires: 10\r\n"), "423");
    assert_eq!(header(&brief, "Min-Expires"), "60");
    refused(&format!("{CONTACT}Event: dialog\r\nAccept: text/html\r\n"), "406");
    refused("Event: dialog\r\n", "400");
}

#[test]
fn what_is_not_there_or_not_theirs_is_refused_without_a_trace() {
    let mut b = Bench::new();
    let id = watch(&mut b, "w", "Event: presence\r\n");
    assert!(b.endpoint.notify(b.now, id, state("x")).is_err());
    b.endpoint.refuse_subscription(b.now, id, 404).unwrap();
    b.drain();
    b.sends(&["404"]);
    b.tells(&[]);
    assert!(b.endpoint.accept_subscription(b.now, id, None).is_err());
    assert_eq!(b.endpoint.counts().subscriptions, 0);
}

#[test]
fn a_refresh_is_answered_and_the_state_follows() {
    let mut b = Bench::new();
    let (id, ok, first) = active(&mut b, "w");
    agree(&mut b, &first);
    b.pass(Duration::from_secs(500));
    let (to, moved) = (to_tag(&ok), "Contact: <sip:alice@10.0.0.5:6000>\r\n");
    let headers = format!("{moved}Event: dialog;id=7\r\nExpires: 900\r\n");
    let ask = Ask { to: &to, headers: &headers, ..Ask::new("SUBSCRIBE", BOB, "w") };
    b.hear(&ask.text(5, ""));
    assert_eq!(header(&b.sends(&["200"])[0], "Expires"), "900");
    b.tells(&[&format!("StateWanted {{ subscription: {id:?} }}")]);
    b.endpoint.notify(b.now, id, state("now")).unwrap();
    b.drain();
    let notify = b.sends(&["NOTIFY"]).remove(0);
    assert!(notify.starts_with("NOTIFY sip:alice@10.0.0.5:6000 "));
    assert_eq!(header(&notify, "Subscription-State"), "active;expires=900");
    // Not twice, not of another event, not with an old number.
    b.hear(&ask.text(4, ""));
    b.sends(&["500"]);
    let other = headers.replace("id=7", "id=8");
    b.hear(&Ask { headers: &other, ..ask }.text(6, ""));
    b.sends(&["403"]);
}

#[test]
fn unsubscribing_brings_the_last_state() {
    let mut b = Bench::new();
    let (id, ok, first) = active(&mut b, "w");
    agree(&mut b, &first);
    let to = to_tag(&ok);
    let headers = format!("{CONTACT}Event: dialog;id=7\r\nExpires: 0\r\n");
    b.hear(&Ask { to: &to, headers: &headers, ..Ask::new("SUBSCRIBE", BOB, "w") }.text(5, ""));
    assert_eq!(header(&b.sends(&["200"])[0], "Expires"), "0");
    b.events.clear();
    b.endpoint.notify(b.now, id, state("last")).unwrap();
    b.drain();
    let last = b.sends(&["NOTIFY"]).remove(0);
    assert_eq!(header(&last, "Subscription-State"), "terminated;reason=timeout");
    assert!(last.ends_with("last"));
    b.tells(&[&format!("Unsubscribed {{ subscription: {id:?}, why: Asked }}")]);
    agree(&mut b, &last);
    b.hear(&Ask { to: &to, headers: &headers, ..Ask::new("SUBSCRIBE", BOB, "w") }.text(7, ""));
    b.sends(&["481"]);
    b.pass(Duration::from_secs(400));
    b.is_clean();
}

#[test]
fn a_fetch_is_told_the_state_once() {
    let mut b = Bench::new();
    let id = watch(&mut b, "w", "Event: message-summary\r\nExpires: 0\r\n");
    b.endpoint.accept_subscription(b.now, id, Some(state("x"))).unwrap();
    b.drain();
    let sent = b.sends(&["200", "NOTIFY"]);
    assert_eq!(header(&sent[1], "Subscription-State"), "terminated;reason=timeout");
    b.tells(&[&format!("Unsubscribed {{ subscription: {id:?}, why: Asked }}")]);
    assert_eq!(b.endpoint.counts().subscriptions, 0);
}

#[test]
fn a_subscription_that_is_not_refreshed_ends() {
    let mut b = Bench::new();
    let (id, _, first) = active(&mut b, "w");
    agree(&mut b, &first);
    b.pass(Duration::from_secs(600));
    let last = b.sends(&["NOTIFY"]).remove(0);
    assert_eq!(header(&last, "Subscription-State"), "terminated;reason=timeout");
    b.tells(&[&format!("Unsubscribed {{ subscription: {id:?}, why: Expired }}")]);
    agree(&mut b, &last);
    b.pass(Duration::from_secs(400));
    b.is_clean();
}

#[test]
fn a_notify_that_is_refused_or_not_answered_ends_it() {
    let ends = |answer: Option<&str>, why: Unsubscribed| {
        let mut b = Bench::new();
        let (id, _, first) = active(&mut b, "w");
        match answer {
            Some(status) => b.hear(&response(&first, status, "", "", "")),
            None => b.pass(Duration::from_secs(33)),
        }
        b.tells(&[&format!("Unsubscribed {{ subscription: {id:?}, why: {why:?} }}")]);
        b.sent.clear();
        b.pass(Duration::from_secs(400));
        b.is_clean();
    };
    ends(Some("481 Gone"), Unsubscribed::Failed { status: 481 });
    ends(Some("489 Bad Event"), Unsubscribed::Failed { status: 489 });
    ends(None, Unsubscribed::Failed { status: 408 });
    // One that says when to come back is still there.
    let mut b = Bench::new();
    let (id, _, first) = active(&mut b, "w");
    b.hear(&response(&first, "503 Later", "", "Retry-After: 5\r\n", ""));
    b.tells(&[]);
    b.endpoint.notify(b.now, id, state("again")).unwrap();
    b.drain();
    b.sends(&["NOTIFY"]);
}

#[test]
fn we_end_it_with_a_reason() {
    let mut b = Bench::new();
    let (id, _, _) = active(&mut b, "w");
    b.endpoint.end_subscription(b.now, id, Termination::NoResource, None).unwrap();
    b.drain();
    let last = b.sends(&["NOTIFY"]).remove(0);
    assert_eq!(header(&last, "Subscription-State"), "terminated;reason=noresource");
    b.tells(&[&format!("Unsubscribed {{ subscription: {id:?}, why: Ended }}")]);
    // And so does the end of the watcher's account.
    let (id, _, _) = active(&mut b, "v");
    b.endpoint.set_users(vec![]);
    b.drain();
    let last = b.sends(&["NOTIFY"]).remove(0);
    assert_eq!(header(&last, "Subscription-State"), "terminated;reason=rejected");
    b.tells(&[&format!("Unsubscribed {{ subscription: {id:?}, why: Ended }}")]);
}

#[test]
fn a_stream_that_closes_takes_its_subscriptions() {
    let mut b = Bench::over(Transport::Tcp);
    let (id, _, first) = active(&mut b, "w");
    agree(&mut b, &first);
    b.endpoint.handle(b.now, sip::Input::Closed { flow: b.flow });
    b.drain();
    b.tells(&[&format!("Unsubscribed {{ subscription: {id:?}, why: Lost }}")]);
    assert_eq!(b.endpoint.counts().subscriptions, 0);
}

#[test]
fn the_route_set_is_kept() {
    let mut b = Bench::new();
    let id = watch(&mut b, "w", "Event: dialog\r\nRecord-Route: <sip:192.0.2.50;lr>\r\n");
    b.endpoint.accept_subscription(b.now, id, None).unwrap();
    b.drain();
    assert_eq!(b.sent[1].0.remote.to_string(), "192.0.2.50:5060");
    let sent = b.sends(&["200", "NOTIFY"]);
    assert_eq!(header(&sent[0], "Record-Route"), "<sip:192.0.2.50;lr>");
    assert_eq!(header(&sent[1], "Route"), "<sip:192.0.2.50;lr>");
}

#[test]
fn one_user_cannot_fill_the_memory() {
    let mut b = Bench::new();
    for n in 0..250 {
        let id = watch(&mut b, &format!("w{n}"), "Event: dialog\r\n");
        b.endpoint.accept_subscription(b.now, id, None).unwrap();
        b.drain();
        b.sent.clear();
    }
    let headers = format!("{CONTACT}Event: dialog\r\n");
    let no = Ask { headers: &headers, ..Ask::new("SUBSCRIBE", BOB, "more") }.send(&mut b, 1, &["403"]);
    assert!(no[0].starts_with("SIP/2.0 403 Too Many Subscriptions"));
    assert_eq!(b.endpoint.counts().subscriptions, 250);
}

#[test]
fn a_notify_nobody_asked_for_is_481_and_a_keep_alive_is_not() {
    let mut b = Bench::new();
    b.hear(&request("NOTIFY", 1, "n1", "", "Event: message-summary\r\nSubscription-State: active\r\n", ""));
    b.sends(&["481"]);
    b.hear(&request("NOTIFY", 2, "n2", "", "Event: keep-alive\r\n", ""));
    b.sends(&["200"]);
}
