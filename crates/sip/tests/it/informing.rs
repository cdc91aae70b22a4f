//! INFO of ours: a key, its answer, and what a peer may say to it.

use std::time::Duration;

use sip::{Body, SessionId};

use crate::harness::*;

const KEY: &str = "Signal=5\r\nDuration=160\r\n";

fn inform(b: &mut Bench, session: SessionId) -> String {
    let body = Body { content_type: "application/dtmf-relay".into(), bytes: KEY.into() };
    b.endpoint.info(b.now, session, &body).unwrap();
    b.drain();
    b.sends(&["INFO"]).remove(0)
}

#[test]
fn a_key_goes_by_info_and_the_answer_is_told() {
    let mut b = Bench::new();
    let (session, _) = call_up(&mut b);
    let info = inform(&mut b, session);
    assert!(info.starts_with("INFO sip:alice@10.0.0.5:5070 SIP/2.0\r\n"), "{info}");
    assert_eq!(header(&info, "Content-Type"), "application/dtmf-relay");
    assert!(info.ends_with(&format!("\r\n\r\n{KEY}")), "{info}");
    assert_eq!(find(&info, "Info-Package"), None);
    b.hear(&response(&info, "200 OK", "", "", ""));
    b.tells(&["informed 200"]);
    // Refusals leave the call as it is.
    for status in [405, 415, 500] {
        let info = inform(&mut b, session);
        b.hear(&response(&info, &format!("{status} No"), "", "", ""));
        b.tells(&[&format!("informed {status}")]);
    }
    b.sends(&[]);
}

#[test]
fn an_info_is_sent_again_with_credentials_and_once_only() {
    let mut b = Bench::new();
    let (session, _) = call_placed(&mut b, "");
    let info = inform(&mut b, session);
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n";
    b.hear(&response(&info, "401 Unauthorized", "", challenge, ""));
    let again = b.sends(&["INFO"]).remove(0);
    assert!(header(&again, "Authorization").contains("username=\"ivr\""), "{again}");
    assert!(again.ends_with(KEY), "{again}");
    assert_eq!(header(&again, "Content-Type"), "application/dtmf-relay");
    b.hear(&response(&again, "401 Unauthorized", "", challenge, ""));
    b.tells(&["informed 401"]);
    b.sends(&[]);
}

#[test]
fn an_info_that_nobody_answers_leaves_the_call_and_one_of_no_dialog_ends_it() {
    let mut b = Bench::new();
    let (session, _) = call_up(&mut b);
    let info = inform(&mut b, session);
    b.pass(Duration::from_secs(32));
    b.tells(&["informed 408"]);
    assert!(b.sent.iter().all(|(_, sent)| *sent == info), "{:?}", b.sent);
    b.sent.clear();
    let info = inform(&mut b, session);
    b.hear(&response(&info, "481 Call Does Not Exist", "", "", ""));
    b.tells(&["ended Failed { status: 481 }"]);
    b.sends(&["BYE"]);
}

#[test]
fn no_info_goes_before_the_answer_or_after_the_end() {
    let mut b = Bench::new();
    b.hear(&invite());
    let session = b.invited();
    let body = Body { content_type: "application/dtmf-relay".into(), bytes: KEY.into() };
    assert!(b.endpoint.info(b.now, session, &body).is_err());
    b.endpoint.reject(b.now, session, 486, None, vec![]).unwrap();
    b.drain();
    assert!(b.endpoint.info(b.now, session, &body).is_err());
    b.sends(&["100", "486"]);
}
