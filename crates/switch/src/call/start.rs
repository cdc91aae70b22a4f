//! From an invitation to a running call, or to a refused one that can still be looked up.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flow::{End, Facts, Machine, Start};
use sip::{Contact, InviteFacts, SessionId};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::Instrument;

use super::answer::Table;
use super::caller::Caller;
use super::ending;
use super::leg::CallLeg;
use super::media_end::MediaEnd;
use super::outset::Outset;
use super::run::{self, Call};
use super::session::Session;
use super::setting::forced;
use super::transfer::Origin;
use super::{CallId, MAILBOX, Mail, Mark, SessionEvent, Timeline};
use crate::book::{CallState, CallView, LegView, Record};
use crate::codecs::Codecs;
use crate::error::Refusal;
use crate::events::{Happening, wall_clock};
use crate::lines::Listing;
use crate::origination::Direction;
use crate::route::{Carrier, Program};
use crate::shared::Shared;
use crate::sip_io::Owner;
use crate::trunk::TrunkState;

/// A refused session waits for its ACK no longer than 64·T1 (RFC 3261 Timer H).
const REFUSED: Duration = Duration::from_secs(32);

/// An invitation that becomes a call.
pub(crate) struct Invited {
    pub(crate) session: SessionId,
    pub(crate) invite: Arc<InviteFacts>,
    /// Where its number leads, or why nowhere.
    pub(crate) route: Result<Program, Refusal>,
    /// The trunk it came by.
    pub(crate) carrier: Option<Carrier>,
    pub(crate) now: Instant,
}

/// Opens the book at a new page and starts the call's task. To whom its session belongs.
pub(crate) fn start(shared: &Arc<Shared>, invited: Invited) -> Owner {
    let (mail, mailbox) = mpsc::channel(MAILBOX);
    let id = shared.book.fresh_id();
    let about = about(shared, id, &invited);
    let happening = Happening::Started { caller: about.caller.clone(), called: about.called.clone() };
    let span = tracing::info_span!("call", call = %id);
    let timeline = Timeline::new(invited.now, span.clone());
    let record = Arc::new(Record::new(about, timeline, mail.clone()));
    shared.cdr.alive(&record);
    shared.book.open(record.clone());
    shared.bus.publish(id, happening);
    metrics::counter!("offhook_calls_total").increment(1);
    let owner = Owner { leg: shared.leg_key(), mark: Mark::FIRST, mail, record };
    let task = take(shared.clone(), owner.clone(), Box::new(invited), mailbox);
    shared.tasks.spawn(task.instrument(span));
    owner
}

fn about(shared: &Shared, id: CallId, invited: &Invited) -> CallView {
    let invite = &invited.invite;
    let user = proved(shared, invite).map(|user| user.name);
    CallView {
        caller: invite.from.uri.clone(),
        called: invite.request_uri.user.clone(),
        user,
        sip_call_id: invite.call_id.clone(),
        flow: invited.route.as_ref().ok().map(|route| route.id.clone()),
        legs: vec![LegView::new(Mark::FIRST, invite.from.uri.clone())],
        ..CallView::begun(id, Direction::Inbound)
    }
}

/// A leg of another call that begins a call of its own.
pub(super) struct Transferred {
    pub(super) leg: CallLeg,
    pub(super) caller: Caller,
    pub(super) called: String,
    pub(super) program: Program,
    /// Where it goes back to if nobody answers.
    pub(super) origin: Option<Origin>,
    /// The user who transferred it.
    pub(super) by: Option<Arc<str>>,
    /// The call it comes from.
    pub(super) from: Arc<Record>,
    pub(super) now: Instant,
}

/// Begins a call on a leg that is there already. Its mailbox.
pub(super) fn start_transferred(shared: &Arc<Shared>, transferred: Transferred) -> mpsc::Sender<Box<Mail>> {
    let Transferred { mut leg, caller, called, program, origin, by, from, now } = transferred;
    let (mail, mailbox) = mpsc::channel(MAILBOX);
    let id = shared.book.fresh_id();
    let before = from.summary();
    let party = leg.party();
    let about = CallView {
        id,
        direction: Direction::Inbound,
        master: None,
        caller: party.clone(),
        called: called.clone(),
        flow: Some(program.id.clone()),
        // A caller who is sent elsewhere before the answer is answered there, or not at all.
        state: if leg.is_answered() { CallState::Answered } else { CallState::Ringing },
        blocked: false,
        started: wall_clock(),
        answered: leg.is_answered().then(wall_clock),
        legs: vec![LegView::new(Mark::FIRST, party)],
        recordings: Vec::new(),
        ..before
    };
    let facts = Facts {
        call_id: id.to_string(),
        sip_call_id: about.sip_call_id.clone(),
        direction: "inbound".to_owned(),
        caller_number: if caller.withheld { String::new() } else { caller.number.clone() },
        caller_name: caller.name.clone().unwrap_or_default(),
        caller_domain: caller.host.clone(),
        called_number: called,
        called_name: String::new(),
        called_domain: caller.host.clone(),
        user: about.user.clone(),
        caller_address: String::new(),
        account_id: shared.account.clone(),
        flow_id: program.id.clone(),
        language: String::new(),
        capture_group: program.capture_group.clone(),
        capture_groups: program.capture_groups.clone(),
        preflow: program.preflow.clone(),
        ..Facts::default()
    };
    let span = tracing::info_span!(parent: None, "call", call = %id);
    let happening = Happening::Started { caller: about.caller.clone(), called: about.called.clone() };
    let record = Arc::new(Record::new(about, Timeline::new(now, span.clone()), mail.clone()));
    shared.cdr.alive(&record);
    shared.book.open(record.clone());
    shared.bus.publish(id, happening);
    metrics::counter!("offhook_calls_total").increment(1);
    record.timeline.note(now, format!("transferred from {}", from.id));
    from.timeline.note(now, format!("the other party goes on in {id}"));
    leg.rehome(Owner { leg: leg.key(), mark: Mark::FIRST, mail: mail.clone(), record: record.clone() });
    let mut call = Call::new(shared.clone(), record, leg, caller, program.code, facts, now);
    call.origin = origin;
    call.parker = by;
    shared.tasks.spawn(call.run(mailbox).instrument(span));
    mail
}

/// What it is given is boxed, and so is the way of the few that are refused: a task has room for all that it ever held,
/// for as long as it lives.
async fn take(shared: Arc<Shared>, owner: Owner, invited: Box<Invited>, mailbox: mpsc::Receiver<Box<Mail>>) {
    match called(&shared, &owner, *invited) {
        Ok(call) => call.run(mailbox).await,
        Err(refused) => Box::pin(refuse(shared, owner.record, refused, mailbox)).await,
    }
}

/// The call, or what is to be refused for which reason.
fn called(
    shared: &Arc<Shared>,
    owner: &Owner,
    invited: Invited,
) -> Result<Box<Call>, Box<(Session, Refusal)>> {
    let Invited { session, invite, route, carrier, now } = invited;
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
        Ok(program) => make(shared, owner, &invite, program, carrier, session, now),
        Err(refusal) => Err((session, refusal)),
    };
    made.map_err(Box::new)
}

fn make(
    shared: &Arc<Shared>,
    owner: &Owner,
    invite: &InviteFacts,
    program: Program,
    carrier: Option<Carrier>,
    session: Session,
    now: Instant,
) -> Result<Box<Call>, (Session, Refusal)> {
    let trunk = carrier.as_ref().map(|carrier| carrier.trunk.clone());
    let codecs = trunk.as_ref().map_or_else(|| shared.codecs.clone(), |trunk| trunk.codecs(&shared.codecs));
    let mut leg = answering(shared, owner, invite, session, &codecs)?;
    let caller = caller(shared, trunk.as_deref(), invite);
    let mut facts = facts(owner.record.id, &shared.account, invite, &program);
    if let Some(user) = proved(shared, invite) {
        facts.caller_name = user.display_name.unwrap_or(facts.caller_name);
        facts.user = Some(user.name);
    }
    if let Some(Carrier { trunk, pass }) = carrier {
        owner.record.timeline.note(now, format!("by trunk {}", trunk.trunk.name));
        owner.record.write_leg(Mark::FIRST, |leg| leg.trunk = Some(trunk.trunk.name.clone()));
        leg.carry(pass);
    }
    if !caller.withheld {
        // Not what a user wrote into From, which may be another's number.
        facts.caller_number = caller.number.clone();
    }
    Ok(Call::new(shared.clone(), owner.record.clone(), leg, caller, program.code, facts, now))
}

/// A leg for an INVITE that came.
pub(super) fn answering(
    shared: &Arc<Shared>,
    owner: &Owner,
    invite: &InviteFacts,
    session: Session,
    codecs: &Arc<Codecs>,
) -> Result<CallLeg, (Session, Refusal)> {
    let ports = match shared.engine.reserve() {
        Ok(ports) => ports,
        Err(error) => {
            tracing::warn!(%error, "no RTP ports");
            return Err((session, Refusal::NoPorts));
        }
    };
    let from = invite.flow.remote.ip();
    let here = shared.is_here(from) && shared.trunks.owner(from).is_none();
    let users = shared.users.load();
    let (proved, account) = match &invite.identity {
        sip::Identity::User(account) => (true, Some(account)),
        // On this machine nobody is asked, and who says to be a user is believed.
        _ if here => {
            let said = users.by_number(&invite.from.user).map_or(&invite.from.user, |user| &user.name);
            (false, Some(said))
        }
        _ => (false, None),
    };
    let codecs = match account.filter(|account| users.owner(account).is_some()) {
        Some(account) => codecs.clone().pressed_by(users.dtmf(account)),
        None => codecs.clone(),
    };
    let table = Table::toward(codecs, &invite.flow, ports.rtp_port());
    let media = MediaEnd::new(shared.engine.clone(), shared.legs.clone(), ports, owner.mail.clone());
    let mut leg = CallLeg::new(shared.clone(), owner.clone(), session, media, table, invite.offer.as_ref())?;
    leg.at(invite.flow);
    match (proved, account) {
        (true, _) => leg.prove(),
        (false, Some(_)) => leg.trust(),
        (false, None) => {}
    }
    if let Some(account) = account {
        leg.belong_to(&users, account);
    }
    Ok(leg)
}

impl Call {
    /// A call whose flow runs on `leg`.
    pub(super) fn new(
        shared: Arc<Shared>,
        record: Arc<Record>,
        leg: CallLeg,
        caller: Caller,
        program: Arc<flow::ir::Program>,
        facts: Facts,
        now: Instant,
    ) -> Box<Call> {
        let program = forced(program, &shared.settings.load());
        let start = Start::new(program, facts, shared.flow_settings());
        let subject = leg.key();
        let journal = shared.journals.begin(record.id, &start, &shared.flows.load());
        let mut call = Call::bare(shared, record, caller, Machine::new(start), Outset::Begun, now);
        call.journal = journal;
        call.subject = Some(subject);
        call.legs.push(leg);
        call
    }

    /// A call without a leg.
    pub(super) fn bare(
        shared: Arc<Shared>,
        record: Arc<Record>,
        caller: Caller,
        machine: Machine,
        outset: Outset,
        now: Instant,
    ) -> Box<Call> {
        let called = record.summary().called;
        Box::new(Call {
            listing: Listing::new(shared.lines.clone(), record.id, &called, record.mail().clone()),
            mail: record.mail().clone(),
            machine,
            codes: None,
            journal: None,
            // A limit beyond the clock is as good as a year.
            last: now.checked_add(shared.max_duration).unwrap_or(now + Duration::from_secs(365 * 86_400)),
            shared,
            record,
            subject: None,
            legs: Vec::new(),
            outset,
            chained: Vec::new(),
            caller,
            dial: None,
            doing: Vec::new(),
            last_dialled: None,
            bridge: None,
            held: None,
            music: None,
            after: None,
            overheard: None,
            transfer: None,
            origin: None,
            parker: None,
            moved: Vec::new(),
            left: None,
            requests: HashMap::new(),
            end: None,
            ended: None,
        })
    }
}

/// Who calls. One who proved to be a user is shown as one, whatever its From says; a trunk that is trusted is believed
/// whom it asserts, and its numbers are E.164 from here on where its plan says how.
fn caller(shared: &Shared, trunk: Option<&TrunkState>, invite: &InviteFacts) -> Caller {
    let (users, settings) = (shared.users.load(), shared.settings.load());
    let said = &invite.from.user;
    let account = match &invite.identity {
        sip::Identity::User(name) => Some(name.clone()),
        // Who calls from this machine is believed, as far as there is such a phone.
        sip::Identity::Anonymous => {
            let here = trunk.is_none() && shared.is_here(invite.flow.remote.ip());
            Some(said).filter(|said| here && users.owner(said).is_some()).cloned()
        }
    };
    let user = account.as_deref().and_then(|account| settings.user_at(&users, account));
    let number = match user {
        Some(user) if user.name != *said && user.number.as_ref() != Some(said) => {
            user.number.as_ref().unwrap_or(&user.name)
        }
        _ => said,
    };
    let withheld = said.eq_ignore_ascii_case("anonymous") || invite.asserted.is_anonymous();
    let asserted = trunk.filter(|trunk| trunk.trunk.trusted).and_then(|_| invite.asserted.caller());
    let number = match (trunk, asserted) {
        (Some(trunk), Some(party)) => trunk.trunk.plan.canonical(&party.user).into_owned(),
        (Some(trunk), None) => trunk.trunk.plan.canonical(number).into_owned(),
        (None, _) => number.clone(),
    };
    Caller {
        number,
        name: asserted.and_then(|party| party.display.clone()).or_else(|| invite.from.display.clone()),
        account,
        host: invite.from.host.clone(),
        withheld,
        diversions: invite.asserted.diversions.clone(),
        history: invite.asserted.history.clone(),
        referred_by: None,
        hops: invite.max_forwards.saturating_sub(1),
    }
}

/// The user who calls, if it is one that proved it: whose phone it is, or who sits there.
fn proved(shared: &Shared, invite: &InviteFacts) -> Option<store::User> {
    let sip::Identity::User(account) = &invite.identity else { return None };
    let users = shared.users.load();
    let user = shared.settings.load().user_at(&users, account).cloned();
    user.or_else(|| Some(store::User::new(account, "")))
}

fn facts(id: CallId, account: &str, invite: &InviteFacts, program: &Program) -> Facts {
    let withheld = invite.from.user.eq_ignore_ascii_case("anonymous") || invite.asserted.is_anonymous();
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
        flow_id: program.id.clone(),
        language: String::new(),
        capture_group: program.capture_group.clone(),
        capture_groups: program.capture_groups.clone(),
        preflow: program.preflow.clone(),
        ..Facts::default()
    }
}

async fn refuse(
    shared: Arc<Shared>,
    record: Arc<Record>,
    refused: Box<(Session, Refusal)>,
    mut mailbox: mpsc::Receiver<Box<Mail>>,
) {
    let (mut session, refusal) = *refused;
    let code = refusal.code();
    tracing::info!(code, %refusal, "a call is refused");
    metrics::counter!("offhook_calls_refused_total", "code" => code).increment(1);
    record.timeline.note(run::now(), format!("refused: {refusal} [{code}]"));
    session.refuse(&refusal);
    let ended = async {
        while let Some(letter) = mailbox.recv().await {
            if matches!(*letter, Mail::Sip(_, SessionEvent::Ended(_))) {
                break;
            }
        }
    };
    // Without `Ended` in time the session is as good as over.
    let _ = timeout(REFUSED, ended).await;
    ending::close(&shared, &record, run::now(), End { cause: code.to_owned(), by: "server".to_owned() });
}
