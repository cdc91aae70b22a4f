//! What a flow asks of more than its own leg: other people, other calls, services ([`flow::ir::Feature`]).
//!
//! [`Call::feature`] knows which file does what. What is done at once tells its word at once ([`Call::finish`]); what
//! takes time is kept as a [`Running`] under its tag until then, and is told of time, of legs that go, and of what came
//! of a dialling that has its tag.

use std::time::Instant;

use flow::engine::Input;
use flow::ir::{Cause, Feature, Side};
use flow::leg::{DialOutcome, LegEvent, Tag};

use super::LegKey;
use super::consult::Consult;
use super::directory::Directory;
use super::fax::FaxWait;
use super::leg::CallLeg;
use super::listen::Listening;
use super::menu::Menu;
use super::page::Page;
use super::park::Parked;
use super::run::Call;
use super::taking::Taking;

/// Something that takes time.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) tag: Tag,
    pub(super) doing: Doing,
}

/// What takes time, and how far it is.
#[derive(Debug)]
pub(super) enum Doing {
    /// Waits for somebody outside.
    Block,
    /// One party holds the other until it presses this key.
    Hold {
        /// Who holds.
        by: LegKey,
        key: char,
    },
    /// These legs still hear an announcement.
    Announce { hearing: Vec<LegKey> },
    /// One party talks to the target of a transfer, or moves to another phone.
    Consult(Box<Consult>),
    /// Waits until a setting is on the disk, to say this word.
    Setting(&'static str),
    /// Asks what is to become of a setting.
    Menu(Box<Menu>),
    /// Asks the caller for a name.
    Directory(Directory),
    /// A party is listened to for a fax.
    Fax(FaxWait),
    /// A leg hears a conversation elsewhere.
    Listen(Box<Listening>),
    /// The caller is in a slot.
    Park(Box<Parked>),
    /// A leg is on its way to another call.
    Taking(Box<Taking>),
    /// Speaks to several phones.
    Page(Box<Page>),
}

/// What a feature comes to that was obeyed at once: its word, or why not.
pub(super) type Came = Result<&'static str, (Cause, String)>;

/// Makes of one match what obeys features ([`Call::feature`]) and what says which are obeyed ([`OBEYED`]), so that the
/// page of what runs where cannot say anything else. Each arm ends with a comma; `else` is for all features that have none.
macro_rules! obeyed {
    (
        ($call:ident, $now:ident, $tag:ident, $by:ident)
        match $subject:ident {
            $( Feature::$name:ident $( ( $($inner:tt)* ) )? $( { $($fields:tt)* } )? $( if $guard:expr )? => $do:expr, )*
            else $other:ident => $otherwise:block
        }
    ) => {
        /// The features that are obeyed, by their names in the table of actions.
        const OBEYED: &[&str] = &[$( stringify!($name) ),*];

        impl Call {
            /// Does what a flow asks for; `by` says for whom: the one that the flow runs on, or whom it talks to.
            pub(super) fn feature(&mut $call, $now: Instant, $tag: Tag, $by: Side, $subject: Feature<String>) {
                match $subject {
                    $( Feature::$name $( ( $($inner)* ) )? $( { $($fields)* } )? $( if $guard )? => $do, )*
                    $other => $otherwise
                }
            }
        }
    };
}

obeyed! {
    (self, now, tag, by)
        match feature {
            Feature::AfterRecording(flow) => self.after_recording(now, tag, by, flow),
            Feature::Setting(setting) => self.setting(now, tag, by, &setting),
            Feature::Presence { id, lamp } => self.lamp(tag, &id, lamp),
            Feature::Originate(order) => {
                let came = self.originate(now, order);
                self.came(now, tag, came);
            },
            Feature::Camp(of) => {
                let came = self.camp(now, &of);
                self.came(now, tag, came);
            },
            Feature::CauseOf(call) => self.came(now, tag, Ok(self.cause_of(now, &call))),
            Feature::Block => self.block(now, tag),
            Feature::Directory(id) => self.directory(now, tag, &id),
            Feature::FaxDetect(length) => self.detect_fax(now, tag, by, length),
            Feature::Listen(listen) => self.listen(now, tag, by, &listen),
            Feature::Park(park) => self.park(now, tag, park),
            Feature::Pickup(pickup) => self.pick_up(now, tag, by, &pickup),
            Feature::Page(page) => self.page(now, tag, by, page),
            Feature::Relate(relate) => self.relate(now, tag, &relate),
            Feature::ForPeer(feature) if by == Side::Own => self.feature(now, tag, Side::Peer, *feature),
            Feature::Transfer(order) => {
                let came = self.hand_over(now, tag, self.sides(by), order);
                self.tells(now, tag, came);
            },
            Feature::Move(to) => {
                let came = self.move_to(now, tag, self.sides(by), to);
                self.tells(now, tag, came);
            },
            Feature::AfterBridge(after) => {
                let came = self.set_after(after);
                self.came(now, tag, came);
            },
            Feature::Hold(hold) => {
                let came = self.hold(now, tag, self.sides(by), hold);
                self.tells(now, tag, came);
            },
            Feature::HoldMusic(class) => {
                let came = self.set_music(class);
                self.came(now, tag, came);
            },
            Feature::Mute(mute) => {
                let came = self.mute(self.sides(by), mute);
                self.came(now, tag, came);
            },
            Feature::Sound(settings) => {
                let came = self.sound(self.sides(by), &settings);
                self.came(now, tag, came);
            },
            Feature::Announce(announce) => {
                let came = self.announce(now, tag, self.sides(by), announce);
                self.tells(now, tag, came);
            },
            Feature::Break(side) => {
                let came = self.break_off(now, self.sides(by), side);
                self.came(now, tag, came);
            },
            else feature => {
                let why = format!("{} is not configured", feature.name());
                self.came(now, tag, Err((Cause::Unavailable, why)));
            }
        }
}

/// Whether the switch obeys what has this name in the table of actions: everything but the features without an arm above.
pub fn obeys(action: &str) -> bool {
    OBEYED.contains(&action) || !flow::action::features().any(|feature| feature.name == action)
}

impl Call {
    /// The one who asks for a feature, and whom it talks to.
    pub(super) fn sides(&self, by: Side) -> (Option<LegKey>, Option<LegKey>) {
        let partner = |key: LegKey| self.bridge.as_ref()?.partner(key);
        let other = self.subject.and_then(partner);
        if by == Side::Peer { (other, self.subject) } else { (self.subject, other) }
    }

    /// Tells the flow what came of a feature, which is over.
    pub(super) fn came(&mut self, now: Instant, tag: Tag, came: Came) {
        match came {
            Ok(word) => self.finish(now, tag, word),
            Err((cause, why)) => {
                self.doing.retain(|running| running.tag != tag);
                self.tell(now, Input::Leg(tag, LegEvent::Failed { cause, why }));
            }
        }
    }

    /// Tells the flow what came of a feature at once, if it is over.
    fn tells(&mut self, now: Instant, tag: Tag, came: Option<Came>) {
        if let Some(came) = came {
            self.came(now, tag, came);
        }
    }

    /// A feature is over, with this word.
    pub(super) fn finish(&mut self, now: Instant, tag: Tag, word: &str) {
        self.doing.retain(|running| running.tag != tag);
        self.tell(now, Input::Leg(tag, LegEvent::Finished { word: word.to_owned() }));
    }

    pub(super) fn running(&mut self, tag: Tag) -> Option<&mut Doing> {
        self.doing.iter_mut().find(|running| running.tag == tag).map(|running| &mut running.doing)
    }

    /// When [`Call::feature_time`] is to be called.
    pub(super) fn feature_due(&self) -> Option<Instant> {
        let due = |running: &Running| match &running.doing {
            Doing::Park(parked) => parked.due(),
            Doing::Listen(_) | Doing::Taking(_) => None,
            Doing::Menu(menu) => Some(menu.until()),
            Doing::Directory(directory) => directory.due(),
            Doing::Fax(wait) => wait.due(),
            Doing::Block
            | Doing::Setting(_)
            | Doing::Hold { .. }
            | Doing::Announce { .. }
            | Doing::Consult(_) => None,
            Doing::Page(page) => page.poll_timeout(),
        };
        self.doing.iter().filter_map(due).min()
    }

    /// Does what is to be done by now.
    pub(super) fn feature_time(&mut self, now: Instant) {
        self.menu_time(now);
        for at in 0..self.doing.len() {
            let Some(running) = self.doing.get(at) else { return };
            let tag = running.tag;
            match &running.doing {
                Doing::Park(parked) if parked.due().is_some_and(|due| due <= now) => {
                    self.call_parker(now, tag)
                }
                Doing::Listen(_) | Doing::Park(_) | Doing::Taking(_) => {}
                Doing::Block
                | Doing::Setting(_)
                | Doing::Menu(_)
                | Doing::Hold { .. }
                | Doing::Announce { .. }
                | Doing::Consult(_) => {}
                Doing::Directory(_) => self.directory_time(now),
                Doing::Fax(_) => self.fax_time(now, tag),
                Doing::Page(_) => self.page_time(now, tag),
            }
        }
    }

    /// The flow stops what it started with this tag; whether that was a feature. The flow hears no more of it.
    pub(super) fn stop_feature(&mut self, now: Instant, tag: Tag) -> bool {
        match self.running(tag) {
            None => return false,
            // What is on its way is told of in any case.
            Some(Doing::Taking(_)) => return true,
            Some(Doing::Park(_)) => {
                self.doing.retain(|running| running.tag != tag);
                self.stop_dial(now, tag);
            }
            Some(Doing::Listen(listening)) => {
                let key = listening.key();
                self.leg_mut(key).into_iter().for_each(CallLeg::part);
            }
            Some(Doing::Block) => self.unblock(),
            Some(Doing::Setting(_)) => {}
            Some(Doing::Menu(menu)) => {
                let of = menu.of();
                self.hush(now, of);
            }
            Some(Doing::Hold { .. }) => self.release(now),
            Some(Doing::Announce { hearing }) => {
                let hearing = std::mem::take(hearing);
                self.silence(now, tag, &hearing);
            }
            Some(Doing::Consult(_)) => self.give_up_consult(now, tag),
            Some(Doing::Directory(_)) => self.stop_directory(now, tag),
            Some(Doing::Fax(_)) => self.stop_fax(tag),
            Some(Doing::Page(_)) => self.end_page(tag),
        }
        self.doing.retain(|running| running.tag != tag);
        true
    }

    /// The call is over, and all its features with it.
    pub(super) fn drop_features(&mut self, _now: Instant) {
        for running in std::mem::take(&mut self.doing) {
            match running.doing {
                // A slot is free when who waited there is dropped, and a listener tells then that it is gone.
                Doing::Listen(_) | Doing::Park(_) | Doing::Taking(_) => {}
                Doing::Block => self.unblock(),
                // The legs of a page go with the call.
                Doing::Directory(_)
                | Doing::Fax(_)
                | Doing::Page(_)
                | Doing::Setting(_)
                | Doing::Menu(_)
                | Doing::Hold { .. }
                | Doing::Announce { .. }
                | Doing::Consult(_) => {}
            }
        }
    }

    /// A party pressed a key.
    pub(super) fn feature_key(&mut self, now: Instant, from: LegKey, key: char) {
        self.hold_key(now, from, key);
        self.consult_key(now, from, key);
    }

    /// A phone answered whom the dialling of this tag called, and is connected with whom it was for.
    pub(super) fn feature_answered(&mut self, now: Instant, tag: Tag, answered: LegKey) {
        self.consult_answered(now, tag, answered);
        if matches!(self.running(tag), Some(Doing::Park(_))) {
            self.parker_answered();
        }
    }

    /// Another leg takes the place of one.
    pub(super) fn swap_features(&mut self, old: LegKey, new: LegKey) {
        if let Some(held) = &mut self.held {
            held.swap(old, new);
        }
        for running in &mut self.doing {
            match &mut running.doing {
                Doing::Hold { by, .. } if *by == old => *by = new,
                Doing::Announce { hearing } => hearing.retain(|key| *key != old),
                Doing::Consult(consult) => consult.swap(old, new),
                Doing::Page(page) => page.swap(old, new),
                Doing::Hold { .. }
                | Doing::Block
                | Doing::Setting(_)
                | Doing::Menu(_)
                | Doing::Fax(_)
                | Doing::Directory(_) => {}
                Doing::Listen(_) | Doing::Park(_) | Doing::Taking(_) => {}
            }
        }
    }

    /// A leg is gone on which the flow does not run; whether it was a feature's alone, so that no conversation ends with it.
    pub(super) fn feature_gone(&mut self, now: Instant, key: LegKey) -> bool {
        self.page_left(now, key)
    }

    /// A dialling came to its end; whether it was a feature's.
    pub(super) fn feature_dialled(
        &mut self,
        now: Instant,
        tag: Tag,
        outcome: DialOutcome,
        _status: u16,
    ) -> bool {
        let Some(doing) = self.running(tag) else { return false };
        match doing {
            // They dial nobody.
            Doing::Listen(_) | Doing::Taking(_) => {}
            Doing::Park(_) => self.parked_dialled(now, tag, outcome),
            Doing::Block
            | Doing::Fax(_)
            | Doing::Page(_)
            | Doing::Setting(_)
            | Doing::Menu(_)
            | Doing::Hold { .. }
            | Doing::Announce { .. } => {}
            Doing::Consult(_) => self.consult_over(now, tag),
            Doing::Directory(_) => self.directory_dialled(now, tag, outcome),
        }
        true
    }

    /// Something that a leg tells under the tag of a feature; whether it is for that alone, and not for the flow.
    pub(super) fn feature_heard(&mut self, now: Instant, key: LegKey, tag: Tag, event: &LegEvent) -> bool {
        match self.running(tag) {
            Some(Doing::Fax(_)) => self.fax_heard(now, tag, event),
            Some(Doing::Park(_)) => self.parked_heard(key, event),
            _ => false,
        }
    }
}
