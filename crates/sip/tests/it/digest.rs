//! Digest and the registrar over the wire: what a phone goes through from its first REGISTER.

use std::time::Duration;

use sip::Identity;

use crate::harness::*;

/// Our client side answers the challenge of `answer` as a phone would, by placing a call to ourselves.
fn credentials(
    b: &mut Bench,
    challenge: &str,
    method: &str,
    user: &str,
    password: &str,
    count: u32,
) -> String {
    let _ = b;
    credentials_for("sip:192.0.2.1", challenge, method, user, password, count)
}

/// The same for a request to another URI.
pub(crate) fn credentials_for(
    uri: &str,
    challenge: &str,
    method: &str,
    user: &str,
    password: &str,
    count: u32,
) -> String {
    let part = |name: &str| {
        let at = challenge.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
        challenge[at..].split('"').next().unwrap().to_owned()
    };
    let (realm, nonce) = (part("realm"), part("nonce"));
    let sha = challenge.contains("SHA-256");
    let hash = |text: String| -> String {
        use sha2::Digest;
        let bytes = if sha { sha2::Sha256::digest(&text).to_vec() } else { md5::Md5::digest(&text).to_vec() };
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    };
    let a1 = hash(format!("{user}:{realm}:{password}"));
    let a2 = hash(format!("{method}:{uri}"));
    let response = hash(format!("{a1}:{nonce}:{count:08x}:cn:auth:{a2}"));
    let algorithm = if sha { "SHA-256" } else { "MD5" };
    format!(
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\", algorithm={algorithm}, cnonce=\"cn\", qop=auth, nc={count:08x}"
    )
}

fn register(cseq: u32, extra: &str) -> String {
    request("REGISTER", cseq, &format!("g{cseq}"), "", extra, "").replace("To: <sip:100@", "To: <sip:alice@")
}

#[test]
fn a_phone_registers_refreshes_and_leaves() {
    let mut b = Bench::new();
    b.hear(&register(1, ""));
    let refusal = b.sends(&["401"]).remove(0);
    let challenges: Vec<&str> = refusal.lines().filter(|l| l.starts_with("WWW-Authenticate")).collect();
    assert!(challenges.len() == 2 && challenges[0].contains("SHA-256") && challenges[1].contains("MD5"));
    for (n, challenge) in challenges.iter().enumerate() {
        let line = credentials(&mut b, challenge, "REGISTER", "alice", "secret", 1);
        b.hear(&register(
            2 + n as u32,
            &format!("Authorization: {line}\r\nExpires: 90\r\nSupported: path\r\nPath: <sip:p;lr>\r\n"),
        ));
        let ok = b.sends(&["200"]).remove(0);
        assert_eq!(header(&ok, "Contact"), "<sip:alice@10.0.0.5:5070>;expires=90");
        assert_eq!(header(&ok, "Path"), "<sip:p;lr>");
        b.tells(&["registered alice sip:alice@10.0.0.5:5070 90"]);
    }
    assert_eq!(b.endpoint.bindings().map(|x| (&*x.user, x.flow)).collect::<Vec<_>>(), [("alice", b.flow)]);
    let line = credentials(&mut b, challenges[0], "REGISTER", "alice", "secret", 2);
    b.hear(&register(9, &format!("Authorization: {line}\r\nExpires: 5\r\n")));
    assert_eq!(header(&b.sends(&["423"])[0], "Min-Expires"), "60");
    b.pass(Duration::from_secs(90));
    b.tells(&["unregistered alice sip:alice@10.0.0.5:5070"]);
    assert_eq!(b.endpoint.counts().bindings, 0);
    b.pass(Duration::from_secs(300));
    assert_eq!((b.endpoint.counts().transactions, b.endpoint.poll_timeout()), (0, None));
}

#[test]
fn nobody_registers_for_another_or_with_a_wrong_password() {
    let mut b = Bench::new();
    b.hear(&register(1, ""));
    let refusal = b.sends(&["401"]).remove(0);
    let challenge = header(&refusal, "WWW-Authenticate").to_owned();
    let mut ask = |cseq: u32, user: &str, password: &str, status: &str| {
        let line = credentials(&mut b, &challenge, "REGISTER", user, password, 1);
        b.hear(&register(cseq, &format!("Authorization: {line}\r\n")));
        b.sends(&[status]).remove(0)
    };
    let wrong = ask(2, "alice", "wrong", "401");
    let unknown = ask(3, "mallory", "secret", "401");
    let shape =
        |t: &str| t.lines().map(|l| l.split(['=', ';', ':']).next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(shape(&wrong), shape(&unknown), "an unknown user looks like a wrong password");
    assert!(!header(&wrong, "WWW-Authenticate").contains("stale"));
    ask(4, "bob", "hidden", "403");
    // The nonce was used by bob with this count: it is stale now, also for alice.
    let stale = ask(5, "alice", "secret", "401");
    assert!(header(&stale, "WWW-Authenticate").contains("stale=true"));
    b.tells(&["auth failed alice", "auth failed mallory"]);
    let counters = b.endpoint.counters();
    assert_eq!((counters.auth_failures, counters.stale, counters.challenges), (2, 1, 4));
    assert_eq!(b.endpoint.counts().bindings, 0);
}

#[test]
fn a_challenged_caller_comes_back_with_a_name() {
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    b.endpoint.challenge(b.now, session).unwrap();
    b.drain();
    let refusal = b.sends(&["100", "407"]).remove(1);
    b.tells(&["ended Rejected { status: 407 }"]);
    b.hear(&request("ACK", 1, "i1", &to_tag(&refusal), "", ""));
    let line = credentials(&mut b, header(&refusal, "Proxy-Authenticate"), "INVITE", "alice", "secret", 1);
    let again = request("INVITE", 2, "i2", "", &format!("Proxy-Authorization: {line}\r\n"), SDP);
    b.hear(&again);
    match b.events.remove(0) {
        sip::Event::Invited { invite, session } => {
            assert_eq!(invite.identity, Identity::User("alice".into()));
            b.endpoint.reject(b.now, session, 404, None, vec![]).unwrap();
        }
        other => panic!("{other:?}"),
    }
    // The same credentials in another request are a replay: the caller is nobody, and its challenge says stale.
    b.hear(&again.replace("z9hG4bKi2", "z9hG4bKi3").replace("2 INVITE", "3 INVITE"));
    let sip::Event::Invited { invite, session } = b.events.remove(1) else { panic!() };
    assert_eq!(invite.identity, Identity::Anonymous);
    b.endpoint.challenge(b.now, session).unwrap();
    b.drain();
    let sent = b.sends(&["100", "404", "100", "407"]);
    assert!(header(&sent[3], "Proxy-Authenticate").contains("stale=true"));
    b.pass(Duration::from_secs(300));
    assert_eq!(b.endpoint.poll_timeout(), None);
}

#[test]
fn a_victim_of_a_forged_address_is_sent_three_refusals_and_not_eleven() {
    let count = |b: &mut Bench, status: &str| {
        b.pass(Duration::from_secs(40));
        let start = format!("SIP/2.0 {status} ");
        let count = b.sent.iter().filter(|(_, text)| text.starts_with(&start)).count();
        assert_eq!((b.endpoint.counts().transactions, b.endpoint.poll_timeout()), (0, None));
        count
    };
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    b.endpoint.challenge(b.now, session).unwrap();
    b.drain();
    assert_eq!(count(&mut b, "407"), 3);
    let mut b = Bench::new();
    b.hear(&request("INVITE", 1, "i1", "", "Require: nonsense\r\n", SDP));
    assert_eq!(count(&mut b, "420"), 3);
}
