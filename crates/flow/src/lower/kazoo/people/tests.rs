//! Defaults, units and edges of the modules that reach people; how calls live through them is in `golden/kazoo`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::ir::*;
use crate::lower::{Code, Lowered, kazoo};

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn lowered(document: &Value) -> Lowered {
    let lowered = kazoo::lower(document).expect("an object");
    verify(&lowered.program).expect("a program that can run");
    assert_eq!(lowered.program.residual_count(), 0);
    lowered
}

fn entry(program: &Program) -> &Node {
    program.entry.and_then(|entry| program.node(entry)).expect("an entry")
}

fn dial(module: &str, data: Value) -> Dial {
    match &entry(&lowered(&json!({"module": module, "data": data})).program).op {
        Op::Dial(dial) => (**dial).clone(),
        other => panic!("{other:?}"),
    }
}

/// The first feature of the module.
fn feature(module: &str, data: Value) -> Feature {
    let program = lowered(&json!({"module": module, "data": data})).program;
    let found = program.nodes.into_iter().find_map(|node| match node.op {
        Op::Feature(feature) => Some(*feature),
        _ => None,
    });
    found.expect("a feature")
}

fn codes(document: &Value) -> Vec<(Code, String)> {
    lowered(document).diagnostics.into_iter().map(|said| (said.code, said.pointer)).collect()
}

fn user(name: &str) -> Callee {
    Callee::User(Template::literal(name))
}

#[test]
fn phones_and_users_ring_for_twenty_seconds_after_their_delay() {
    for module in ["device", "user"] {
        for (data, timeout, delay) in [
            (json!({"id": "a"}), 20, 0),
            (json!({"id": "a", "timeout": 0}), 20, 0),
            (json!({"id": "a", "timeout": "15", "delay": "5"}), 20, 5),
            (json!({"id": "a", "timeout": 45}), 45, 0),
        ] {
            let dial = dial(module, data);
            let [endpoint] = dial.to.as_slice() else { panic!("one") };
            assert_eq!((dial.timeout, endpoint.delay, endpoint.timeout), (s(timeout), s(delay), None));
            assert_eq!((dial.rounds, dial.order, dial.own_phones), (1, Order::Together, false));
            assert!(!dial.relay && !dial.answers && dial.follow_forward && !dial.one_rejects_all);
            assert_eq!(dial.identity, Identity::default());
        }
    }
}

#[test]
fn a_phone_rings_as_its_options_say() {
    let data = json!({
        "id": "a", "dial_strategy": "single", "can_call_self": "true", "suppress_clid": true, "static_invite": "42",
        "custom_sip_headers": {"in": {"X-In": "1"}, "out": {"X-Out": "2", "X-Number": 3}},
    });
    let dial = dial("device", data);
    assert_eq!((dial.order, dial.own_phones, dial.identity.withheld), (Order::InTurn, true, Withheld::Both));
    assert_eq!(dial.request_user, Some(Template::literal("42")));
    let headers =
        [("X-Out".to_owned(), Template::literal("2")), ("X-Number".to_owned(), Template::literal("3"))];
    assert_eq!(dial.headers, headers);
}

#[test]
fn a_ring_group_has_kazoos_defaults() {
    let data = json!({"endpoints": [
        {"endpoint_type": "device", "id": "d"},
        {"endpoint_type": "group", "id": "g", "delay": 3, "timeout": "7", "weight": 500},
    ]});
    let dial = dial("ring_group", data);
    let first = Endpoint { timeout: Some(s(20)), ..Callee::Device(Template::literal("d")).into() };
    let second = Endpoint {
        delay: s(3),
        timeout: Some(s(7)),
        weight: 100,
        ..Callee::Group(Template::literal("g")).into()
    };
    assert_eq!(dial.to, [first, second]);
    assert_eq!((dial.timeout, dial.rounds, dial.order), (s(20), 1, Order::Together));
    assert!(!dial.follow_forward && !dial.one_rejects_all && !dial.answers);
    assert_eq!((dial.meanwhile, dial.alert), (Meanwhile::Pass, None));
}

#[test]
fn a_group_answers_and_a_ring_group_does_not() {
    assert!(dial("group", json!({"id": "g"})).answers);
    assert_eq!(dial("group", json!({"id": "g"})).to, [Callee::Group(Template::literal("g")).into()]);
    assert!(!dial("ring_group", json!({"endpoints": ["a"]})).answers);
}

#[test]
fn plain_ids_are_looked_up_in_the_document_and_told_of_once() {
    let endpoints = json!(["d", "u", "g", "x", "y"]);
    let document = json!({
        "devices": {"d": {}}, "users": {"u": {}}, "groups": {"g": {}},
        "flow": {"module": "ring_group", "data": {"endpoints": endpoints}},
    });
    let lowered = lowered(&document);
    let Op::Dial(dial) = &entry(&lowered.program).op else { panic!("a dialling") };
    let callees: Vec<String> = dial.to.iter().map(|endpoint| endpoint.callee.to_string()).collect();
    assert_eq!(callees, ["device d", "user u", "group g", "user x", "user y"]);
    let said: Vec<&str> = lowered.diagnostics.iter().map(|said| said.pointer.as_str()).collect();
    assert_eq!(said, ["/flow/data/endpoints"]);
}

#[test]
fn a_group_without_anybody_is_passed_over() {
    let document = json!({"module": "ring_group", "data": {"endpoints": []}, "children": {
        "_": {"module": "answer", "data": {}}
    }});
    assert_eq!(entry(&lowered(&document).program).op, Op::Noop);
    assert_eq!(codes(&document), [(Code::MissingOption, "/data/endpoints".to_owned())]);
}

#[test]
fn a_bridge_stops_the_flow_and_failures_take_the_child_of_their_cause() {
    let document = json!({"module": "user", "data": {"id": "a"}, "children": {
        "USER_BUSY": {"module": "noop", "data": {}},
        "sip:404": {"module": "noop", "data": {}},
        "_": {"module": "noop", "data": {}}
    }});
    let program = lowered(&document).program;
    let edges = &entry(&program).edges;
    let at = |outcome: Outcome| match edges.target(&outcome) {
        Target::Node(node) => program.node(node).expect("a node").source.0.clone(),
        other => format!("{other:?}"),
    };
    assert_eq!(at(Outcome::Done), "Return");
    assert_eq!(at(Outcome::Key("USER_BUSY".into())), "/children/USER_BUSY");
    assert_eq!(at(Outcome::Failed(Cause::Status(404))), "/children/sip:404");
    assert_eq!(at(Outcome::Key("no_answer".into())), "/children/_");
    assert_eq!(at(Outcome::Failed(Cause::Unsupported)), "/children/_");
}

#[test]
fn resources_send_the_failure_back_and_never_take_the_ordinary_child() {
    let document = json!({"module": "resources", "data": {"to_did": "+1"}, "children": {
        "_": {"module": "answer", "data": {}}
    }});
    let program = lowered(&document).program;
    let node = entry(&program);
    let Op::Dial(dial) = &node.op else { panic!("a dialling") };
    assert!(dial.relay && dial.carriage.own);
    assert_eq!((dial.timeout, dial.identity.number.clone()), (s(60), Shown::Class("external")));
    assert_eq!(node.edges.target(&Outcome::Key("busy".into())), Target::Return);
    assert_eq!(codes(&document), [(Code::IgnoredBranch, "/children/_".to_owned())]);
}

#[test]
fn local_resources_are_usual_for_the_one_module_and_not_for_the_other() {
    assert!(!dial("offnet", json!({})).carriage.own);
    assert!(dial("offnet", json!({"use_local_resources": true})).carriage.own);
    assert!(!dial("resources", json!({"use_local_resources": "false"})).carriage.own);
    let data = json!({
        "bypass_e164": true, "hunt_account_id": "h", "from_uri_realm": "r", "format_from_uri": true,
        "emit_account_id": true, "resource_type": "audio", "ignore_early_media": true, "outbound_flags": ["fax"],
    });
    let dial = dial("resources", data);
    let given = |text: &str| Some(Template::literal(text));
    let carriage = Carriage {
        own: true,
        account: given("h"),
        as_written: true,
        realm: given("r"),
        formed: true,
        tells_account: true,
        kind: given("audio"),
        unrestricted: false,
    };
    assert_eq!((dial.carriage, dial.meanwhile), (carriage, Meanwhile::Ringing));
    assert_eq!(dial.flags, [Template::literal("fax")]);
}

#[test]
fn a_page_waits_five_seconds_and_is_one_way() {
    let Feature::Page(page) = feature("page_group", json!({"endpoints": ["a"]})) else { panic!("a page") };
    assert_eq!((page.timeout, page.two_way, page.barge), (s(5), false, false));
    assert_eq!(page.to, [Endpoint { timeout: Some(s(20)), ..user("a").into() }]);
}

#[test]
fn a_slot_rings_back_in_milliseconds_and_calls_back_in_seconds() {
    let data = json!({
        "slot": 70, "default_ringback_timeout": 30_000, "default_callback_timeout": 60, "max_slot_number": 79,
        "default_presence_type": "confirmed", "slots": {"71": {"ringback_timeout": 5_000, "presence_id": "lot"}},
    });
    let Feature::Park(park) = feature("park", data) else { panic!("a park") };
    let usual = Slot { ringback: Some(s(30)), callback: Some(s(60)), presence: None, lamp: Some(Lamp::Busy) };
    let own = Slot { ringback: Some(s(5)), presence: Some(Template::literal("lot")), ..usual.clone() };
    assert_eq!((park.how, park.slot, park.most), (Parking::Park, Some(Template::literal("70")), Some(79)));
    assert_eq!((park.usual, park.slots), (usual, vec![("71".to_owned(), own)]));
}

#[test]
fn messages_are_left_for_five_hundred_seconds() {
    let Feature::Leave(leave) = feature("voicemail", json!({"id": "b"})) else { panic!("a message") };
    assert_eq!((leave.longest, leave.between), (Some(s(500)), s(2)));
    assert!(leave.check_if_owner && !leave.skip_greeting && !leave.skip_instructions);
    let data = json!({"action": "check", "id": "b", "interdigit_timeout": 700});
    let Feature::Mailbox(mailbox) = feature("voicemail", data) else { panic!("a mailbox") };
    assert_eq!((mailbox.between, mailbox.single), (Duration::from_millis(700), false));
}

#[test]
fn recordings_are_kept_as_their_options_say() {
    let keeping =
        |data: Value| match &entry(&lowered(&json!({"module": "record_call", "data": data})).program).op {
            Op::RecordStart(record) => (record.limit, record.keeping.clone()),
            other => panic!("{other:?}"),
        };
    assert_eq!(keeping(json!({})), (Some(s(3_600)), Keeping::default()));
    assert_eq!(keeping(json!({"time_limit": 1})).0, Some(s(5)));
    assert_eq!(keeping(json!({"record_on_answer": true})).1.from, Beginning::Answer);
    let data = json!({
        "time_limit": 20_000, "record_on_answer": true, "record_on_bridge": true, "record_min_sec": 3,
        "record_sample_rate": 8000, "should_follow_transfer": false, "label": "l", "origin": "o",
    });
    let notes = vec![("label".to_owned(), "l".to_owned()), ("origin".to_owned(), "o".to_owned())];
    let kept = Keeping {
        from: Beginning::Bridge,
        least: s(3),
        rate: Some(8_000),
        ends_at_transfer: true,
        fleeting: false,
        notes,
    };
    assert_eq!(keeping(data), (Some(s(10_800)), kept));
}

#[test]
fn fax_machines_are_listened_for_five_seconds() {
    assert_eq!(feature("fax_detect", json!({})), Feature::FaxDetect(s(5)));
    let owner = Some(Template::literal("a"));
    for (option, t38) in [(json!("auto"), None), (json!("true"), Some(true)), (json!(false), Some(false))] {
        let data = json!({"owner_id": "a", "media": {"fax_option": option}});
        assert_eq!(feature("receive_fax", data), Feature::Fax { owner: owner.clone(), t38 });
    }
}

#[test]
fn agents_rest_for_seconds_or_until_they_resume() {
    let change = |data: Value| match feature("acdc_agent", data) {
        Feature::Agent(agent) => agent.change,
        other => panic!("{other:?}"),
    };
    assert_eq!(change(json!({"action": "paused", "timeout": "90"})), AgentChange::Pause(Some(s(90))));
    assert_eq!(change(json!({"action": "paused"})), AgentChange::Pause(None));
    assert_eq!(change(json!({"action": "resume"})), AgentChange::Resume);
}

#[test]
fn settings_toggle_unless_they_are_told_what_to_do() {
    for (module, what) in [
        ("do_not_disturb", What::DoNotDisturb),
        ("call_waiting", What::CallWaiting),
        ("hotdesk", What::HotDesk),
    ] {
        let program = lowered(&json!({"module": module, "data": {}})).program;
        let Op::Feature(feature) = &entry(&program).op else { panic!("{module}") };
        let Feature::Setting(setting) = &**feature else { panic!("{module}") };
        assert_eq!((setting.what, setting.change), (what, Change::Toggle), "{module}");
    }
}

#[test]
fn mail_goes_out_when_the_call_is_over_unless_it_is_wanted_now() {
    let at_end = |data: Value| match feature("notification", data) {
        Feature::Message(message) => message.at_end,
        other => panic!("{other:?}"),
    };
    let to = json!([{"type": "email", "id": "a@example.com"}]);
    assert!(at_end(json!({"recipients": to})));
    assert!(!at_end(json!({"recipients": to, "send_at": "callflow_exec"})));
}

#[test]
fn children_that_are_numbers_are_steps_and_others_are_told() {
    let node = json!({"module": "noop", "data": {}});
    let document = json!({"module": "acdc_wait_time", "data": {"id": "q", "window": 60}, "children": {
        "300": node, "60": node, "long": node, "_": node
    }});
    let Op::Feature(feature) = entry(&lowered(&document).program).op.clone() else { panic!("a feature") };
    let queue = Template::literal("q");
    assert_eq!(*feature, Feature::WaitTime { queue, window: Some(s(60)), steps: vec![300, 60] });
    assert_eq!(codes(&document), [(Code::IgnoredBranch, "/children/long".to_owned())]);
}

/// Kazoo's callflow modules, by the names of its schemas, and seed 000's `say`.
const ALL: &str = "acdc_agent acdc_member acdc_queue acdc_wait_time after_bridge answer audio_macro branch_bnumber \
    branch_variable call_forward call_waiting callflow camping_feature check_cid cidlistmatch collect_dtmf conference \
    conference_feature dead_air device directory disa do_not_disturb dynamic_cid eavesdrop eavesdrop_feature edr fax_detect \
    faxbox flush_dtmf function group group_pickup group_pickup_feature hangup hotdesk intercept intercept_feature intercom \
    language lookupcidname manual_presence menu missed_call_alert move nomorobo noop notification offnet page_group park \
    pivot play prepend_cid privacy receive_fax record_call record_caller resources response ring_group ring_group_toggle \
    route_to_cid say send_dtmf set set_alert_info set_cid set_variable set_variables skel sleep temporal_route transfer tts \
    user voicemail wait_for_hangup webhook";

#[test]
fn every_module_has_a_row_and_becomes_operations() {
    for name in ALL.split_whitespace() {
        assert!(crate::lower::reference::module(crate::lower::Dialect::Kazoo, name).is_some(), "{name}");
        let program = lowered(&json!({"module": name, "data": {}})).program;
        let lacks = program.nodes.iter().any(|node| matches!(node.op, Op::Unavailable { .. }));
        assert!(!lacks, "{name}");
    }
}
