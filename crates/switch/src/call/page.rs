//! Paging: many phones are called at once and answer by themselves; they hear the one who pages, and perhaps each other.
//!
//! ```text
//!   contacts ─→ rings ─ answered in time ─→ in the page's room ─ hangs up, or the pager does ─→ gone
//!                 └── refused, or the time is over: left
//! ```
//!
//! All are legs of the pager's call, in a room of its own. The pager hears ringing until the first phone is there, and a
//! beep then; each phone hears a beep when it comes.

use std::time::{Duration, Instant};

use flow::ir::{Callee, Dial, Page as Order, Side};
use flow::leg::{Joining, Leg, LegCommand, Prompt, Tag};
use sip::{Next, Reason};

use super::dial::{Dial as Dialling, Stage};
use super::feature::{Doing, Running};
use super::forks::ringback;
use super::run::Call;
use super::{LegKey, attend};
use crate::sip_io::{Command, Phone};

/// Phones of one page; more is a mistake or an attack.
const MOST: usize = 250;

/// A page that goes on.
#[derive(Debug)]
pub(super) struct Page {
    room: String,
    pager: LegKey,
    two_way: bool,
    /// What the phones are told.
    shows: Box<Dialling>,
    /// Users whose contacts are awaited.
    lookups: Vec<String>,
    /// Phones that ring, as long as there is time.
    ringing: Vec<LegKey>,
    /// Phones that are in the room.
    inside: Vec<LegKey>,
    /// Those who ring then are left.
    until: Option<Instant>,
}

impl Page {
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.until
    }

    /// Another leg takes the place of one.
    pub(super) fn swap(&mut self, old: LegKey, new: LegKey) {
        let phones = self.ringing.iter_mut().chain(&mut self.inside);
        phones.chain([&mut self.pager]).filter(|key| **key == old).for_each(|key| *key = new);
    }

    fn is_over(&self) -> bool {
        self.lookups.is_empty() && self.ringing.is_empty() && self.inside.is_empty()
    }

    /// How a phone, or the one who pages, takes part.
    fn joining(&self, pages: bool) -> Joining {
        // The others are not told who comes and goes, and nobody waits to music.
        let silence = Prompt::Silence(Duration::from_secs(1));
        let music = if pages { ringback().into_iter().next() } else { None };
        Joining {
            room: self.room.clone(),
            moderator: pages,
            muted: !pages && !self.two_way,
            deaf: pages && !self.two_way,
            closes: pages,
            music: Some(music.unwrap_or(silence)),
            ..Joining::default()
        }
    }
}

impl Call {
    /// Calls all of them for the one who asks.
    pub(super) fn page(&mut self, now: Instant, tag: Tag, by: Side, order: Order<String>) {
        let (Some(pager), _) = self.sides(by) else { return self.came(now, tag, Ok("done")) };
        let Order { to, two_way, timeout, barge } = order;
        let mut order = Dial { auto_answer: true, ..Dial::new(to, timeout) };
        let caller = self.calling_user().map(|user| user.name);
        self.resolve(&mut order, caller.as_deref());
        let to = std::mem::take(&mut order.to);
        let (wishes, stage) = (self.wishes(now, &order), Stage::Talking(pager, None));
        let page = Page {
            room: format!("page {} {}", self.record.id, tag.0),
            pager,
            two_way,
            shows: Box::new(Dialling { tag, caller: pager, stage, order, wishes, paths: Vec::new() }),
            lookups: Vec::new(),
            ringing: Vec::new(),
            inside: Vec::new(),
            until: now.checked_add(timeout),
        };
        metrics::counter!("offhook_pages_total").increment(1);
        self.doing.push(Running { tag, doing: Doing::Page(Box::new(page)) });
        if let Some(leg) = self.leg_mut(pager) {
            leg.perform(now, tag, LegCommand::Answer);
        }
        self.page_media(now, pager);
        for endpoint in to
            .into_iter()
            .filter(|to| !matches!(&to.callee, Callee::User(name) if Some(name) == caller.as_ref()))
        {
            match endpoint.callee {
                Callee::User(name) => self.page_user(now, tag, &name, None, barge),
                Callee::Device(name) => {
                    let users = self.shared.users.load();
                    let user =
                        self.shared.settings.load().user_at(&users, &name).map(|user| user.name.clone());
                    self.page_user(now, tag, user.as_deref().unwrap_or_default(), Some(name), barge);
                }
                Callee::Uri(uri) => {
                    let next = Next::Uri(uri.clone());
                    self.page_phone(now, tag, &uri, None, (next, uri.clone(), Vec::new()));
                }
                other => self.record.timeline.note(now, format!("{other} cannot be paged")),
            }
        }
        self.page_over(now, tag);
    }

    /// Asks where a user, or only one of its phones, can be reached, unless it is not to be disturbed.
    fn page_user(&mut self, now: Instant, tag: Tag, name: &str, device: Option<String>, barge: bool) {
        let (users, settings) = (self.shared.users.load(), self.shared.settings.load());
        let Some(user) = users.get(name) else {
            let name = device.as_deref().unwrap_or(name);
            return self.record.timeline.note(now, format!("nobody is known as {name}"));
        };
        if !barge && self.shared.book.engages(name, self.record.id) {
            return self.record.timeline.note(now, format!("{name} is in a call and is not paged"));
        }
        if settings.undisturbed(user) {
            return self.record.timeline.note(now, format!("{name} does not want to be disturbed"));
        }
        let accounts = match &device {
            Some(device) => vec![device.clone()],
            None => settings.phones(&users, user).into_iter().map(str::to_owned).collect(),
        };
        let (name, mail) = (device.unwrap_or_else(|| name.to_owned()), self.record.mail().clone());
        let Some(page) = self.page_of(tag) else { return };
        if !page.lookups.contains(&name) {
            page.lookups.push(name.clone());
            self.shared.shard.send(Command::Reach { user: name, accounts, tag, mail });
        }
    }

    /// Whether a page was begun with this tag.
    pub(super) fn pages(&self, tag: Tag) -> bool {
        self.doing.iter().any(|running| running.tag == tag && matches!(running.doing, Doing::Page(_)))
    }

    fn page_of(&mut self, tag: Tag) -> Option<&mut Page> {
        match self.running(tag) {
            Some(Doing::Page(page)) => Some(page),
            _ => None,
        }
    }

    /// The page that a leg takes part in.
    fn page_with(&self, such: impl Fn(&Page) -> bool) -> Option<Tag> {
        self.doing.iter().find_map(|running| match &running.doing {
            Doing::Page(page) if such(page) => Some(running.tag),
            _ => None,
        })
    }

    /// Where a user can be reached.
    pub(super) fn page_contacts(&mut self, now: Instant, tag: Tag, user: &str, ways: Vec<Phone>) {
        let Some(page) = self.page_of(tag) else { return };
        page.lookups.retain(|asked| asked != user);
        // The time to answer was over before anybody rang.
        if page.until.is_some() {
            if ways.is_empty() {
                self.record.timeline.note(now, format!("no phone of {user} is registered"));
            }
            let users = self.shared.users.load();
            let owner = self.shared.settings.load().user_at(&users, user).map(|user| user.name.clone());
            let owner = owner.unwrap_or_else(|| user.to_owned());
            for Phone { account, target, flow, routes } in ways {
                let whose = Some((owner.as_str(), account.as_str()));
                self.page_phone(now, tag, &owner, whose, (Next::Flow(flow), target, routes));
            }
        }
        self.page_over(now, tag);
    }

    /// Calls one phone: one of ours has a user and an account.
    fn page_phone(
        &mut self,
        now: Instant,
        tag: Tag,
        party: &str,
        whose: Option<(&str, &str)>,
        (next, target, routes): (Next, String, Vec<(String, String)>),
    ) {
        let found = self.doing.iter().find_map(|running| match &running.doing {
            Doing::Page(page) if running.tag == tag => Some(page),
            _ => None,
        });
        let Some(page) = found else { return };
        if page.ringing.len() + page.inside.len() >= MOST || self.caller.hops == 0 {
            return self.record.timeline.note(now, format!("{party} is one too many to be paged"));
        }
        let placing = self.phone(&page.shows, 0, whose.map(|(user, _)| user), next, target, routes);
        let placing = match whose {
            Some((_, account)) => placing.for_account(&self.shared.users.load(), account),
            None => placing,
        };
        if let Ok(key) = self.place(now, party, placing)
            && let Some(page) = self.page_of(tag)
        {
            page.ringing.push(key);
        }
    }

    /// A phone was answered: it hears the page. Whether it is one of a page's.
    pub(super) fn page_answered(&mut self, now: Instant, key: LegKey) -> bool {
        let Some(tag) = self.page_with(|page| page.ringing.contains(&key)) else { return false };
        let Some(page) = self.page_of(tag) else { return false };
        page.ringing.retain(|ringing| *ringing != key);
        page.inside.push(key);
        let (joining, pager, first) = (page.joining(false), page.pager, page.inside.len() == 1);
        if let Some(leg) = self.leg_mut(key) {
            leg.attend(now, tag, joining);
            leg.notify(vec![attend::tone()]);
        }
        if first && let Some(leg) = self.leg_mut(pager) {
            leg.notify(vec![attend::tone()]);
        }
        true
    }

    /// A leg has audio: the one who pages goes into the room.
    pub(super) fn page_media(&mut self, now: Instant, key: LegKey) {
        let Some(tag) = self.page_with(|page| page.pager == key) else { return };
        let Some(joining) = self.page_of(tag).map(|page| page.joining(true)) else { return };
        if let Some(leg) = self.leg_mut(key).filter(|leg| leg.has_media() && leg.attending.is_none()) {
            leg.attend(now, tag, joining);
        }
    }

    /// A phone refused, or is gone. Whether it was one of a page's.
    pub(super) fn page_left(&mut self, now: Instant, key: LegKey) -> bool {
        let is_in = |page: &Page| page.ringing.contains(&key) || page.inside.contains(&key);
        let Some(tag) = self.page_with(is_in) else { return false };
        if let Some(page) = self.page_of(tag) {
            page.ringing.retain(|other| *other != key);
            page.inside.retain(|other| *other != key);
        }
        self.page_over(now, tag);
        true
    }

    /// Those who did not answer by now are left.
    pub(super) fn page_time(&mut self, now: Instant, tag: Tag) {
        let Some(page) = self.page_of(tag).filter(|page| page.until.is_some_and(|until| until <= now)) else {
            return;
        };
        page.until = None;
        page.lookups.clear();
        let late = std::mem::take(&mut page.ringing);
        if !late.is_empty() {
            self.record.timeline.note(now, format!("{} did not answer the page in time", late.len()));
        }
        self.leave_those(&late);
        self.page_over(now, tag);
    }

    fn leave_those(&mut self, keys: &[LegKey]) {
        for leg in self.legs.iter_mut().filter(|leg| keys.contains(&leg.key())) {
            leg.leave(480, None, Reason::normal());
        }
    }

    /// Ends a page of which nothing is left.
    fn page_over(&mut self, now: Instant, tag: Tag) {
        if self.page_of(tag).is_some_and(|page| page.is_over()) {
            self.end_page(tag);
            self.finish(now, tag, "done");
        }
    }

    /// Takes leave of the phones of a page, and takes the one who paged out of its room.
    pub(super) fn end_page(&mut self, tag: Tag) {
        let Some(page) = self.page_of(tag) else { return };
        let (pager, phones) = (page.pager, [page.ringing.clone(), page.inside.clone()].concat());
        self.leave_those(&phones);
        if let Some(leg) = self.leg_mut(pager) {
            leg.unattend();
            leg.hush();
        }
    }
}
