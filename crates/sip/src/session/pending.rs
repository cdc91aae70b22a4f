//! Requests of ours in a dialog whose answers are awaited beside what the phase says: PRACK, REFER, NOTIFY and INFO.
//! Owns their being sent, a challenge answered once, and to whom an answer goes.

use std::time::Instant;

use super::ending::request_summary;
use super::referral::ReferId;
use super::{Phase, Session};
use crate::auth::client::{Challenge, answer_with};
use crate::body::Body;
use crate::dialog::{Dialog, Stamp};
use crate::endpoint::Endpoint;
use crate::event::{SessionId, Summary};
use crate::message::write::Writer;
use crate::message::{Known, Message, Method, Name};
use crate::transaction::TxId;

/// One such request.
#[derive(Debug)]
pub(crate) struct Pending {
    transaction: TxId,
    /// The early dialog it went to; 0 is the session's own.
    early: u32,
    purpose: Purpose,
    /// Whether it carries credentials already.
    authorized: bool,
}

/// What it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Prack,
    Refer(ReferId),
    Notify(ReferId),
    Info,
}

impl Session {
    /// An early dialog by number, or the session's own for 0 and once there is only that one.
    pub(super) fn dialog_numbered(&mut self, early: u32) -> Option<&mut Dialog> {
        match &mut self.phase {
            Phase::Calling(calling) if early > 0 => {
                calling.earlies.by_number(early).map(|early| &mut early.dialog)
            }
            _ => Some(&mut self.dialog),
        }
    }

    /// The dialog a message of the peer belongs to, by the peer's tag.
    pub(super) fn dialog_of(&mut self, remote_tag: &str) -> &mut Dialog {
        match &mut self.phase {
            Phase::Calling(calling) if calling.earlies.has(remote_tag) => {
                match calling.earlies.by_tag(remote_tag) {
                    Some(early) => &mut early.dialog,
                    None => &mut self.dialog,
                }
            }
            _ => &mut self.dialog,
        }
    }
}

impl Endpoint {
    /// Sends a request in a dialog of the session, and its number.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn send_in_dialog(
        &mut self,
        now: Instant,
        id: SessionId,
        early: u32,
        method: Known,
        headers: &[(String, String)],
        body: Option<&Body>,
        purpose: Purpose,
    ) -> Option<u32> {
        let branch = self.random.branch();
        let session = self.sessions.get_mut(id)?;
        let contact = super::uas::contact_header(session.contact.as_ref());
        let dialog = session.dialog_numbered(early)?;
        let stamp = Stamp { branch: &branch, user_agent: &self.config.user_agent };
        let (mut writer, flow, cseq) = dialog.request(method, None, stamp);
        // Neither changes the target.
        if !matches!(method, Known::PRack | Known::Info) {
            writer.headers(&contact);
        }
        writer.headers(headers);
        let summary = Summary { body: body.is_some(), ..request_summary(method, cseq, Some(id)) };
        let transaction = self.send_request(now, method, &branch, flow, writer.finish(body), summary)?;
        let session = self.sessions.get_mut(id)?;
        session.pending.push(Pending { transaction, early, purpose, authorized: false });
        Some(cseq)
    }

    /// A final response to one of them. False if the request was another.
    pub(super) fn on_pending_response(
        &mut self,
        now: Instant,
        id: SessionId,
        transaction: TxId,
        request: &Message,
        response: &Message,
        status: u16,
    ) -> bool {
        let Some(session) = self.sessions.get_mut(id) else { return false };
        let Some(at) = session.pending.iter().position(|p| p.transaction == transaction) else {
            return false;
        };
        let pending = session.pending.swap_remove(at);
        if let (false, Some(user), Some((challenge, header))) =
            (pending.authorized, session.credentials.clone(), Challenge::of(response))
        {
            let client_nonce = self.random.token();
            let method = request.method_token();
            let (uri, body) = (request.request_uri(), request.body());
            let value = answer_with(&challenge, &user, method, uri, body, 1, &client_nonce);
            if self.send_again(now, id, &pending, request, header, &value).is_some() {
                return true;
            }
        }
        match pending.purpose {
            // Whatever it says, the INVITE's own answer decides.
            Purpose::Prack => {}
            Purpose::Refer(refer) => self.on_refer_answer(now, id, refer, Some(response), status),
            Purpose::Notify(refer) => self.on_refer_notified(id, refer, status),
            Purpose::Info => self.on_info_answer(now, id, status),
        }
        true
    }

    /// One of them was not answered. False if the request was another.
    pub(super) fn on_pending_failed(&mut self, now: Instant, id: SessionId, transaction: TxId) -> bool {
        let Some(session) = self.sessions.get_mut(id) else { return false };
        let Some(at) = session.pending.iter().position(|p| p.transaction == transaction) else {
            return false;
        };
        match session.pending.swap_remove(at).purpose {
            Purpose::Prack => {}
            Purpose::Refer(refer) => self.on_refer_answer(now, id, refer, None, 408),
            Purpose::Notify(refer) => self.on_refer_notified(id, refer, 408),
            Purpose::Info => self.on_info_answer(now, id, 408),
        }
        true
    }

    /// Sends the same request with credentials.
    fn send_again(
        &mut self,
        now: Instant,
        id: SessionId,
        pending: &Pending,
        request: &Message,
        header: &str,
        value: &str,
    ) -> Option<()> {
        let Some(Method::Known(method)) = request.method() else { return None };
        let branch = self.random.branch();
        let dialog = self.sessions.get_mut(id)?.dialog_numbered(pending.early)?;
        let (flow, cseq) = (dialog.next_hop(), dialog.next_cseq());
        let mut writer = Writer::request(method, request.request_uri());
        writer.via(&flow, &branch);
        for (label, text) in request.headers() {
            match Name::of(label) {
                Name::Via | Name::ContentLength | Name::ContentType => {}
                Name::CSeq => writer.header(label, format_args!("{cseq} {method}")),
                _ => writer.header(label, text),
            }
        }
        writer.header(header, value);
        let body = request
            .line(Name::ContentType)
            .map(|kind| Body { content_type: kind.to_owned(), bytes: request.body().clone() });
        let summary = Summary { body: body.is_some(), ..request_summary(method, cseq, Some(id)) };
        let bytes = writer.finish(body.as_ref());
        let transaction = self.send_request(now, method, &branch, flow, bytes, summary)?;
        let session = self.sessions.get_mut(id)?;
        session.pending.push(Pending { transaction, authorized: true, ..*pending });
        if let Purpose::Refer(refer) = pending.purpose
            && let Some(referral) = session.referrals.get_mut(refer)
        {
            referral.cseq = cseq;
        }
        Some(())
    }
}
