//! Star codes that real phones press in a conversation, as telephone-events (RFC 4733), on either side of it.

use std::time::Duration;

use audio::Pcm;
use serde_json::json;
use testkit::ear;
use tests::server::{CallView, Server};

use crate::office::office;
use crate::party::{A, B, C, D, SOON, all_over, hears_music, hears_now, linphone, noted, phone};
use crate::sound;

/// The recording that a call's timeline tells of.
fn recording(server: &Server, view: &CallView) -> Pcm {
    let id = view.entries("recorded").last().expect("a recording")["id"].as_str().expect("its id").to_owned();
    let file = server.folder.path().join("data/recordings").join(format!("{id}.wav"));
    audio::read::decode(std::fs::read(&file).expect("the file"), Some("wav")).expect("a WAV file")
}

#[test]
fn phones_hold_record_and_transfer_by_star_codes_whether_they_called_or_were_called() {
    let flow = json!({
        "flow": { "module": "user", "data": { "id": "bob" }, "children": {} },
        "metaflow": { "listen_on": "both", "numbers": {
            "1": { "module": "hold_control", "data": {} },
            "2": { "module": "record_call", "data": { "action": "toggle" } },
            "4": { "module": "hold", "data": { "unhold_key": "7" } } },
            "patterns": { "^5(\\d{3})$": { "module": "transfer", "data": {} } } },
    });
    let server = office(&[("700", flow)], Vec::new());
    let (mut alice, mut carol) = (phone(&server, "alice", A), phone(&server, "carol", C));
    let mut bob = linphone(&server, "bob");
    alice.dial(&server.uri("700"));
    let at_bob = bob.answer();
    bob.talk(&sound::tone_file(B));
    hears_now(&server, &alice, &[B]);
    hears_now(&server, &at_bob, &[A]);

    // The one who called holds, and takes back.
    alice.type_keys("*1");
    hears_music(&server, &at_bob);
    hears_now(&server, &alice, &[]);
    alice.type_keys("*1");
    hears_now(&server, &at_bob, &[A]);
    hears_now(&server, &alice, &[B]);

    // The one who was called has it recorded.
    bob.type_keys("*2");
    hears_now(&server, &at_bob, &[A]);
    noted(&server, "/metaflow/numbers/2");
    sound::pass(Duration::from_secs(2));
    bob.type_keys("*2");
    noted(&server, "rec    ");

    // It holds until its key, whatever the other presses.
    bob.type_keys("*4");
    hears_music(&server, &alice);
    alice.press('7');
    hears_music(&server, &alice);
    bob.type_keys("7");
    hears_now(&server, &alice, &[B]);
    hears_now(&server, &at_bob, &[A]);

    // It sends the caller to the number that follows the code, and is free.
    bob.type_keys("*5203");
    carol.accept();
    bob.over(SOON);
    hears_now(&server, &alice, &[C]);
    hears_now(&server, &carol, &[A]);
    alice.hang_up();
    carol.wait_for("CALL_CLOSED", SOON);
    all_over(&server);
    let pcm = recording(&server, &server.finished_call("700"));
    let (of_a, of_b) = (ear::purity(&pcm, f32::from(A)), ear::purity(&pcm, f32::from(B)));
    assert!(of_a > 0.2 && of_b > 0.2 && of_a + of_b > 0.7, "both are heard: {of_a:.2} {of_b:.2}");
}

#[test]
fn a_conversation_moves_to_the_users_other_phone_which_asks_a_third_before_it_transfers() {
    let flow = json!({
        "flow": { "module": "device", "data": { "id": "carol-mobile" }, "children": {} },
        "metaflow": { "listen_on": "both",
            "numbers": { "6": { "module": "move", "data": {} } },
            "patterns": { "^3(\\d{3})$": { "module": "transfer", "data": { "transfer_type": "attended" } } } },
    });
    let server = office(&[("700", flow)], Vec::new());
    let (mut alice, mut desk) = (phone(&server, "alice", A), phone(&server, "carol", C));
    let mut dave = phone(&server, "dave", B);
    let mut mobile = linphone(&server, "carol-mobile");
    alice.dial(&server.uri("700"));
    let at_mobile = mobile.answer();
    mobile.talk(&sound::tone_file(D));
    hears_now(&server, &alice, &[D]);
    hears_now(&server, &at_mobile, &[A]);

    mobile.type_keys("*6");
    noted(&server, "Move(");
    desk.accept();
    mobile.over(SOON);
    hears_now(&server, &alice, &[C]);
    hears_now(&server, &desk, &[A]);

    // The third declines, and is asked again.
    desk.type_keys("*3204");
    dave.wait_for("CALL_INCOMING", SOON);
    hears_music(&server, &alice);
    dave.hang_up();
    hears_now(&server, &alice, &[C]);
    hears_now(&server, &desk, &[A]);
    desk.type_keys("*3204");
    dave.accept();
    hears_now(&server, &dave, &[C]);
    hears_now(&server, &desk, &[B]);
    hears_music(&server, &alice);
    desk.hang_up();
    hears_now(&server, &alice, &[B]);
    hears_now(&server, &dave, &[A]);
    alice.hang_up();
    dave.wait_for("CALL_CLOSED", SOON);
    all_over(&server);
}
