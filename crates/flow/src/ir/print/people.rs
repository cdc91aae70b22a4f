//! Dialling and features in short, for programs and for requests alike.

use std::fmt::Display;

use super::{identity, quoted, time};
use crate::ir::*;

/// Finding out who answered, with all that is not the usual: `Detect(4 s, greeting, max_words 5)`.
pub(super) fn detect(name: &str, detect: &Detect, machine: Option<&str>) -> String {
    let Timings {
        initial_silence,
        greeting,
        after_greeting_silence,
        total,
        min_word,
        between_words,
        max_words,
        max_word,
        beep,
        greeting_end,
    } = &*detect.timings;
    let mut words: Vec<String> = total.iter().map(|total| time(*total)).collect();
    words.extend(detect.follows.then(|| "greeting".to_owned()));
    words.extend(machine.map(str::to_owned));
    let times = [
        ("initial_silence", initial_silence),
        ("greeting", greeting),
        ("after_greeting_silence", after_greeting_silence),
        ("min_word", min_word),
        ("between_words", between_words),
        ("max_word", max_word),
        ("beep", beep),
        ("greeting_end", greeting_end),
    ];
    words.extend(times.into_iter().filter_map(|(name, at)| Some(format!("{name} {}", time((*at)?)))));
    words.extend(max_words.map(|most| format!("max_words {most}")));
    if words.is_empty() { name.to_owned() } else { format!("{name}({})", words.join(", ")) }
}

/// A dialling with all that is not the usual: `user bob, user ann (after 5 s); 20 s; in turn`.
pub fn dial<T: Display + PartialEq>(dial: &Dial<T>) -> String {
    let to: Vec<String> = dial.to.iter().map(endpoint).collect();
    let mut words = vec![to.join(", "), time(dial.timeout)];
    words.extend(match dial.order {
        Order::Together => None,
        Order::InTurn => Some("in turn".to_owned()),
        Order::Weighted => Some("by weight".to_owned()),
    });
    words.extend((dial.rounds != 1).then(|| format!("{} rounds", dial.rounds)));
    words.extend(shown(&dial.identity));
    words.extend(dial.outside.as_ref().map(|outside| format!("outside {}", identity(outside))));
    words.extend(match &dial.meanwhile {
        Meanwhile::Pass => None,
        Meanwhile::Ringing => Some("only ringing is heard".to_owned()),
        Meanwhile::Sound(sound) => Some(format!("{} is heard", quoted(&sound.to_string()))),
    });
    words.extend(
        dial.announcement.as_ref().map(|sound| format!("announced by {}", quoted(&sound.to_string()))),
    );
    words.extend(dial.confirm.map(|key| format!("taken by key {key}")));
    words.extend(dial.alert.as_ref().map(|alert| format!("alert {}", quoted(&alert.to_string()))));
    words.extend(dial.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    words.extend(dial.flags.iter().map(|flag| format!("flag {flag}")));
    words.extend(carriage(&dial.carriage));
    words.extend(dial.request_user.as_ref().map(|user| format!("asks for {}", quoted(&user.to_string()))));
    let flags = [
        (dial.barge, "also in calls"),
        (dial.auto_answer, "answered by itself"),
        (dial.own_phones, "own phones too"),
        (!dial.follow_forward, "no forwarding"),
        (dial.one_rejects_all, "one may reject for all"),
    ];
    words.extend(flags.into_iter().filter(|(is, _)| *is).map(|(_, word)| word.to_owned()));
    words.extend(dial.longest.map(|longest| format!("talk {}", time(longest))));
    words.join("; ")
}

fn carriage<T: Display>(of: &Carriage<T>) -> Vec<String> {
    let flags = [
        (of.own, "own trunks only"),
        (of.as_written, "as written"),
        (of.formed, "From in the trunk's form"),
        (of.tells_account, "tells the account"),
        (of.unrestricted, "unrestricted"),
    ];
    let flags = flags.into_iter().filter(|(is, _)| *is).map(|(_, word)| word.to_owned());
    let named =
        [("account", of.account.as_ref()), ("From at", of.realm.as_ref()), ("kind", of.kind.as_ref())];
    flags.chain(named.into_iter().filter_map(|(name, value)| self::named(name, value))).collect()
}

/// `back after 60 s, ring 20 s, lamp "70"`.
fn slot<T: Display>(of: &Slot<T>) -> Vec<Option<String>> {
    let lamp = of.lamp.map(|lamp| format!("shows {}", word(lamp)));
    vec![
        lasting("back after", of.ringback),
        lasting("ring", of.callback),
        named("lamp", of.presence.as_ref()),
        lamp,
    ]
}

fn endpoint<T: Display>(of: &Endpoint<T>) -> String {
    let mut words = Vec::new();
    words.extend((!of.delay.is_zero()).then(|| format!("after {}", time(of.delay))));
    words.extend(of.timeout.map(|timeout| format!("for {}", time(timeout))));
    words.extend((of.weight != 1).then(|| format!("weight {}", of.weight)));
    if words.is_empty() { of.callee.to_string() } else { format!("{} ({})", of.callee, words.join(", ")) }
}

fn shown<T: Display + PartialEq>(of: &Identity<T>) -> Option<String> {
    (*of != Identity::default()).then(|| format!("shown {}", identity(of)))
}

/// A feature with all that it was told: `Park(auto, slot "70")`.
pub fn feature<T: Display + PartialEq>(feature: &Feature<T>) -> String {
    let words = told(feature);
    if words.is_empty() {
        feature.name().to_owned()
    } else {
        format!("{}({})", feature.name(), words.join(", "))
    }
}

/// `name value`, if there is one.
fn named<T: Display>(name: &str, value: Option<&T>) -> Option<String> {
    value.map(|value| format!("{name} {}", quoted(&value.to_string())))
}

fn lasting(name: &str, length: Option<std::time::Duration>) -> Option<String> {
    length.map(|length| format!("{name} {}", time(length)))
}

fn flag(is: bool, word: &str) -> Option<String> {
    is.then(|| word.to_owned())
}

fn word(of: impl std::fmt::Debug) -> String {
    format!("{of:?}").to_lowercase()
}

fn steps(steps: &[u32]) -> Option<String> {
    let steps: Vec<String> = steps.iter().map(u32::to_string).collect();
    (!steps.is_empty()).then(|| format!("steps {}", steps.join(", ")))
}

fn told<T: Display + PartialEq>(feature: &Feature<T>) -> Vec<String> {
    let text = |value: &T| quoted(&value.to_string());
    let mut words: Vec<Option<String>> = Vec::new();
    match feature {
        Feature::Originate(of) => {
            words.extend(of.to.iter().map(|callee| Some(callee.to_string())));
            words.push(Some(match &of.runs {
                Runs::Flow(id) => format!("flow {}", text(id)),
                Runs::Program(program) => format!("{} nodes", program.nodes.len()),
                Runs::Number(number) => format!("flow of {number}"),
            }));
            words.extend([shown(&of.identity), flag(of.early, "early"), flag(of.chained, "chained")]);
            words.extend([Some(time(of.timeout)), lasting("talk", of.longest)]);
            words.push(named("with", of.session.as_ref()));
        }
        Feature::Page(of) => {
            words.extend(of.to.iter().map(|one| Some(endpoint(one))));
            words.extend([flag(of.two_way, "two ways"), flag(of.barge, "also in calls")]);
            words.push(Some(time(of.timeout)));
        }
        Feature::Park(of) => {
            words.extend([Some(word(of.how)), named("slot", of.slot.as_ref())]);
            words.push(of.most.map(|most| format!("at most {most}")));
            words.extend(slot(&of.usual));
            for (name, of) in &of.slots {
                let words_of: Vec<String> = slot(of).into_iter().flatten().collect();
                words.push(Some(format!("slot {name}: {}", words_of.join(" and "))));
            }
        }
        Feature::Camp(of) => words.push(Some(of.to_string())),
        Feature::Pickup(of) => {
            words.extend([Some(of.of.to_string()), flag(of.answered, "also answered")]);
            words.push(of.approved.as_ref().map(|callee| format!("by {callee}")));
        }
        Feature::Listen(of) => {
            words.extend([Some(of.to.to_string()), Some(word(of.how))]);
            words.push(of.within.as_ref().map(|callee| format!("in {callee}")));
            words.push(of.approved.as_ref().map(|callee| format!("by {callee}")));
        }
        Feature::Transfer(of) => {
            words.extend([Some(text(&of.to)), flag(of.attended, "attended"), Some(word(of.side))]);
            words.extend([
                flag(!of.takeback.is_empty(), &format!("back by {}", of.takeback)),
                Some(time(of.timeout)),
            ]);
            words.extend([named("ringback", of.ringback.as_ref()), named("music", of.music.as_ref())]);
        }
        Feature::AfterBridge(AfterBridge::Transfer(to)) => words.push(Some(format!("transfer {}", text(to)))),
        Feature::AfterBridge(AfterBridge::Hangup) => words.push(Some("hangup".to_owned())),
        Feature::AfterBridge(AfterBridge::Park) => words.push(Some("park".to_owned())),
        Feature::AfterRecording(flow) => words.push(Some(text(flow))),
        Feature::Block => {}
        Feature::CauseOf(call) => words.push(Some(text(call))),
        Feature::Hold(of) => {
            words.push(flag(of.how != Holding::Hold, &word(of.how)));
            words.push(of.release.map(|key| format!("until {key}")));
            words.extend([named("music", of.music.as_ref()), named("own music", of.own_music.as_ref())]);
        }
        Feature::HoldMusic(class) => words.push(Some(text(class))),
        Feature::Mute(of) => words.extend([flag(!of.on, "off"), Some(word(of.side))]),
        Feature::Sound(of) => words.extend(of.iter().map(|(name, value)| named(name, Some(value)))),
        Feature::Announce(of) => {
            words.push(Some(match &of.what {
                Announcement::Sound(name) => text(name),
                Announcement::Speech { text: said, .. } => format!("say {}", text(said)),
            }));
            words.push(Some(format!("to {}", word(of.side))));
        }
        Feature::Break(side) => words.push(Some(word(side))),
        Feature::Relate(of) => {
            words.extend([text(&of.conference), text(&of.one), text(&of.other)].map(Some));
            words.push(Some(word(of.relation)));
        }
        Feature::ForPeer(of) => {
            words.push(Some("for the other party".to_owned()));
            words.extend(told(of).into_iter().map(Some));
        }
        Feature::Move(to) => {
            words.push(Some(to.as_ref().map_or("one's own".to_owned(), ToString::to_string)))
        }
        Feature::Queue(of) => {
            words.extend([Some(text(&of.id)), flag(of.priority != 0, &format!("priority {}", of.priority))]);
            words.extend([lasting("wait", of.timeout), lasting("talk", of.service)]);
            words.push(of.exit_keys.as_ref().map(|keys| format!("{keys} leaves")));
            words.push(of.wait.as_ref().map(|program| format!("{} nodes meanwhile", program.nodes.len())));
        }
        Feature::Agent(of) => {
            words.push(Some(match of.change {
                AgentChange::Pause(Some(length)) => format!("pause {}", time(length)),
                AgentChange::Pause(None) => "pause".to_owned(),
                other => word(other),
            }));
            words.extend([named("agent", of.agent.as_ref()), named("queue", of.queue.as_ref())]);
        }
        Feature::Leave(of) => {
            words.extend(of.boxes.iter().map(|name| Some(text(name))));
            words.push(lasting("max", of.longest));
            words.extend([
                flag(of.skip_greeting, "no greeting"),
                flag(of.skip_instructions, "no instructions"),
                flag(of.check_if_owner, "owners listen"),
            ]);
        }
        Feature::Mailbox(of) => {
            words.extend([
                of.id.as_ref().map(text),
                flag(of.single, "the only one"),
                flag(of.by_caller, "the caller's"),
            ]);
        }
        Feature::Fax { owner, t38 } => {
            words.extend([
                owner.as_ref().map(text),
                t38.map(|t38| format!("T.38 {}", if t38 { "on" } else { "off" })),
            ]);
        }
        Feature::FaxDetect(length) => words.push(Some(time(*length))),
        Feature::Setting(of) => {
            words.extend([Some(word(of.what)), Some(word(of.change)), of.id.as_ref().map(text)]);
            words.extend([named("to", of.value.as_ref()), flag(!of.scope.is_empty(), of.scope)]);
        }
        Feature::Presence { id, lamp } => words.extend([Some(text(id)), Some(word(lamp))]),
        Feature::Message(of) => {
            words.extend([Some(word(of.by)), named("from", of.from.as_ref())]);
            words.extend(of.to.iter().map(|to| named("to", Some(to))));
            words.extend([named("about", of.subject.as_ref()), Some(text(&of.text))]);
            words.extend(of.attachments.iter().map(|file| named("with", Some(file))));
            words.extend([
                flag(of.at_end, "at the end"),
                flag(of.if_missed, "if missed"),
                flag(of.wait, "waits"),
            ]);
        }
        Feature::Transcribe(Transcribe::Start { language, provider, side, on_end }) => {
            words.extend([named("language", language.as_ref()), named("provider", provider.as_ref())]);
            words.extend([Some(word(side)), named("then", on_end.as_ref())]);
        }
        Feature::Transcribe(Transcribe::Stop) | Feature::Stream(Stream::Stop) => {
            words.push(Some("stop".to_owned()))
        }
        Feature::Transcribe(Transcribe::Recording { language, on_end }) => {
            words.extend([Some("recordings".to_owned()), named("language", language.as_ref())]);
            words.push(named("then", on_end.as_ref()));
        }
        Feature::Stream(Stream::Start { to, format, listen, speak, settings }) => {
            words.extend([Some(text(to)), Some(format.to_string())]);
            words.extend([Some(format!("listen {}", word(listen))), Some(format!("speak {}", word(speak)))]);
            words.extend(settings.iter().map(|(name, value)| named(name, Some(value))));
        }
        Feature::Converse(of) => {
            words.extend([Some(of.kind.to_string()), Some(text(&of.id))]);
            words.extend([named("language", of.language.as_ref()), named("voice", of.voice.as_ref())]);
            words.extend([lasting("max", of.longest), flag(of.resume, "resumed")]);
            words.push(named("then", of.on_end.as_ref()));
        }
        Feature::Directory(id) => words.push(Some(text(id))),
        Feature::Event { kind, id, data } => {
            words.extend([Some((*kind).to_owned()), Some(text(id)), named("with", data.as_ref())]);
        }
        Feature::Score { user, steps, .. } => words.extend([Some(text(user)), self::steps(steps)]),
        Feature::WaitTime { queue, window, steps } => {
            words.extend([Some(text(queue)), lasting("within", *window), self::steps(steps)]);
        }
    }
    words.into_iter().flatten().collect()
}
