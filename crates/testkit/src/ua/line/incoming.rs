//! What a line makes of what its far end sends.

use std::time::Duration;

use super::{Line, Message, Pending, Phase, Set};
use crate::ua::uri;

impl Line {
    pub(in crate::ua) fn take(&mut self, set: &mut Set, message: &Message) {
        match (message.status(), message.method()) {
            (Some(status), _) => self.response(set, message, status),
            (None, Some(method)) => self.asked(set, message, method),
            _ => {}
        }
    }

    fn asked(&mut self, set: &mut Set, message: &Message, method: &str) {
        self.requests.push(message.start.clone());
        match method {
            "BYE" => {
                self.reply(set, message, "200 OK", "");
                self.end.get_or_insert(message.clone());
                self.finish();
            }
            "CANCEL" => {
                self.reply(set, message, "200 OK", "");
                if self.phase == Phase::Ringing {
                    self.reply_invite(set, "487 Request Terminated", "");
                    self.end.get_or_insert(message.clone());
                    self.finish();
                }
            }
            "NOTIFY" => {
                self.reply(set, message, "200 OK", "");
                self.news.extend(message.body.lines().next().map(str::to_owned));
            }
            "INVITE"
                if self.phase == Phase::Up && message.header("to").is_some_and(|to| to.contains("tag=")) =>
            {
                if let Some(media) = message.media() {
                    self.stream.connect(media);
                }
                let sdp = self.sdp(set, None);
                self.reply(set, message, "200 OK", &sdp);
            }
            "INVITE" if self.phase == Phase::Up => {
                // Our 200 got lost.
                let sdp = self.sdp(set, None);
                self.reply_invite(set, "200 OK", &sdp);
            }
            "INVITE" if self.phase == Phase::Over => {
                let status = self.status.unwrap_or(487);
                self.reply_invite(set, &format!("{status} No"), "");
            }
            "INFO" => {
                if self.infos.iter().all(|info| info.header("cseq") != message.header("cseq")) {
                    self.infos.push(message.clone());
                }
                match set.info_status {
                    0 => {}
                    200 => self.reply(set, message, "200 OK", ""),
                    status => self.reply(set, message, &format!("{status} No"), ""),
                }
            }
            "INVITE" | "ACK" => {}
            _ => self.reply(set, message, "200 OK", ""),
        }
    }

    fn response(&mut self, set: &mut Set, message: &Message, status: u16) {
        let (method, cseq) =
            (message.cseq_method().unwrap_or_default(), message.header("cseq").unwrap_or_default());
        let cseq: u32 = cseq.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or_default();
        let ours = |pending: &Pending| pending.cseq == cseq && pending.method == method;
        let known = self.pending.iter().any(ours);
        match status {
            // It is on its way: no need to say it again.
            ..200 => {
                self.pending.iter_mut().filter(|p| ours(p)).for_each(|p| p.again += Duration::from_secs(60))
            }
            _ => self.pending.retain(|pending| !ours(pending)),
        }
        match method {
            "INVITE" if matches!(self.phase, Phase::Calling | Phase::GivingUp) => {
                self.placed_response(set, message, status);
            }
            "INVITE" if status >= 200 => {
                let ack = self.text(set, "ACK", cseq, "", "");
                set.send(&ack);
                if known {
                    self.changed = Some(status);
                    self.answered = message.body.clone();
                    if let Some(media) = message.media() {
                        self.stream.connect(media);
                    }
                }
            }
            "REFER" if status >= 200 => self.changed = Some(status),
            _ => {}
        }
    }

    fn placed_response(&mut self, set: &mut Set, message: &Message, status: u16) {
        if let Some(to) = message.header("to").filter(|to| to.contains("tag=")) {
            self.peer = to.to_owned();
        }
        if let Some(media) = message.media().filter(|_| status < 300) {
            self.stream.connect(media);
        }
        match status {
            101..200 => {
                self.progress.push(status);
            }
            200..300 => {
                let crossed = self.phase == Phase::GivingUp;
                self.phase = Phase::Up;
                self.status = Some(status);
                if let Some(target) = message.header("contact").and_then(uri) {
                    self.target = target;
                }
                let late = self.placed.as_ref().is_some_and(|(_, _, offer)| !offer);
                let body = if late { self.sdp(set, None) } else { String::new() };
                let ack = self.text(set, "ACK", self.cseq, "", &body);
                set.send(&ack);
                if crossed {
                    self.hang_up(set);
                }
            }
            300.. => {
                let ack = self.text(set, "ACK", self.cseq, "", "");
                set.send(&ack);
                let header = set.authorize(message, "INVITE", &self.target.clone());
                match &mut self.placed {
                    Some((_, authorization, _))
                        if matches!(status, 401 | 407) && authorization.is_empty() && !header.is_empty() =>
                    {
                        *authorization = header;
                        self.peer = format!("<{}>", self.target);
                        self.invite_now(set);
                    }
                    _ => {
                        self.status = Some(status);
                        self.finish();
                    }
                }
            }
            _ => {}
        }
    }
}
