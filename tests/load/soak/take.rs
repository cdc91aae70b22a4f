//! What the phones of a soak do with messages that come, and what they find wrong.

use std::time::{Duration, Instant};

use super::super::text::{header, parameter, status};
use super::Soak;
use super::line::{Answer, Awaited, Line, LineId, State, contact, cseq};

/// Methods of ours, as they are waited for.
const METHODS: [&str; 6] = ["INVITE", "BYE", "REFER", "INFO", "OPTIONS", "CANCEL"];

impl Soak<'_> {
    /// Something came to one of the sockets.
    pub(super) fn take(&mut self, now: Instant, socket: usize, message: &str) {
        let Some(call_id) = header(message, "Call-ID") else { return };
        let known = self.by_call_id.get(call_id).copied();
        match (known, status(message)) {
            (Some(id), _) if matches!(self.lines[id].state, State::Vanished) => {}
            (Some(id), Some(status)) => self.response(now, id, status, message),
            (Some(id), None) => self.request(now, id, message),
            (None, Some(_)) => {}
            (None, None) if message.starts_with("INVITE ") => self.called(now, message),
            (None, None) => self.count(format!("strays at socket {socket}")),
        }
    }

    /// A new call for one of the phones.
    fn called(&mut self, now: Instant, invite: &str) {
        let number = invite.split(' ').nth(1).and_then(|uri| uri.strip_prefix("sip:phone")?.get(..5));
        let Some(phone) = number.and_then(|number| number.parse::<usize>().ok()) else {
            return self.count("INVITE for nobody");
        };
        let id = self.lines.len();
        let Some(line) = Line::called(&self.net, now, phone, id, invite) else {
            return self.count("FAULT an INVITE that lacks something");
        };
        let id = self.add(now, line);
        let soon = now + self.chance.between(Duration::from_millis(20), Duration::from_secs(3));
        let target = self.plan.targets().contains(&phone);
        let (then, does) = match phone % 10 {
            3 if target => (soon, Answer::Refuse(486)),
            7 if target => (now + Duration::from_secs(70), Answer::Ring),
            8 if target => (now, Answer::Take),
            _ => (soon, Answer::Take),
        };
        self.lines[id].state = State::Ringing { then, does };
        self.count("rings");
    }

    fn request(&mut self, now: Instant, id: LineId, message: &str) {
        let method = message.split(' ').next().unwrap_or_default();
        let Some((number, _)) = cseq(message) else { return self.fault(id, "a request without CSeq") };
        if method == "ACK" {
            self.lines[id].arrived(&Awaited::Ack(number));
            return;
        }
        if self.lines[id].repeat(&self.net, message) {
            return self.count("requests that came again");
        }
        self.lines[id].tell(now, format!("← {method}"));
        let over = matches!(self.lines[id].state, State::Over);
        match method {
            "INVITE" if parameter(header(message, "To").unwrap_or_default(), "tag").is_none() => {
                // The INVITE that began it came again before it was answered; what was said was said again above.
            }
            "INVITE" | "UPDATE" => match self.lines[id].state {
                State::Up if self.lines[id].changes() => {
                    self.count("changes that met ours");
                    self.say(id, message, "491 Request Pending");
                }
                State::Up => {
                    self.lines[id].agree(&self.net, now, message);
                    self.remember_port(id);
                    self.count("changes of the server's");
                }
                _ => self.say(id, message, "481 No Such Call"),
            },
            "BYE" => {
                self.say(id, message, "200 OK");
                let ringing = matches!(self.lines[id].state, State::Ringing { .. });
                if ringing {
                    self.fault(id, "a BYE before the answer");
                }
                if !over && !matches!(self.lines[id].state, State::Leaving) {
                    self.count("BYE of the server's");
                    self.over(now, id);
                }
            }
            "CANCEL" => {
                self.say(id, message, "200 OK");
                if matches!(self.lines[id].state, State::Ringing { .. }) {
                    let invite = self.lines[id].invite.clone();
                    self.say(id, &invite, "487 Request Terminated");
                    self.count("CANCEL of the server's");
                    self.over(now, id);
                }
            }
            "NOTIFY" => {
                self.say(id, message, "200 OK");
                let told = message.split("\r\n\r\n").nth(1).and_then(status);
                match told {
                    Some(100..200) | None => {}
                    Some(code) => {
                        self.count(format!("transfers that ended with {code}"));
                        let leaves = self.lines[id].leaves && matches!(self.lines[id].state, State::Up);
                        if leaves && code == 200 {
                            self.hang_up(now, id);
                        }
                    }
                }
            }
            "REFER" => self.say(id, message, "603 No"),
            _ => self.say(id, message, "200 OK"),
        }
    }

    fn say(&mut self, id: LineId, request: &str, status: &str) {
        self.lines[id].respond(&self.net, request, status, "");
    }

    fn response(&mut self, now: Instant, id: LineId, code: u16, message: &str) {
        let Some((number, method)) = cseq(message) else { return self.fault(id, "a response without CSeq") };
        let Some(method) = METHODS.into_iter().find(|known| *known == method) else {
            return self.fault(id, format!("a response to {method}"));
        };
        let what = Awaited::Response(method, number);
        if code < 200 {
            self.lines[id].heard_of(now, &what);
            if method == "INVITE" && number == self.lines[id].first {
                self.progress(now, id, code, message);
            }
            return;
        }
        let ours = self.lines[id].arrived(&what);
        if ours {
            self.lines[id].tell(now, format!("← {code} ({method})"));
        }
        match method {
            "INVITE" if number == self.lines[id].first => self.began(now, id, code, message, ours),
            "INVITE" => {
                self.lines[id].acknowledge(&self.net, number, code);
                if !ours {
                    return;
                }
                match code {
                    200..300 => {
                        self.lines[id].audio.connect(message);
                        self.remember_port(id);
                    }
                    491 | 500 => {
                        self.count(format!("changes refused with {code}"));
                        self.lines[id].direction = "sendrecv";
                    }
                    // It crossed the server's BYE (RFC 3261 §15.1.2).
                    481 | 487 => self.lost(now, id, method),
                    _ => self.fault(id, format!("a change is refused with {code}")),
                }
            }
            "BYE" => {
                if ours && !matches!(code, 200 | 481) {
                    self.fault(id, format!("BYE is refused with {code}"));
                }
                if matches!(self.lines[id].state, State::Leaving) {
                    self.over(now, id);
                }
            }
            "REFER" if ours => match code {
                202 => self.count("transfers begun"),
                481 => self.lost(now, id, method),
                403 | 404 | 480 | 491 | 603 => self.count(format!("transfers refused with {code}")),
                _ => self.fault(id, format!("REFER is answered {code}")),
            },
            "INFO" | "OPTIONS" if ours => match code {
                200 => {}
                481 => self.lost(now, id, method),
                _ => self.fault(id, format!("{method} is refused with {code}")),
            },
            _ => {}
        }
    }

    /// The server does not know a line that is up here: its BYE may be on its way.
    fn lost(&mut self, now: Instant, id: LineId, method: &str) {
        self.count(format!("{method} after the end"));
        if matches!(self.lines[id].state, State::Up) {
            let soon = now + Duration::from_secs(2);
            self.lines[id].until = self.lines[id].until.min(soon);
        }
    }

    fn progress(&mut self, now: Instant, id: LineId, code: u16, message: &str) {
        let to = header(message, "To").unwrap_or_default();
        if code > 100
            && parameter(to, "tag").is_some()
            && matches!(self.lines[id].state, State::Calling { .. })
        {
            self.lines[id].remote = to.to_owned();
            self.lines[id].tell(now, format!("← {code}"));
            self.consulted(now, id, true);
        }
    }

    /// The final response to the INVITE that began the line.
    fn began(&mut self, now: Instant, id: LineId, code: u16, message: &str, first: bool) {
        let to = header(message, "To").unwrap_or_default().to_owned();
        if code >= 300 {
            let line = &mut self.lines[id];
            let target = line.target.clone();
            line.remote = to;
            line.acknowledge(&self.net, line.first, code);
            line.target = target;
            if first {
                self.count(format!("calls that ended with {code}"));
                if code >= 500 && !matches!(code, 503 | 600 | 603) {
                    self.fault(id, format!("a call is refused with {code}"));
                }
                self.over(now, id);
            }
            return;
        }
        if first {
            self.lines[id].remote = to;
            if let Some(target) = contact(message) {
                self.lines[id].target = target;
            }
            self.lines[id].audio.connect(message);
            if self.lines[id].audio.remote.is_none() {
                self.fault(id, "a 200 without audio");
            }
            self.remember_port(id);
        }
        let number = self.lines[id].first;
        self.lines[id].acknowledge(&self.net, number, code);
        if !first {
            return;
        }
        match self.lines[id].state {
            State::Calling { cancelled: false } => {
                self.lines[id].state = State::Up;
                self.lines[id].up_since = Some(now);
                self.count("calls answered");
                for (code, what) in [("sip:*87", "calls taken"), ("sip:*88", "conversations heard")] {
                    if self.lines[id].remote.contains(code) {
                        self.count(what);
                    }
                }
                self.consulted(now, id, false);
            }
            State::Calling { cancelled: true } => {
                self.count("answers that crossed the CANCEL");
                self.hang_up(now, id);
            }
            _ => {}
        }
    }

    /// Where the audio of a line comes from.
    pub(super) fn remember_port(&mut self, id: LineId) {
        if let Some(remote) = self.lines[id].audio.remote {
            self.by_port[usize::from(remote.port())] = Some(id);
        }
    }
}
