//! Conferences over HTTP: what is seen of their members, and what may be changed about them.

mod asking;

use std::time::Duration;

use asking::{Served, wait};
use serde_json::{Value, json};
use store::{Document, Flows, User, Users};
use testkit::ua::desk::{Desk, Manner};

fn room(served: &Served) -> Value {
    let (status, _, body) = served.get("/conferences/team");
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("JSON")
}

#[test]
fn a_room_is_looked_at_and_its_members_are_made_louder_within_bounds() {
    let source = json!({"actions": [{"type": "CONFERENCE", "params": {"name": "team"}}]});
    let mut flows = Flows::new();
    flows.add(Document::read("team.json", None, source).expect("a flow"));
    assert!(flows.number("700", "team.json", true));
    let users: Users = ["alice", "bob"].map(|name| User::new(name, "secret")).into_iter().collect();
    let served = Served::flows(flows, &users, |_, _| {});
    assert_eq!(served.get("/conferences/team").0, 404, "nobody is there");
    let address = served.switch.sip_udp().expect("UDP");
    let manner = Manner::Answer(Duration::ZERO);
    let desk = |name, tone| Desk::new(address, name, "secret", tone, manner).expect("a phone");
    let (alice, bob) = (desk("alice", 440), desk("bob", 800));
    assert_eq!([alice.registered(), bob.registered()], [Some(200); 2]);
    let lines = [&alice, &bob].map(|desk| {
        let line = desk.call("700");
        assert!(desk.up(line));
        line
    });
    wait("that both talk", || {
        room(&served)["members"].as_array().is_some_and(|members| {
            members.len() == 2
                && members.iter().all(|one| one["talking"] == true && one["talked_s"].as_f64() > Some(0.0))
        })
    });
    assert!(
        room(&served)["members"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["active_speaker"] == true))
    );
    let call = room(&served)["members"][0]["call"].as_str().expect("a call").to_owned();
    let path = format!("/conferences/team/members/{call}");
    assert_eq!(served.post(&path, r#"{"gain_db": 6, "volume_db": -2.5}"#).0, 204);
    let view = room(&served);
    assert_eq!(
        (&view["members"][0]["gain_db"], &view["members"][0]["volume_db"]),
        (&json!(6.0), &json!(-2.5))
    );
    let (status, _, body) = served.post(&path, r#"{"gain_db": 18.5}"#);
    assert_eq!(status, 400, "{body}");
    assert!(body.contains("expected gain_db from -40 to 18, 0 being as usual, found 18.5"), "{body}");
    let (status, _, body) = served.post(&path, r#"{"loud": 3}"#);
    assert!(status == 400 && body.contains("volume_db"), "{body}");
    assert_eq!(served.post(&path, r#"{"muted": true}"#).0, 204);
    wait("that it is muted", || room(&served)["members"][0]["talking"] == false);
    assert_eq!(room(&served)["members"][0]["gain_db"], 6.0, "what is left out stays");
    alice.hang_up(lines[0]);
    bob.hang_up(lines[1]);
    wait("that the room is closed", || served.get("/conferences/team").0 == 404);
}
