//! One INVITE that several phones answer (RFC 3261 §13.2.2): early dialogs, the one that wins, and the others.

use sip::Reason;

use crate::harness::*;

#[test]
fn each_fork_has_its_own_early_dialog_and_the_first_200_wins_with_its_own_description() {
    let mut b = Bench::new();
    let (session, invite) = place(&mut b, Some(sdp()));
    b.hear(&response(&invite, "183 Session Progress", "t1", &reliably(1), &described("one")));
    b.hear(&response(&invite, "183 Session Progress", "t2", &reliably(1), &described("two")));
    b.hear(&response(&invite, "180 Ringing", "t3", "", ""));
    let pracks = b.sends(&["PRACK", "PRACK"]);
    assert!(header(&pracks[0], "To").ends_with(";tag=t1"));
    assert!(header(&pracks[1], "To").ends_with(";tag=t2"));
    b.hear(&response(&invite, "200 OK", "t2", "", ""));
    match b.events.last() {
        Some(sip::Event::Answered { body: Some(body), .. }) => assert_eq!(body.bytes, described("two")),
        other => panic!("{other:?}"),
    }
    b.tells(&[
        "progressed 183 body",
        "progressed 183 in 2 body",
        "progressed 180 in 3",
        "answered in 2 body",
    ]);
    let ack = b.sends(&["ACK"]).remove(0);
    assert!(header(&ack, "To").ends_with(";tag=t2"));
    assert_eq!(b.endpoint.session(session).unwrap().remote_tag, "t2");
}

#[test]
fn a_200_of_another_fork_is_acknowledged_and_hung_up_with_the_reason() {
    let mut b = Bench::new();
    let (session, invite) = place(&mut b, Some(sdp()));
    b.hear(&response(&invite, "180 Ringing", "t1", "", ""));
    b.hear(&response(&invite, "200 OK", "t2", "", SDP));
    b.hear(&response(&invite, "200 OK", "t1", "", SDP));
    b.hear(&response(&invite, "200 OK", "t1", "", SDP));
    let sent = b.sends(&["ACK", "ACK", "BYE", "ACK"]);
    assert!(header(&sent[2], "To").ends_with(";tag=t1"));
    assert_eq!(header(&sent[2], "Reason"), "SIP;cause=200;text=\"Call completed elsewhere\"");
    b.tells(&["progressed 180", "answered in 2 body"]);
    b.hear(&response(&sent[2], "200 OK", "", "", ""));
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.drain();
    b.is_clean();
}

#[test]
fn a_199_ends_one_early_dialog_and_not_the_call() {
    let mut b = Bench::new();
    let (_, invite) = place(&mut b, Some(sdp()));
    b.hear(&response(&invite, "180 Ringing", "t1", "", ""));
    b.hear(&response(&invite, "180 Ringing", "t2", "", ""));
    b.hear(&response(&invite, "199 Early Dialog Terminated", "t1", &reliably(1), ""));
    let prack = b.sends(&["PRACK"]).remove(0);
    assert!(header(&prack, "To").ends_with(";tag=t1"));
    b.hear(&theirs(&invite, "t1", "OPTIONS", 1, "", ""));
    b.sends(&["481"]);
    b.hear(&response(&invite, "200 OK", "t2", "", SDP));
    b.sends(&["ACK"]);
    b.tells(&["progressed 180", "progressed 180 in 2", "progressed 199", "answered in 2 body"]);
}

#[test]
fn requests_of_a_fork_before_the_answer_belong_to_its_early_dialog() {
    let mut b = Bench::new();
    let (session, invite) = place(&mut b, Some(sdp()));
    b.hear(&response(&invite, "180 Ringing", "t1", "", ""));
    b.hear(&response(&invite, "180 Ringing", "t2", "", ""));
    b.hear(&theirs(&invite, "t2", "OPTIONS", 7, "", ""));
    b.hear(&theirs(&invite, "t1", "OPTIONS", 3, "", ""));
    // Numbers are each dialog's own.
    b.hear(&theirs(&invite, "t2", "OPTIONS", 6, "", ""));
    b.hear(&theirs(&invite, "t9", "OPTIONS", 1, "", ""));
    b.sends(&["200", "200", "500", "481"]);
    b.hear(&response(&invite, "200 OK", "t2", "", SDP));
    b.sends(&["ACK"]);
    // The number goes on with the dialog that won.
    b.hear(&theirs(&invite, "t2", "OPTIONS", 7, "Subject: again\r\n", "").replace("OPTIONS7", "other"));
    b.hear(&theirs(&invite, "t1", "OPTIONS", 8, "", ""));
    b.sends(&["500", "481"]);
    b.endpoint.hang_up(b.now, session, Reason::normal());
    b.is_clean();
}

#[test]
fn a_fork_that_says_bye_early_leaves_the_others_and_the_last_one_ends_the_call() {
    let mut b = Bench::new();
    let (_, invite) = place(&mut b, Some(sdp()));
    b.hear(&response(&invite, "180 Ringing", "t1", "", ""));
    b.hear(&response(&invite, "180 Ringing", "t2", "", ""));
    b.hear(&theirs(&invite, "t1", "BYE", 1, "", ""));
    b.sends(&["200"]);
    b.tells(&["progressed 180", "progressed 180 in 2", "progressed 199"]);
    b.hear(&theirs(&invite, "t2", "BYE", 1, "Reason: Q.850;cause=17\r\n", ""));
    b.sends(&["200", "CANCEL"]);
    b.tells(&["ended Bye { cause: Some(\"Q.850;cause=17\") }"]);
    b.hear(&response(&invite, "487 Request Terminated", "t2", "", ""));
    b.sends(&["ACK"]);
    b.is_clean();
}

#[test]
fn more_forks_than_anybody_has_are_not_kept() {
    let mut b = Bench::new();
    let (_, invite) = place(&mut b, Some(sdp()));
    for fork in 0..40 {
        b.hear(&response(&invite, "180 Ringing", &format!("f{fork}"), &reliably(1), ""));
    }
    assert_eq!(b.events.len(), 16);
    b.events.clear();
    b.sent.clear();
    b.hear(&response(&invite, "200 OK", "f39", "", SDP));
    b.tells(&["answered in 17 body"]);
}

#[test]
fn a_provisional_without_a_tag_makes_no_dialog() {
    let mut b = Bench::new();
    let (_, invite) = place(&mut b, Some(sdp()));
    b.hear(&response(&invite, "183 Session Progress", "", "", SDP));
    b.tells(&["progressed 183 in 0 body"]);
    b.hear(&response(&invite, "200 OK", "t1", "", SDP));
    b.tells(&["answered body"]);
}

#[test]
fn a_late_200_of_a_loser_leaves_a_change_in_the_winner_alone() {
    let mut b = Bench::new();
    let (session, invite) = place(&mut b, Some(sdp()));
    b.hear(&response(&invite, "180 Ringing", "t1", "", ""));
    b.hear(&response(&invite, "200 OK", "t2", "", SDP));
    b.hear(&theirs(&invite, "t2", "INVITE", 1, "", SDP));
    b.sends(&["ACK", "100"]);
    b.hear(&response(&invite, "200 OK", "t1", "", SDP));
    b.sends(&["ACK", "BYE"]);
    b.endpoint.answer_reinvite(b.now, session, Ok(sdp())).unwrap();
    b.drain();
    b.sends(&["200"]);
}
