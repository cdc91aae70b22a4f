//! Real phones in a conference room of `conferences.toml`: PINs, who hears whom, what its moderator does by keys.

use crate::office::office;
use crate::party::{A, B, C, SOON, all_over, encrypting, hears_music, hears_now, linphone, noted, phone};
use crate::sound;

#[test]
fn a_room_asks_for_its_pin_again_and_its_moderator_mutes_sends_out_and_ends_it() {
    let board = "[board]\nnumber = \"800\"\npin = \"12\"\nmoderator_pin = \"98\"\nattempts = 2\nend_with_moderator = true\n\
                 entry = \"none\"\nexit = \"none\"\n";
    let server = office(&[], vec![("conferences.toml", board.to_owned())]);
    let (mut alice, mut bob) = (phone(&server, "alice", A), encrypting(&server, "bob", B, "srtp-mand"));
    let mut carol = linphone(&server, "carol");
    let at_carol = carol.call(&server.uri("800"));
    carol.talk(&sound::tone_file(C));
    carol.type_keys("13#");
    noted(&server, "not right");
    carol.type_keys("12#");
    hears_music(&server, &at_carol);

    alice.dial(&server.uri("800"));
    alice.wait_for("CALL_RTPESTAB", SOON);
    alice.type_keys("12#");
    hears_now(&server, &at_carol, &[A]);
    bob.dial(&server.uri("800"));
    bob.wait_for("CALL_RTPESTAB", SOON);
    bob.type_keys("98#");
    hears_now(&server, &alice, &[B, C]);
    hears_now(&server, &bob, &[A, C]);
    hears_now(&server, &at_carol, &[A, B]);

    // What is for the moderator is not for the others.
    alice.type_keys("*5");
    noted(&server, "Denied");
    bob.type_keys("*5");
    hears_now(&server, &bob, &[]);
    hears_now(&server, &alice, &[B]);
    hears_now(&server, &at_carol, &[B]);
    bob.type_keys("*5");
    hears_now(&server, &bob, &[A, C]);

    // The last who came is sent out: alice, since bob leads.
    bob.type_keys("*6");
    alice.wait_for("CALL_CLOSED", SOON);
    hears_now(&server, &bob, &[C]);
    bob.hang_up();
    carol.over(SOON);
    let told = all_over(&server);
    assert!(told.contains("left the conference: closed"), "{told}");
}
