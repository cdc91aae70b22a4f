//! From an invitation to a running call, or to a refused one that can still be looked up.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flow::{End, Facts, Machine, Settings, Start};
use sip::{Contact, InviteFacts, SessionId};
use store::Route;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::Instrument;

use super::answer::Table;
use super::leg::CallLeg;
use super::media_end::MediaEnd;
use super::run::{self, Call};
use super::session::Session;
use super::{CallId, MAILBOX, Mail, SessionEvent, Timeline};
use crate::book::{CallState, CallView, Record};
use crate::error::Refusal;
use crate::events::{Happening, wall_clock};
use crate::shared::Shared;

/// A refused session waits for its ACK no longer than 64·T1 (RFC 3261 Timer H).
const REFUSED: Duration = Duration::from_secs(32);

/// An invitation that becomes a call.
pub(crate) struct Invited {
    pub(crate) session: SessionId,
    pub(crate) invite: Arc<InviteFacts>,
    /// Where its number leads, or why nowhere.
    pub(crate) route: Result<Route, Refusal>,
    pub(crate) now: Instant,
}

/// Opens the book at a new page and starts the call's task.
pub(crate) fn start(shared: &Arc<Shared>, invited: Invited) -> (mpsc::Sender<Mail>, Arc<Record>) {
    let (mail, mailbox) = mpsc::channel(MAILBOX);
    let id = shared.book.fresh_id();
    let about = about(id, &invited);
    let happening = Happening::Started { caller: about.caller.clone(), called: about.called.clone() };
    let span = tracing::info_span!("call", call = %id);
    let timeline = Timeline::new(invited.now, span.clone());
    let record = Arc::new(Record::new(about, timeline, mail.clone()));
    shared.book.open(record.clone());
    shared.bus.publish(id, happening);
    metrics::counter!("offhook_calls_total").increment(1);
    let task = take(shared.clone(), record.clone(), invited, mail.clone(), mailbox);
    shared.tasks.spawn(task.instrument(span));
    (mail, record)
}

fn about(id: CallId, invited: &Invited) -> CallView {
    let invite = &invited.invite;
    let user = match &invite.identity {
        sip::Identity::User(user) => Some(user.clone()),
        sip::Identity::Anonymous => None,
    };
    CallView {
        id,
        caller: invite.from.uri.clone(),
        called: invite.request_uri.user.clone(),
        user,
        sip_call_id: invite.call_id.clone(),
        flow: invited.route.as_ref().ok().map(|route| route.flow.id.clone()),
        state: CallState::Ringing,
        started: wall_clock(),
        answered: None,
        ended: None,
        media: None,
        recordings: Vec::new(),
        trace: Vec::new(),
    }
}

async fn take(
    shared: Arc<Shared>,
    record: Arc<Record>,
    invited: Invited,
    mail: mpsc::Sender<Mail>,
    mailbox: mpsc::Receiver<Mail>,
) {
    let Invited { session, invite, route, now } = invited;
    tracing::info!(
        from = invite.from.uri,
        to = invite.request_uri.user,
        peer = %invite.flow.remote,
        sip_call_id = invite.call_id,
        "a call came"
    );
    let contact = Contact::new(&invite.request_uri.user, invite.flow.local, invite.flow.transport);
    let session = Session::new(session, contact, shared.shard.clone());
    let made = match route {
        Ok(route) => make(&shared, &record, &invite, route, session, mail, now),
        Err(refusal) => Err((session, refusal)),
    };
    // The facts have their copy; the INVITE itself is not kept for as long as the call lasts.
    drop(invite);
    match made {
        Ok(call) => call.run(mailbox).await,
        Err((session, refusal)) => refuse(&shared, &record, session, refusal, mailbox).await,
    }
}

fn make(
    shared: &Arc<Shared>,
    record: &Arc<Record>,
    invite: &InviteFacts,
    route: Route,
    session: Session,
    mail: mpsc::Sender<Mail>,
    now: Instant,
) -> Result<Call, (Session, Refusal)> {
    let ports = match shared.engine.reserve() {
        Ok(ports) => ports,
        Err(error) => {
            tracing::warn!(%error, "no RTP ports");
            return Err((session, Refusal::NoPorts));
        }
    };
    let table = Table::new(&shared.codecs, invite.flow.local.ip(), ports.rtp_port());
    let media = MediaEnd::new(shared.engine.clone(), shared.legs.clone(), ports, mail.clone());
    let leg = CallLeg::new(
        shared.clone(),
        record.clone(),
        mail.clone(),
        session,
        media,
        table,
        invite.offer.as_ref(),
    )?;
    let settings = Settings { default_language: shared.language.clone(), ..Settings::default() };
    let facts = facts(record.id, &shared.account, invite, &route);
    let machine = Machine::new(Start::new(route.flow.program.clone(), facts, settings));
    Ok(Call {
        shared: shared.clone(),
        record: record.clone(),
        mail,
        leg,
        machine,
        // A limit beyond the clock is as good as a year.
        last: now.checked_add(shared.max_duration).unwrap_or(now + Duration::from_secs(365 * 86_400)),
        requests: HashMap::new(),
        end: None,
        ended: None,
    })
}

fn facts(id: CallId, account: &str, invite: &InviteFacts, route: &Route) -> Facts {
    let withheld = invite.from.user.eq_ignore_ascii_case("anonymous");
    let user = match &invite.identity {
        sip::Identity::User(user) => Some(user.clone()),
        sip::Identity::Anonymous => None,
    };
    Facts {
        call_id: id.to_string(),
        sip_call_id: invite.call_id.clone(),
        direction: "inbound".to_owned(),
        caller_number: if withheld { String::new() } else { invite.from.user.clone() },
        caller_name: invite.from.display.clone().unwrap_or_default(),
        caller_domain: invite.from.host.clone(),
        called_number: invite.request_uri.user.clone(),
        called_name: invite.to.display.clone().unwrap_or_default(),
        called_domain: invite.request_uri.host.clone(),
        user,
        caller_address: invite.flow.remote.ip().to_string(),
        account_id: account.to_owned(),
        flow_id: route.flow.id.clone(),
        language: String::new(),
        capture_group: route.capture_group.clone(),
    }
}

async fn refuse(
    shared: &Shared,
    record: &Arc<Record>,
    mut session: Session,
    refusal: Refusal,
    mut mailbox: mpsc::Receiver<Mail>,
) {
    let code = refusal.code();
    tracing::info!(code, %refusal, "a call is refused");
    metrics::counter!("offhook_calls_refused_total", "code" => code).increment(1);
    record.timeline.note(run::now(), format!("refused: {refusal} [{code}]"));
    session.refuse(&refusal);
    let ended = async {
        while let Some(letter) = mailbox.recv().await {
            if matches!(letter, Mail::Sip(SessionEvent::Ended(_))) {
                break;
            }
        }
    };
    // Without `Ended` in time the session is as good as over.
    let _ = timeout(REFUSED, ended).await;
    run::close(shared, record, run::now(), End { cause: code.to_owned(), by: "server".to_owned() });
}
