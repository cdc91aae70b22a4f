//! What users may watch of each other: calls (lamps), presence, mailboxes; and the texts they send each other.
//!
//! Lives on the SIP shard's task and answers at once: nothing here waits. The core below keeps subscriptions and their
//! times; here is what is told in them. Only users with a password get this far.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use flow::ir::Lamp;
use sip::event_package::dialog_info::{Dialog, DialogInfo, Direction, Extent, Side, State};
use sip::event_package::message_summary::MessageSummary;
use sip::event_package::pidf::{Activity, Basic, Presence as Pidf, Tuple};
use sip::{
    Body, Contact, Endpoint, Identity, InviteFacts, Next, Package, Request, RequestId, SessionId,
    SubscribeFacts, SubscriptionId, TextFacts, TextId, Transport,
};

/// The users, as others name them: by user name, by number, and by the phones at which they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Directory {
    names: HashMap<String, Arc<str>>,
    /// The accounts of each user's phones.
    phones: HashMap<Arc<str>, Vec<String>>,
    /// Who may pick up what rings at others.
    pickers: BTreeSet<Arc<str>>,
}

impl Directory {
    pub(crate) fn new(users: &store::Users, settings: &store::Settings) -> Directory {
        let mut directory = Directory::default();
        let Directory { names, phones, pickers } = &mut directory;
        for user in users.iter() {
            let name: Arc<str> = user.name.as_str().into();
            // A number that is another user's name stays that user's.
            if let Some(number) = &user.number {
                names.entry(number.clone()).or_insert_with(|| name.clone());
            }
            let own = settings.phones(users, user).into_iter().map(str::to_owned).collect::<Vec<_>>();
            // A user's name means the user, also where somebody else sits at its phone.
            for account in own.iter().filter(|account| users.get(account).is_none()) {
                names.insert(account.clone(), name.clone());
            }
            phones.insert(name.clone(), own);
            if user.may(store::Permission::Pickup) {
                pickers.insert(name.clone());
            }
            names.insert(user.name.clone(), name);
        }
        directory
    }

    /// Who is at the phone of this account.
    fn at(&self, account: &str) -> Option<Arc<str>> {
        let is_there = |(_, phones): &(&Arc<str>, &Vec<String>)| phones.iter().any(|phone| phone == account);
        self.phones.iter().find(is_there).map(|(user, _)| user.clone())
    }

    /// Whether one user may know how another's calls are named, by which they are taken over.
    fn may_take(&self, watcher: &str, of: &str) -> bool {
        watcher == of || self.pickers.contains(watcher)
    }

    fn phones(&self, user: &str) -> &[String] {
        self.phones.get(user).map_or(&[], Vec::as_slice)
    }

    fn find(&self, name: &str) -> Option<Arc<str>> {
        self.names.get(name).cloned()
    }
}

/// A subscription.
struct Watch {
    user: Arc<str>,
    watcher: Arc<str>,
    package: Package,
    /// The user's URI as the watcher wrote it.
    entity: String,
    /// Of the next dialog-info document.
    version: u32,
}

/// A text under way to a user's phones.
struct Forwarded {
    text: TextId,
    /// Phones that have not answered.
    open: usize,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Presence {
    directory: Directory,
    watches: HashMap<SubscriptionId, Watch>,
    watched: HashMap<Arc<str>, BTreeSet<SubscriptionId>>,
    calls: HashMap<Arc<str>, BTreeMap<SessionId, Dialog>>,
    owners: HashMap<SessionId, Arc<str>>,
    published: HashMap<Arc<str>, Body>,
    /// What flows have lamps show that are nobody's, or a user's beside its calls.
    lamps: HashMap<Arc<str>, State>,
    texts: HashMap<RequestId, u64>,
    forwarded: HashMap<u64, Forwarded>,
    last: u64,
}

impl Presence {
    /// The accounts as they are from now on.
    pub(crate) fn set_directory(&mut self, directory: Directory) {
        self.directory = directory;
    }

    /// Somebody wants to watch.
    pub(crate) fn subscribed(
        &mut self,
        endpoint: &mut Endpoint,
        now: Instant,
        id: SubscriptionId,
        facts: &SubscribeFacts,
    ) {
        let watched = facts.watched.user.as_str();
        let user = match self.directory.find(watched) {
            Some(user) => user,
            // A lamp that is nobody's is a flow's to light, now or later.
            None if facts.package == Package::Dialog && !watched.is_empty() => watched.into(),
            None => {
                // The subscription is being offered, so it is there.
                let _ = endpoint.refuse_subscription(now, id, 404);
                return;
            }
        };
        let watcher = self.directory.at(&facts.watcher).unwrap_or_else(|| facts.watcher.as_str().into());
        if facts.package == Package::MessageSummary && user != watcher {
            // A mailbox is its owner's.
            let _ = endpoint.refuse_subscription(now, id, 403);
            return;
        }
        let watch = Watch {
            user: user.clone(),
            watcher,
            package: facts.package,
            entity: facts.watched.uri.clone(),
            version: 0,
        };
        self.watches.insert(id, watch);
        self.watched.entry(user).or_default().insert(id);
        let state = self.state(endpoint, id);
        let _ = endpoint.accept_subscription(now, id, state);
    }

    /// A watcher refreshed, or leaves.
    pub(crate) fn state_wanted(&mut self, endpoint: &mut Endpoint, now: Instant, id: SubscriptionId) {
        if let Some(state) = self.state(endpoint, id) {
            // It may be over by now.
            let _ = endpoint.notify(now, id, state);
        }
    }

    /// A subscription is over.
    pub(crate) fn unsubscribed(&mut self, id: SubscriptionId) {
        let Some(watch) = self.watches.remove(&id) else { return };
        if let Some(ids) = self.watched.get_mut(&watch.user) {
            ids.remove(&id);
            if ids.is_empty() {
                self.watched.remove(&watch.user);
            }
        }
    }

    /// What a user says of itself.
    pub(crate) fn published(
        &mut self,
        endpoint: &mut Endpoint,
        now: Instant,
        user: &str,
        body: Option<Body>,
    ) {
        let user = self.directory.at(user).unwrap_or_else(|| user.into());
        match body {
            Some(body) => drop(self.published.insert(user.clone(), body)),
            None => drop(self.published.remove(&user)),
        }
        self.tell(endpoint, now, &user, Package::Presence);
    }

    /// A phone of a user came or went.
    pub(crate) fn moved(&mut self, endpoint: &mut Endpoint, now: Instant, user: &str) {
        let user = self.directory.at(user).unwrap_or_else(|| user.into());
        self.tell(endpoint, now, &user, Package::Presence);
    }

    /// A flow lights a lamp, or puts it out.
    pub(crate) fn light(&mut self, endpoint: &mut Endpoint, now: Instant, id: &str, lamp: Lamp) {
        let user = self.directory.find(id).unwrap_or_else(|| id.into());
        match lamp {
            Lamp::Idle => drop(self.lamps.remove(&user)),
            Lamp::Ringing => drop(self.lamps.insert(user.clone(), State::Early)),
            Lamp::Busy => drop(self.lamps.insert(user.clone(), State::Confirmed)),
        }
        self.tell(endpoint, now, &user, Package::Dialog);
    }

    /// A user calls somebody.
    pub(crate) fn calls(
        &mut self,
        endpoint: &mut Endpoint,
        now: Instant,
        session: SessionId,
        invite: &InviteFacts,
    ) {
        let Identity::User(name) = &invite.identity else { return };
        let side = |party: &sip::Party| Side { display: party.display.clone(), uri: party.uri.clone() };
        let user = self.directory.at(name).unwrap_or_else(|| name.as_str().into());
        self.begin(endpoint, now, session, &user, Direction::Initiator, side(&invite.from), side(&invite.to));
    }

    /// A user is called: `to` and `from` are the values of those headers.
    pub(crate) fn is_called(
        &mut self,
        endpoint: &mut Endpoint,
        now: Instant,
        session: SessionId,
        to: &str,
        from: &str,
    ) {
        let side = |value: &str| Side { display: None, uri: uri(value).to_owned() };
        let Some(user) = self.directory.find(user_of(uri(to))) else { return };
        self.begin(endpoint, now, session, &user, Direction::Recipient, side(to), side(from));
    }

    #[allow(clippy::too_many_arguments)]
    fn begin(
        &mut self,
        endpoint: &mut Endpoint,
        now: Instant,
        session: SessionId,
        user: &str,
        direction: Direction,
        local: Side,
        remote: Side,
    ) {
        let user: Arc<str> = user.into();
        let dialog = Dialog {
            id: session.number().to_string(),
            ids: None,
            direction,
            state: State::Trying,
            local,
            remote,
        };
        self.calls.entry(user.clone()).or_default().insert(session, dialog);
        self.owners.insert(session, user.clone());
        self.tell_of_calls(endpoint, now, &user);
    }

    /// A user's call goes on.
    pub(crate) fn call_is(
        &mut self,
        endpoint: &mut Endpoint,
        now: Instant,
        session: SessionId,
        state: State,
    ) {
        let Some(user) = self.owners.get(&session).cloned() else { return };
        let Some(calls) = self.calls.get_mut(&user) else { return };
        match calls.get_mut(&session) {
            Some(dialog) if dialog.state != state => {
                dialog.state = state;
                dialog.ids = ids(endpoint, session, dialog);
            }
            _ => return,
        }
        // Its end is told once, since phones look for the word; then it is not there any more.
        self.tell_of_calls(endpoint, now, &user);
        if state == State::Terminated {
            self.owners.remove(&session);
            if let Some(calls) = self.calls.get_mut(&user) {
                calls.remove(&session);
                if calls.is_empty() {
                    self.calls.remove(&user);
                }
            }
        }
    }

    fn tell_of_calls(&mut self, endpoint: &mut Endpoint, now: Instant, user: &str) {
        self.tell(endpoint, now, user, Package::Dialog);
        if !self.published.contains_key(user) {
            self.tell(endpoint, now, user, Package::Presence);
        }
    }

    /// Tells those who watch this of a user.
    fn tell(&mut self, endpoint: &mut Endpoint, now: Instant, user: &str, package: Package) {
        let Some(ids) = self.watched.get(user) else { return };
        let concerned = |id: &&SubscriptionId| self.watches.get(id).is_some_and(|w| w.package == package);
        let ids: Vec<SubscriptionId> = ids.iter().filter(concerned).copied().collect();
        for id in ids {
            self.state_wanted(endpoint, now, id);
        }
    }

    /// What a subscription is to be told.
    fn state(&mut self, endpoint: &Endpoint, id: SubscriptionId) -> Option<Body> {
        let watch = self.watches.get_mut(&id)?;
        let calls = self.calls.get(&watch.user);
        Some(match watch.package {
            Package::Dialog => {
                let version = watch.version;
                watch.version = version.wrapping_add(1);
                let mut dialogs: Vec<Dialog> =
                    calls.map(|calls| calls.values().cloned().collect()).unwrap_or_default();
                if !self.directory.may_take(&watch.watcher, &watch.user) {
                    dialogs.iter_mut().for_each(|dialog| dialog.ids = None);
                }
                dialogs.extend(self.lamps.get(&watch.user).map(|state| lamp(&watch.entity, *state)));
                DialogInfo { entity: watch.entity.clone(), version, extent: Extent::Full, dialogs }.body()
            }
            Package::Presence => match self.published.get(&watch.user) {
                Some(body) => body.clone(),
                None => {
                    let busy = calls.is_some_and(|calls| {
                        calls.values().any(|call| matches!(call.state, State::Early | State::Confirmed))
                    });
                    let phones = self.directory.phones(&watch.user);
                    let reachable = phones.iter().any(|phone| !endpoint.bindings_of(phone).is_empty());
                    pidf(&watch.entity, reachable, busy).body()
                }
            },
            // Nothing leaves messages yet.
            _ => MessageSummary { account: Some(watch.entity.clone()), ..MessageSummary::default() }.body(),
        })
    }

    /// A text: sent on to all phones of the user it is for. In a call there is nobody to read it.
    pub(crate) fn texted(&mut self, endpoint: &mut Endpoint, now: Instant, text: TextId, facts: &TextFacts) {
        let Some(sender) = facts.sender.as_deref().filter(|_| facts.session.is_none()) else {
            return endpoint.answer_text(now, text, 480);
        };
        let Some(user) = self.directory.find(&facts.request_uri.user) else {
            return endpoint.answer_text(now, text, 404);
        };
        let phones = self.directory.phones(&user).iter().flat_map(|phone| endpoint.bindings_of(phone));
        let requests: Vec<Request> = phones
            .map(|binding| Request {
                method: sip::Known::Message,
                next: Next::Flow(binding.flow),
                target: binding.contact.clone(),
                from: author(sender, facts),
                to: format!("<{}>", facts.to.uri),
                user: None,
                headers: binding.routes(),
                body: Some(facts.body.clone()),
                credentials: None,
            })
            .collect();
        if requests.is_empty() {
            return endpoint.answer_text(now, text, 480);
        }
        self.last += 1;
        self.forwarded.insert(self.last, Forwarded { text, open: requests.len() });
        for request in requests {
            let id = endpoint.request(now, request);
            self.texts.insert(id, self.last);
        }
    }

    /// A phone answered a request; whether it was a text of ours. The first phone that takes a text counts,
    /// and if none does, the last refusal.
    pub(crate) fn responded(
        &mut self,
        endpoint: &mut Endpoint,
        now: Instant,
        request: RequestId,
        status: u16,
    ) -> bool {
        let Some(number) = self.texts.remove(&request) else { return false };
        let Some(forwarded) = self.forwarded.get_mut(&number) else { return true };
        forwarded.open -= 1;
        let text = forwarded.text;
        if forwarded.open == 0 || status < 300 {
            self.forwarded.remove(&number);
            // That a phone cannot be reached is no matter of the sender's transport.
            let status = if matches!(status, 408 | 503) { 480 } else { status };
            endpoint.answer_text(now, text, status);
        }
        true
    }
}

/// How a call is named that others may take, seen from the user's phone: one that rings there, or is answered.
fn ids(endpoint: &Endpoint, session: SessionId, dialog: &Dialog) -> Option<(String, String, String)> {
    let taken = match dialog.state {
        State::Early => dialog.direction == Direction::Recipient,
        State::Confirmed => true,
        State::Trying | State::Terminated => false,
    };
    let view = endpoint.session(session).filter(|_| taken)?;
    Some((view.call_id, view.remote_tag, view.local_tag))
}

/// What a lamp shows that a flow lit, as a call of its own.
fn lamp(entity: &str, state: State) -> Dialog {
    let side = Side { display: None, uri: entity.to_owned() };
    let direction = Direction::Recipient;
    Dialog { id: "lamp".to_owned(), ids: None, direction, state, local: side.clone(), remote: side }
}

fn pidf(entity: &str, reachable: bool, busy: bool) -> Pidf {
    Pidf {
        entity: entity.to_owned(),
        tuples: vec![Tuple {
            id: "phone".to_owned(),
            basic: if reachable { Basic::Open } else { Basic::Closed },
            contact: Some(entity.to_owned()),
        }],
        activity: busy.then_some(Activity::OnThePhone),
        note: None,
    }
}

/// The From of a text that is sent on: the name that was proved, with the display name as it was written.
fn author(sender: &str, facts: &TextFacts) -> String {
    let address = Contact::new(sender, facts.flow.local, Transport::Udp);
    match &facts.from.display {
        Some(display) => {
            let display = display.replace('\\', "\\\\").replace('"', "\\\"");
            format!("\"{display}\" <{}>", address.uri())
        }
        None => format!("<{}>", address.uri()),
    }
}

/// The URI of an address, and the user in one.
fn uri(address: &str) -> &str {
    let after = address.split_once('<').map_or(address, |(_, rest)| rest);
    after.split('>').next().unwrap_or(after).trim()
}

fn user_of(uri: &str) -> &str {
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    rest.split_once('@').map_or("", |(user, _)| user.split([':', ';']).next().unwrap_or(user))
}
