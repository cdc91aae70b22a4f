//! SUBSCRIBE as it comes: the first one, its refreshes, and the last with Expires 0. RFC 6665 §4.2.1.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Package, Stage, SubscribeFacts, Subscription, SubscriptionId, Unsubscribed};
use crate::call::{Contact, Party};
use crate::dialog::{Dialog, Order};
use crate::endpoint::{Endpoint, Reply, Request, reply_flow};
use crate::event::Event;
use crate::message::{Known, Method, Name, Uri, lex};

/// RFC 6665 §4.2.1.1: nothing of an hour or more is too brief.
const HOUR: u32 = 3600;

impl Endpoint {
    /// The package an Event header names and its `id`; 489 and `None` if we have no such package.
    pub(crate) fn package(
        &mut self,
        now: Instant,
        request: &Request<'_>,
        list: &str,
    ) -> Option<(Package, Option<String>)> {
        let (name, params) = lex::head_and_params(request.message.line(Name::Event).unwrap_or(""));
        let package = Package::named(name.trim()).filter(|p| list.split(", ").any(|one| one == p.name()));
        if package.is_none() {
            let headers = [("Allow-Events".to_owned(), list.to_owned())];
            self.refuse_with(now, request, 489, None, &headers);
        }
        package.map(|package| (package, lex::param(params, "id").map(str::to_owned)))
    }

    /// For how many seconds a subscription or publication is granted; 423 and `None` if too few are asked for.
    pub(crate) fn grant(&mut self, now: Instant, request: &Request<'_>) -> Option<u32> {
        let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        let (least, usual) = (seconds(self.config.min_expires), seconds(self.config.default_expires));
        let asked = request.message.line(Name::Expires).map_or(usual, |t| lex::seconds(t).unwrap_or(usual));
        if asked > 0 && asked < least.min(HOUR) {
            let headers = [("Min-Expires".to_owned(), least.min(HOUR).to_string())];
            self.refuse_with(now, request, 423, None, &headers);
            return None;
        }
        Some(asked.min(seconds(self.config.max_expires)))
    }

    /// A SUBSCRIBE outside of dialogs.
    pub(crate) fn on_subscribe_outside(&mut self, now: Instant, request: &Request<'_>) {
        let Some((package, event_id)) = self.package(now, request, Package::LIST) else { return };
        let Some(watcher) = self.authenticate(now, request, 401) else { return };
        if !takes(request, package) {
            return self.refuse(now, request, 406);
        }
        let Some(seconds) = self.grant(now, request) else { return };
        if self.subscriptions.is_full(&watcher) {
            return self.refuse_with(now, request, 403, Some("Too Many Subscriptions"), &[]);
        }
        let flow = reply_flow(request.flow, &request.core.via);
        let tag = self.random.token();
        let dialog = match Dialog::of_invite(request.message, request.core, flow, tag) {
            Ok(dialog) => dialog,
            Err(problem) => {
                self.counters.bad_requests += 1;
                let text = format!("Bad Contact: {} Expected", problem.expected);
                return self.refuse_with(now, request, 400, Some(&text), &[]);
            }
        };
        let uri = request.message.request_uri();
        let watched = Uri::parse(uri).map(|parsed| Party::of_uri(None, uri, &parsed)).unwrap_or_default();
        let facts = SubscribeFacts {
            watcher: watcher.clone(),
            watched: watched.clone(),
            package,
            expires: Duration::from_secs(u64::from(seconds)),
            flow: request.flow,
            user_agent: request.message.line(Name::UserAgent).map(str::to_owned),
        };
        let id = self.subscriptions.add(Subscription {
            dialog,
            package,
            event_id,
            watcher: watcher.into(),
            watched: watched.user,
            stage: Stage::Asked { transaction: request.transaction, seconds },
            ends: now,
            sending: None,
            waiting: None,
            due: None,
        });
        self.event(Event::Subscribed { subscription: id, facts: Arc::new(facts) });
    }

    /// A request in a subscription's dialog.
    pub(crate) fn on_request_in_subscription(
        &mut self,
        now: Instant,
        request: &Request<'_>,
        id: SubscriptionId,
    ) {
        let back = reply_flow(request.flow, &request.core.via);
        let Some(subscription) = self.subscriptions.all.get_mut(&id) else { return };
        let before = subscription.dialog.flow;
        let tag = subscription.dialog.local_tag.clone();
        if subscription.dialog.note(request.core.cseq, back) == Order::Stale {
            self.respond(now, request.transaction, &Reply::status(500, &tag));
            return;
        }
        self.subscriptions.moved(id, before, back);
        match request.core.method {
            Method::Known(Known::Subscribe) => self.on_resubscribe(now, request, id),
            Method::Known(Known::Options) => self.on_options(now, request),
            Method::Known(Known::Bye | Known::Info | Known::Update | Known::Notify | Known::PRack) => {
                self.refuse(now, request, 481);
            }
            Method::Known(_) => self.refuse(now, request, 405),
            Method::Other => self.refuse(now, request, 501),
        }
    }

    /// A refresh, or the end. Who asks is not asked again: the dialog's tags are proof as they are in a call.
    fn on_resubscribe(&mut self, now: Instant, request: &Request<'_>, id: SubscriptionId) {
        let Some((package, event_id)) = self.package(now, request, Package::LIST) else { return };
        let Some(subscription) = self.subscriptions.all.get(&id) else { return };
        if package != subscription.package || event_id != subscription.event_id {
            // Another subscription in this dialog: RFC 6665 §4.5.1 leaves that to those before it.
            return self.refuse(now, request, 403);
        }
        match subscription.stage {
            Stage::Active => {}
            Stage::Asked { .. } => {
                return self.refuse_with(now, request, 500, None, &[("Retry-After".into(), "5".into())]);
            }
            Stage::Ending { .. } => return self.refuse(now, request, 481),
        }
        let Some(seconds) = self.grant(now, request) else { return };
        let patience = self.config.timers.give_up();
        let Some(subscription) = self.subscriptions.all.get_mut(&id) else { return };
        subscription.dialog.refresh(request.message);
        if seconds == 0 {
            subscription.stage = Stage::Ending { reason: "timeout", why: Unsubscribed::Asked };
            subscription.ends = now + patience;
        } else {
            subscription.ends = now + Duration::from_secs(u64::from(seconds));
        }
        self.confirm_subscription(now, request.transaction, id, seconds);
        self.reschedule_subscription(id);
        // RFC 6665 §4.2.1.4: whether refreshed or ended, the state follows.
        self.event(Event::StateWanted { subscription: id });
    }

    /// 200 to a SUBSCRIBE.
    pub(super) fn confirm_subscription(
        &mut self,
        now: Instant,
        transaction: crate::transaction::TxId,
        id: SubscriptionId,
        seconds: u32,
    ) {
        let Some(subscription) = self.subscriptions.all.get(&id) else { return };
        let tag = subscription.dialog.local_tag.clone();
        let headers = [
            ("Expires".to_owned(), seconds.to_string()),
            ("Contact".to_owned(), subscription.contact()),
            ("Allow-Events".to_owned(), Package::LIST.to_owned()),
        ];
        let reply = Reply { headers: &headers, ..Reply::status(200, &tag) };
        self.respond(now, transaction, &reply);
    }
}

impl Subscription {
    /// Our Contact header's value.
    pub(super) fn contact(&self) -> String {
        let flow = self.dialog.flow;
        format!("<{}>", Contact::new(&self.watched, flow.local, flow.transport).uri())
    }
}

/// Whether the watcher can read the package's state: without Accept it can (RFC 6665 §3.1.3).
fn takes(request: &Request<'_>, package: Package) -> bool {
    let mut named = request.message.values(Name::Accept).peekable();
    let wanted = package.media_type();
    named.peek().is_none()
        || named.any(|value| {
            let kind = lex::head_and_params(value).0.trim();
            [wanted, "application/*", "*/*"].iter().any(|k| k.eq_ignore_ascii_case(kind))
        })
}
