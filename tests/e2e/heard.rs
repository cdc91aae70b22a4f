//! Real phones of which several hear one: who listens to a conversation and speaks into it, who pages, who is called by
//! intercom.

use serde_json::{Value, json};

use crate::office::{module, office};
use crate::party::{A, B, C, D, SOON, all_over, answering, encrypting, hears_now, linphone, noted, phone};
use crate::sound;

#[test]
fn a_supervisor_listens_whispers_and_barges_in_by_keys_and_nobody_else_does() {
    let server = office(&[("*33", module("eavesdrop", json!({ "user_id": "bob" })))], Vec::new());
    let mut bob = phone(&server, "bob", B);
    let mut carol = encrypting(&server, "carol", C, "srtp-mand");
    let mut dave = phone(&server, "dave", D);
    // It speaks Opus, the others G.711, one of them encrypted.
    let mut alice = linphone(&server, "alice");
    let at_alice = alice.listen();
    alice.command(&format!("call {}", server.uri("bob")));
    bob.accept();
    alice.wait_for("LinphoneCallStreamsRunning", SOON);
    alice.talk(&sound::tone_file(A));
    hears_now(&server, &at_alice, &[B]);
    hears_now(&server, &bob, &[A]);

    dave.dial(&server.uri("*33"));
    dave.wait_for("CALL_CLOSED", SOON);
    noted(&server, "may not listen to that call");

    carol.dial(&server.uri("*33"));
    carol.wait_for("CALL_ESTABLISHED", SOON);
    hears_now(&server, &carol, &[A, B]);
    let both_hear = |to_alice: &[u16], to_bob: &[u16]| {
        hears_now(&server, &at_alice, to_alice);
        hears_now(&server, &bob, to_bob);
    };
    both_hear(&[B], &[A]);
    carol.press('2');
    both_hear(&[B], &[A, C]);
    carol.press('1');
    both_hear(&[B, C], &[A]);
    carol.press('3');
    both_hear(&[B, C], &[A, C]);
    carol.press('0');
    both_hear(&[B], &[A]);
    hears_now(&server, &carol, &[A, B]);
    carol.hang_up();
    carol.wait_for("CALL_CLOSED", SOON);
    both_hear(&[B], &[A]);
    bob.hang_up();
    alice.over(SOON);
    let told = all_over(&server);
    assert!(told.contains("is heard by the one it listens to") && told.contains("is heard by all"), "{told}");
}

fn page(audio: &str) -> Value {
    let endpoints = ["bob", "carol", "dave"].map(|user| json!({ "endpoint_type": "user", "id": user }));
    module("page_group", json!({ "audio": audio, "timeout": 8, "endpoints": endpoints }))
}

#[test]
fn a_page_is_heard_by_all_phones_that_answer_by_themselves_and_an_intercom_by_one() {
    let mut intercom = module("intercom", json!({}));
    intercom = json!({ "patterns": ["^\\*84(\\d+)$"], "flow": intercom });
    let server = office(
        &[("700", page("one-way")), ("701", page("two-way"))],
        vec![("intercom.json", intercom.to_string())],
    );
    let (mut alice, mut bob) = (phone(&server, "alice", A), answering(&server, "bob", B));
    let mut dave = phone(&server, "dave", D);
    let mut carol = linphone(&server, "carol");

    alice.dial(&server.uri("700"));
    let at_carol = carol.answer_as_asked(&sound::tone_file(C));
    dave.wait_for("CALL_INCOMING", SOON);
    hears_now(&server, &bob, &[A]);
    hears_now(&server, &at_carol, &[A]);
    hears_now(&server, &alice, &[]);
    // It rings and nobody takes it; the page goes on without it.
    dave.wait_for("CALL_CLOSED", SOON);
    hears_now(&server, &bob, &[A]);
    alice.hang_up();
    alice.wait_for("CALL_CLOSED", SOON);
    bob.wait_for("CALL_CLOSED", SOON);
    carol.over(SOON);

    alice.dial(&server.uri("701"));
    let at_carol = carol.answer_as_asked(&sound::tone_file(C));
    hears_now(&server, &bob, &[A, C]);
    hears_now(&server, &at_carol, &[A, B]);
    hears_now(&server, &alice, &[B, C]);
    dave.wait_for("CALL_CLOSED", SOON);
    bob.hang_up();
    hears_now(&server, &alice, &[C]);
    carol.command("terminate");
    alice.wait_for("CALL_CLOSED", SOON);
    // Who is in a call is not asked to answer by itself.
    carol.over(SOON);

    alice.dial(&server.uri("*84203"));
    let at_carol = carol.answer_as_asked(&sound::tone_file(C));
    hears_now(&server, &alice, &[C]);
    hears_now(&server, &at_carol, &[A]);
    alice.hang_up();
    carol.over(SOON);
    let told = all_over(&server);
    assert!(told.contains("1 did not answer the page in time"), "{told}");
}
