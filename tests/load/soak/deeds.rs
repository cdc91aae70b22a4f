//! What people and their phones do in a call.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::registrations::user;
use super::line::{Answer, LineId, State};
use super::{Soak, setup};

/// What a line may do next.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Hold,
    /// A change at the same time as the other party's.
    Cross,
    Blind,
    Consult,
    Star,
    Info,
    Options,
    HangUp,
    Vanish,
}

const DEEDS: [(u32, Deed); 9] = [
    (22, Deed::Hold),
    (10, Deed::Cross),
    (12, Deed::Blind),
    (10, Deed::Consult),
    (16, Deed::Star),
    (5, Deed::Info),
    (3, Deed::Options),
    (6, Deed::HangUp),
    (3, Deed::Vanish),
];

impl Soak<'_> {
    /// A line that is up does something.
    pub(super) fn deed(&mut self, now: Instant, id: LineId) {
        let deed = self.chance.weighted(&DEEDS);
        let busy = self.lines[id].changes();
        match deed {
            Deed::Hold if !busy => {
                let held = self.lines[id].direction != "sendrecv";
                let wants = if held {
                    "sendrecv"
                } else {
                    ["sendonly", "sendonly", "inactive"][self.chance.below(3)]
                };
                self.lines[id].change(&self.net, now, wants);
                self.count(if held { "resumes" } else { "holds" });
            }
            Deed::Cross if !busy => {
                let direction = self.lines[id].direction;
                self.lines[id].change(&self.net, now, direction);
                self.count("changes");
                let other = self.lines[id].pair.map(|pair| 2 * pair + 1);
                let far = |line: &&LineId| {
                    let line = &self.lines[**line];
                    Some(line.phone) == other && matches!(line.state, State::Up) && !line.changes()
                };
                if let Some(far) = self.living.iter().find(far).copied() {
                    let direction = self.lines[far].direction;
                    self.lines[far].change(&self.net, now, direction);
                    self.count("changes that cross");
                }
            }
            Deed::Blind if self.lines[id].consults.is_none() => self.blind(now, id),
            Deed::Consult if self.lines[id].consults.is_none() && self.lines[id].up_since.is_some() => {
                self.consult(now, id);
            }
            Deed::Star if !self.lines[id].audio.presses() => {
                let code = setup::CODES[self.chance.below(setup::CODES.len())];
                self.lines[id].tell(now, format!("presses {code}"));
                self.lines[id].audio.press(code);
                self.count("star codes");
            }
            Deed::Info => {
                let key = self.chance.below(10);
                let body = format!("Signal={key}\r\nDuration=160\r\n");
                self.lines[id].request(&self.net, now, "INFO", "", &body);
                self.count("INFO");
            }
            Deed::Options => self.lines[id].request(&self.net, now, "OPTIONS", "", ""),
            Deed::HangUp => self.hang_up(now, id),
            Deed::Vanish => self.vanish(now, id),
            _ => {}
        }
    }

    /// Where a transfer leads.
    fn elsewhere(&mut self) -> (String, &'static str) {
        let targets = self.plan.targets();
        let target = targets.start + self.chance.below(targets.len());
        let room = self.chance.below(setup::ROOMS);
        let slot = self.chance.below(setup::SLOTS);
        match self.chance.below(22) {
            20 => (self.taking().0, "transfers to a pickup"),
            21 => (self.listening().0, "transfers to a listener"),
            0..10 => (user(target), "transfers to a phone"),
            10..14 => (setup::room(room), "transfers to a conference"),
            14..16 => (setup::slot(slot), "transfers to a slot"),
            16 => ("7999".to_owned(), "transfers to nobody"),
            17 => ("9196".to_owned(), "transfers to an echo"),
            _ => (user(2 * self.chance.below(self.plan.calls) + 1), "transfers to somebody who talks"),
        }
    }

    fn blind(&mut self, now: Instant, id: LineId) {
        let (number, what) = self.elsewhere();
        self.count(what);
        let headers = format!(
            "Refer-To: <sip:{number}@{server}>\r\nReferred-By: <sip:{name}@{server}>\r\n",
            server = self.net.server,
            name = user(self.lines[id].phone),
        );
        self.lines[id].tell(now, format!("transfers to {number}"));
        self.lines[id].request(&self.net, now, "REFER", &headers, "");
        match self.chance.below(4) {
            // At once, before anybody could have answered.
            0 => self.hang_up(now, id),
            1 => self.lines[id].leaves = true,
            _ => {}
        }
    }

    /// Calls somebody else, to connect the far end with.
    fn consult(&mut self, now: Instant, id: LineId) {
        let (number, _) = self.elsewhere();
        if !self.lines[id].changes() && self.chance.one_in(2) {
            self.lines[id].change(&self.net, now, "sendonly");
        }
        let phone = self.lines[id].phone;
        let other = self.place(now, phone, &number);
        self.lines[id].consults = Some(other);
        self.lines[id].tell(now, format!("asks {number} first"));
        self.count("consultations");
    }

    /// The line that a transferor consults rings or is up: the far end of the first is connected with it, perhaps.
    pub(super) fn consulted(&mut self, now: Instant, other: LineId, rings: bool) {
        let asks = |id: &&LineId| self.lines[**id].consults == Some(other);
        let Some(id) = self.living.iter().find(asks).copied() else { return };
        if !matches!(self.lines[id].state, State::Up) || (rings && !self.chance.one_in(4)) {
            return;
        }
        let Some(uri) = self.lines[other].replaces_uri() else { return };
        self.lines[id].consults = None;
        let name = user(self.lines[id].phone);
        let headers = format!("Refer-To: {uri}\r\nReferred-By: <sip:{name}@{}>\r\n", self.net.server);
        self.lines[id].tell(now, "connects both");
        self.lines[id].request(&self.net, now, "REFER", &headers, "");
        self.count(if rings { "attended transfers that ring" } else { "attended transfers" });
        if self.chance.one_in(3) {
            self.hang_up(now, id);
        }
    }

    /// Hangs up a line that is up.
    pub(super) fn hang_up(&mut self, now: Instant, id: LineId) {
        self.lines[id].request(&self.net, now, "BYE", "", "");
        self.lines[id].state = State::Leaving;
        self.count("hang-ups");
        if let Some(other) = self.lines[id].consults.take() {
            match self.lines[other].state {
                State::Calling { cancelled: false } => self.give_up(now, other),
                State::Up => self.hang_up(now, other),
                _ => {}
            }
        }
    }

    /// Gives up a call that nobody has answered.
    pub(super) fn give_up(&mut self, now: Instant, id: LineId) {
        self.lines[id].cancel(&self.net, now);
        self.lines[id].state = State::Calling { cancelled: true };
        self.count("cancels");
    }

    fn vanish(&mut self, now: Instant, id: LineId) {
        self.lines[id].tell(now, "vanishes");
        self.lines[id].forget();
        self.lines[id].state = State::Vanished;
        self.free(now, id);
        self.count("vanishes");
    }

    /// A phone has rung for as long as it wants.
    pub(super) fn rung(&mut self, now: Instant, id: LineId, does: Answer) {
        match does {
            Answer::Take => {
                self.lines[id].take(&self.net, now);
                self.remember_port(id);
                self.count("answers");
                let caller = self.lines[id].phone.checked_sub(1).filter(|phone| phone % 2 == 0);
                let Some(pair) = caller.map(|phone| phone / 2).filter(|pair| *pair < self.pairs.len()) else {
                    return;
                };
                if let (Some(line), true) = (self.pairs[pair].line, self.pairs[pair].crosses)
                    && matches!(self.lines[line].state, State::Calling { cancelled: false })
                {
                    self.pairs[pair].crosses = false;
                    self.give_up(now, line);
                    self.count("cancels that cross the answer");
                }
            }
            Answer::Refuse(status) => {
                let invite = self.lines[id].invite.clone();
                self.lines[id].respond(&self.net, &invite, &format!("{status} No"), "");
                self.lines[id].tell(now, format!("→ {status}"));
                self.count("refusals");
                self.over(now, id);
            }
            Answer::Ring => {
                self.fault(id, "rings for more than a minute");
                self.over(now, id);
            }
        }
    }

    /// What the number of a pair's next call is: the phone itself, by a flow with star codes, a conference, a slot, or
    /// somebody else's call, to take it or to listen.
    pub(super) fn number_for(&mut self, pair: usize) -> String {
        let (number, what) = match self.chance.below(24) {
            0 => (setup::room(self.chance.below(setup::ROOMS)), "calls to a conference"),
            1 => (setup::slot(self.chance.below(setup::SLOTS)), "calls to a slot"),
            2..12 => (setup::star(pair), "calls by a flow"),
            12..14 => self.taking(),
            14..16 => self.listening(),
            _ => (user(2 * pair + 1), "calls to a phone"),
        };
        self.count(what);
        number
    }

    /// The number that takes somebody else's call: mostly one that rings.
    fn taking(&mut self) -> (String, &'static str) {
        let ringing = |line: &LineId| matches!(self.lines[*line].state, State::Ringing { .. });
        let rings: Vec<usize> =
            self.living.iter().filter(|line| ringing(line)).map(|line| self.lines[*line].phone).collect();
        if rings.is_empty() || self.chance.one_in(4) {
            let phone = 2 * self.chance.below(self.plan.calls) + 1;
            return (setup::pickup(&user(phone)), "calls that take another");
        }
        let phone = rings[self.chance.below(rings.len())];
        (setup::pickup(&user(phone)), "calls that take another")
    }

    /// The number that listens to somebody, who talks or does not.
    fn listening(&mut self) -> (String, &'static str) {
        let phone = 2 * self.chance.below(self.plan.calls) + 1;
        (setup::listening(&user(phone)), "calls that listen")
    }

    /// Somebody in a conference is sent out of it by the operator; the flow leads elsewhere.
    pub(super) fn send_out(&mut self) {
        let Ok(text) = self.server.get("/conferences") else { return };
        let Ok(rooms) = serde_json::from_str::<Value>(&text) else { return };
        let rooms = rooms["conferences"].as_array().cloned().unwrap_or_default();
        let members: Vec<String> = rooms
            .iter()
            .flat_map(|room| {
                let name = room["name"].as_str().unwrap_or_default().to_owned();
                let calls = room["members"].as_array().cloned().unwrap_or_default();
                calls.into_iter().filter_map(move |member| {
                    Some(format!("/conferences/{name}/members/{}", member["call"].as_str()?))
                })
            })
            .collect();
        if members.is_empty() {
            return;
        }
        let path = &members[self.chance.below(members.len())];
        let url = format!("http://{}{path}", self.server.http);
        let limit = Some(Duration::from_secs(2));
        // It may have gone by itself meanwhile.
        if ureq::delete(&url).config().timeout_global(limit).build().call().is_ok() {
            self.count("sent out of a conference");
        }
    }
}
