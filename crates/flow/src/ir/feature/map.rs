//! A feature's name, and the same feature with its texts filled in.

use super::*;

impl<T> Feature<T> {
    /// Its name in the table of actions.
    pub fn name(&self) -> &'static str {
        match self {
            Feature::Originate(_) => "Originate",
            Feature::Page(_) => "Page",
            Feature::Park(_) => "Park",
            Feature::Camp(_) => "Camp",
            Feature::Pickup(_) => "Pickup",
            Feature::Listen(_) => "Listen",
            Feature::Transfer(_) => "Transfer",
            Feature::AfterBridge(_) => "AfterBridge",
            Feature::AfterRecording(_) => "AfterRecording",
            Feature::Block => "Block",
            Feature::CauseOf(_) => "CauseOf",
            Feature::Hold(_) => "Hold",
            Feature::HoldMusic(_) => "HoldMusic",
            Feature::Mute(_) => "Mute",
            Feature::Sound(_) => "Sound",
            Feature::Announce(_) => "Announce",
            Feature::Break(_) => "Break",
            Feature::Relate(_) => "Relate",
            Feature::ForPeer(of) => of.name(),
            Feature::Move(_) => "Move",
            Feature::Queue(_) => "Queue",
            Feature::Agent(_) => "Agent",
            Feature::Leave(_) => "Leave",
            Feature::Mailbox(_) => "Mailbox",
            Feature::Fax { .. } => "Fax",
            Feature::FaxDetect(_) => "FaxDetect",
            Feature::Setting(_) => "Setting",
            Feature::Presence { .. } => "Presence",
            Feature::Message(_) => "Message",
            Feature::Transcribe(_) => "Transcribe",
            Feature::Stream(_) => "Stream",
            Feature::Converse(_) => "Converse",
            Feature::Directory(_) => "Directory",
            Feature::Event { .. } => "Event",
            Feature::Score { .. } => "Score",
            Feature::WaitTime { .. } => "WaitTime",
        }
    }

    /// The program that it carries: another call's, or that of those who wait.
    pub fn program(&self) -> Option<&Program> {
        match self {
            Feature::Originate(Originate { runs: Runs::Program(program), .. }) => Some(program),
            Feature::Queue(queue) => queue.wait.as_deref(),
            _ => None,
        }
    }

    /// The same in other words.
    pub fn map<U>(&self, mut f: impl FnMut(&T) -> U) -> Feature<U> {
        let f = &mut f;
        match self {
            Feature::Originate(of) => Feature::Originate(Originate {
                to: of.to.iter().map(|callee| callee.map(&mut *f)).collect(),
                identity: of.identity.map(&mut *f),
                runs: match &of.runs {
                    Runs::Flow(id) => Runs::Flow(f(id)),
                    Runs::Program(program) => Runs::Program(program.clone()),
                    Runs::Number(number) => Runs::Number(f(number)),
                },
                early: of.early,
                chained: of.chained,
                timeout: of.timeout,
                longest: of.longest,
                session: of.session.as_ref().map(f),
            }),
            Feature::Page(of) => Feature::Page(Page {
                to: endpoints(&of.to, f),
                two_way: of.two_way,
                timeout: of.timeout,
                barge: of.barge,
            }),
            Feature::Park(of) => Feature::Park(Park {
                how: of.how,
                slot: of.slot.as_ref().map(&mut *f),
                most: of.most,
                usual: slot(&of.usual, &mut *f),
                slots: of.slots.iter().map(|(name, of)| (name.clone(), slot(of, &mut *f))).collect(),
            }),
            Feature::Camp(of) => Feature::Camp(of.map(f)),
            Feature::Pickup(of) => Feature::Pickup(Pickup {
                of: of.of.map(&mut *f),
                answered: of.answered,
                approved: of.approved.as_ref().map(|callee| callee.map(f)),
            }),
            Feature::Listen(of) => Feature::Listen(Listen {
                to: of.to.map(&mut *f),
                within: of.within.as_ref().map(|callee| callee.map(&mut *f)),
                approved: of.approved.as_ref().map(|callee| callee.map(f)),
                how: of.how,
            }),
            Feature::Transfer(of) => Feature::Transfer(Transfer {
                to: f(&of.to),
                attended: of.attended,
                side: of.side,
                takeback: of.takeback.clone(),
                timeout: of.timeout,
                ringback: of.ringback.as_ref().map(&mut *f),
                music: of.music.as_ref().map(f),
            }),
            Feature::AfterRecording(flow) => Feature::AfterRecording(f(flow)),
            Feature::Block => Feature::Block,
            Feature::CauseOf(call) => Feature::CauseOf(f(call)),
            Feature::AfterBridge(of) => Feature::AfterBridge(match of {
                AfterBridge::Hangup => AfterBridge::Hangup,
                AfterBridge::Park => AfterBridge::Park,
                AfterBridge::Transfer(to) => AfterBridge::Transfer(f(to)),
            }),
            Feature::Hold(of) => Feature::Hold(Hold {
                how: of.how,
                release: of.release,
                music: of.music.as_ref().map(&mut *f),
                own_music: of.own_music.as_ref().map(f),
            }),
            Feature::HoldMusic(class) => Feature::HoldMusic(f(class)),
            Feature::Mute(of) => Feature::Mute(*of),
            Feature::Sound(settings) => Feature::Sound(pairs(settings, f)),
            Feature::Announce(of) => Feature::Announce(Announce {
                what: match &of.what {
                    Announcement::Sound(sound) => Announcement::Sound(f(sound)),
                    Announcement::Speech { text, language, voice } => Announcement::Speech {
                        text: f(text),
                        language: language.as_ref().map(&mut *f),
                        voice: voice.as_ref().map(f),
                    },
                },
                side: of.side,
            }),
            Feature::Break(side) => Feature::Break(*side),
            Feature::Relate(of) => Feature::Relate(Relate {
                conference: f(&of.conference),
                one: f(&of.one),
                other: f(&of.other),
                relation: of.relation,
            }),
            // Always the same type, or the compiler would make this function for ever.
            Feature::ForPeer(of) => Feature::ForPeer(Box::new(of.map(f as &mut dyn FnMut(&T) -> U))),
            Feature::Move(to) => Feature::Move(to.as_ref().map(|to| to.map(f))),
            Feature::Queue(of) => Feature::Queue(Queue {
                id: f(&of.id),
                priority: of.priority,
                timeout: of.timeout,
                service: of.service,
                exit_keys: of.exit_keys.clone(),
                wait: of.wait.clone(),
            }),
            Feature::Agent(of) => Feature::Agent(Agent {
                agent: of.agent.as_ref().map(&mut *f),
                queue: of.queue.as_ref().map(f),
                change: of.change,
            }),
            Feature::Leave(of) => Feature::Leave(Leave {
                boxes: of.boxes.iter().map(f).collect(),
                longest: of.longest,
                skip_greeting: of.skip_greeting,
                skip_instructions: of.skip_instructions,
                check_if_owner: of.check_if_owner,
                between: of.between,
            }),
            Feature::Mailbox(of) => Feature::Mailbox(Mailbox {
                id: of.id.as_ref().map(f),
                single: of.single,
                by_caller: of.by_caller,
                between: of.between,
            }),
            Feature::Fax { owner, t38 } => Feature::Fax { owner: owner.as_ref().map(f), t38: *t38 },
            Feature::FaxDetect(length) => Feature::FaxDetect(*length),
            Feature::Setting(of) => Feature::Setting(Setting {
                what: of.what,
                change: of.change,
                id: of.id.as_ref().map(&mut *f),
                value: of.value.as_ref().map(f),
                scope: of.scope,
            }),
            Feature::Presence { id, lamp } => Feature::Presence { id: f(id), lamp: *lamp },
            Feature::Message(of) => Feature::Message(Message {
                by: of.by,
                from: of.from.as_ref().map(&mut *f),
                to: of.to.iter().map(&mut *f).collect(),
                subject: of.subject.as_ref().map(&mut *f),
                text: f(&of.text),
                attachments: of.attachments.iter().map(f).collect(),
                at_end: of.at_end,
                if_missed: of.if_missed,
                wait: of.wait,
            }),
            Feature::Transcribe(of) => Feature::Transcribe(match of {
                Transcribe::Start { language, provider, side, on_end } => Transcribe::Start {
                    language: language.as_ref().map(&mut *f),
                    provider: provider.as_ref().map(&mut *f),
                    side: *side,
                    on_end: on_end.as_ref().map(f),
                },
                Transcribe::Stop => Transcribe::Stop,
                Transcribe::Recording { language, on_end } => Transcribe::Recording {
                    language: language.as_ref().map(&mut *f),
                    on_end: on_end.as_ref().map(f),
                },
            }),
            Feature::Stream(of) => Feature::Stream(match of {
                Stream::Start { to, format, listen, speak, settings } => Stream::Start {
                    to: f(to),
                    format: f(format),
                    listen: *listen,
                    speak: *speak,
                    settings: pairs(settings, f),
                },
                Stream::Stop => Stream::Stop,
            }),
            Feature::Converse(of) => Feature::Converse(Converse {
                kind: f(&of.kind),
                id: f(&of.id),
                language: of.language.as_ref().map(&mut *f),
                voice: of.voice.as_ref().map(&mut *f),
                longest: of.longest,
                resume: of.resume,
                on_end: of.on_end.as_ref().map(f),
            }),
            Feature::Directory(id) => Feature::Directory(f(id)),
            Feature::Event { kind, id, data } => {
                Feature::Event { kind, id: f(id), data: data.as_ref().map(f) }
            }
            Feature::Score { user, password, steps } => {
                Feature::Score { user: f(user), password: f(password), steps: steps.clone() }
            }
            Feature::WaitTime { queue, window, steps } => {
                Feature::WaitTime { queue: f(queue), window: *window, steps: steps.clone() }
            }
        }
    }
}

fn slot<T, U>(of: &Slot<T>, f: impl FnMut(&T) -> U) -> Slot<U> {
    let presence = of.presence.as_ref().map(f);
    Slot { ringback: of.ringback, callback: of.callback, presence, lamp: of.lamp }
}

fn pairs<T, U>(of: &[(String, T)], f: &mut impl FnMut(&T) -> U) -> Vec<(String, U)> {
    of.iter().map(|(name, value)| (name.clone(), f(value))).collect()
}
