//! NOTIFY as we send it: what is owed after a SUBSCRIBE, what changed, and the last one. RFC 6665 §4.2.2.
//! One at a time is under way in a subscription; of those that would follow only the newest is kept, so that a slow
//! watcher hears the state as it is and not as it was.

use std::time::{Duration, Instant};

use super::{NoSubscription, Package, Stage, SubscriptionId, Termination, Unsubscribed};
use crate::body::Body;
use crate::dialog::Stamp;
use crate::endpoint::{Endpoint, Reply};
use crate::event::{Event, Summary};
use crate::message::{Known, Message, Method, Name};
use crate::timer::Owner;
use crate::transaction::Tell;

impl Endpoint {
    /// Accepts a subscription: 200, and a NOTIFY with the state. Without a body there is none to tell yet.
    pub fn accept_subscription(
        &mut self,
        now: Instant,
        subscription: SubscriptionId,
        state: Option<Body>,
    ) -> Result<(), NoSubscription> {
        let id = subscription;
        let subscription = self.subscriptions.all.get_mut(&id).ok_or(NoSubscription)?;
        let Stage::Asked { transaction, seconds } = subscription.stage else { return Err(NoSubscription) };
        subscription.ends = now + Duration::from_secs(u64::from(seconds));
        subscription.stage = match seconds {
            0 => Stage::Ending { reason: "timeout", why: Unsubscribed::Asked },
            _ => Stage::Active,
        };
        self.confirm_subscription(now, transaction, id, seconds);
        self.send_notify(now, id, state);
        Ok(())
    }

    /// Refuses a subscription with a final status, 400 to 699: 404 for what does not exist, 403 for what is not
    /// theirs to watch. It is over, and no further event tells so.
    pub fn refuse_subscription(
        &mut self,
        now: Instant,
        subscription: SubscriptionId,
        status: u16,
    ) -> Result<(), NoSubscription> {
        let id = subscription;
        let subscription = self.subscriptions.all.get(&id).ok_or(NoSubscription)?;
        let Stage::Asked { transaction, .. } = subscription.stage else { return Err(NoSubscription) };
        let tag = subscription.dialog.local_tag.clone();
        self.respond(now, transaction, &Reply::status(status.clamp(400, 699), &tag));
        self.drop_subscription(id);
        Ok(())
    }

    /// Tells a watcher the state, as `StateWanted` asks or because it changed.
    pub fn notify(
        &mut self,
        now: Instant,
        subscription: SubscriptionId,
        state: Body,
    ) -> Result<(), NoSubscription> {
        let watch = self.subscriptions.all.get(&subscription).ok_or(NoSubscription)?;
        if matches!(watch.stage, Stage::Asked { .. }) {
            return Err(NoSubscription);
        }
        self.send_notify(now, subscription, Some(state));
        Ok(())
    }

    /// Ends a subscription: a last NOTIFY says why. `Unsubscribed` follows.
    pub fn end_subscription(
        &mut self,
        now: Instant,
        subscription: SubscriptionId,
        why: Termination,
        state: Option<Body>,
    ) -> Result<(), NoSubscription> {
        let watch = self.subscriptions.all.get_mut(&subscription).ok_or(NoSubscription)?;
        if matches!(watch.stage, Stage::Asked { .. }) {
            return self.refuse_subscription(now, subscription, 403);
        }
        watch.stage = Stage::Ending { reason: why.name(), why: Unsubscribed::Ended };
        self.send_notify(now, subscription, state);
        Ok(())
    }

    /// Sends a NOTIFY, or lets it wait for the one under way; the last one waits for nothing and ends it all.
    fn send_notify(&mut self, now: Instant, id: SubscriptionId, state: Option<Body>) {
        let branch = self.random.branch();
        let Some(subscription) = self.subscriptions.all.get_mut(&id) else { return };
        let standing = match subscription.stage {
            Stage::Ending { reason, .. } => format!("terminated;reason={reason}"),
            _ if subscription.sending.is_some() => {
                subscription.waiting = Some(state);
                return;
            }
            _ => {
                let left = subscription.ends.saturating_duration_since(now).as_secs();
                format!("active;expires={left}")
            }
        };
        let event = match &subscription.event_id {
            Some(event_id) => format!("{};id={event_id}", subscription.package.name()),
            None => subscription.package.name().to_owned(),
        };
        let stamp = Stamp { branch: &branch, user_agent: &self.config.user_agent };
        let (mut writer, flow, cseq) = subscription.dialog.request(Known::Notify, None, stamp);
        writer.header("Contact", subscription.contact());
        writer.header("Event", event);
        writer.header("Subscription-State", standing);
        writer.header("Allow-Events", Package::LIST);
        let summary = Summary {
            method: Method::Known(Known::Notify),
            status: None,
            cseq,
            body: state.is_some(),
            again: false,
            session: None,
        };
        let bytes = writer.finish(state.as_ref());
        let sent = self.send_request(now, Known::Notify, &branch, flow, bytes, summary);
        let Some(subscription) = self.subscriptions.all.get_mut(&id) else { return };
        match (subscription.stage, sent) {
            (Stage::Ending { why, .. }, _) => self.end_watch(id, why),
            (_, Some(transaction)) => {
                subscription.sending = Some(transaction);
                self.subscriptions.by_transaction.insert(transaction, id);
                self.reschedule_subscription(id);
            }
            // It cannot even be written.
            (_, None) => self.end_watch(id, Unsubscribed::Failed { status: 400 }),
        }
    }

    /// A response to a NOTIFY of ours: what it refuses, it ends (RFC 6665 §4.2.2, RFC 5057 §5).
    pub(crate) fn on_notify_response(
        &mut self,
        now: Instant,
        id: SubscriptionId,
        response: &Message,
        status: u16,
    ) {
        if status < 200 {
            return;
        }
        let again = response.line(Name::RetryAfter).is_some() && matches!(status, 500 | 503);
        if status >= 300 && !again {
            return self.end_watch(id, Unsubscribed::Failed { status });
        }
        let Some(subscription) = self.subscriptions.all.get_mut(&id) else { return };
        let transaction = subscription.sending.take();
        let waiting = subscription.waiting.take();
        if let Some(transaction) = transaction {
            self.subscriptions.by_transaction.remove(&transaction);
        }
        if let Some(state) = waiting {
            self.send_notify(now, id, state);
        }
    }

    /// A NOTIFY of ours was not answered, or could not be sent.
    pub(crate) fn on_notify_failed(&mut self, id: SubscriptionId, tell: Tell) {
        let why = match tell {
            Tell::Broken => Unsubscribed::Lost,
            _ => Unsubscribed::Failed { status: 408 },
        };
        self.end_watch(id, why);
    }

    /// Its time is over: the last NOTIFY says so.
    pub(crate) fn on_subscription_timer(&mut self, now: Instant, id: SubscriptionId) {
        let Some(subscription) = self.subscriptions.all.get_mut(&id) else { return };
        if subscription.stage == Stage::Active {
            subscription.stage = Stage::Ending { reason: "timeout", why: Unsubscribed::Expired };
        }
        self.send_notify(now, id, None);
    }

    /// The stream to a watcher is gone.
    pub(crate) fn on_subscription_lost(&mut self, id: SubscriptionId) {
        self.end_watch(id, Unsubscribed::Lost);
    }

    fn end_watch(&mut self, id: SubscriptionId, why: Unsubscribed) {
        if self.drop_subscription(id) {
            self.event(Event::Unsubscribed { subscription: id, why });
        }
    }

    /// Forgets a subscription; whether there was one.
    fn drop_subscription(&mut self, id: SubscriptionId) -> bool {
        let Some(mut gone) = self.subscriptions.remove(id) else { return false };
        self.schedule.shift(Owner::Subscription(id.0), &mut gone.due, None);
        true
    }

    pub(super) fn reschedule_subscription(&mut self, id: SubscriptionId) {
        if let Some(subscription) = self.subscriptions.all.get_mut(&id) {
            let next = (!matches!(subscription.stage, Stage::Asked { .. })).then_some(subscription.ends);
            self.schedule.shift(Owner::Subscription(id.0), &mut subscription.due, next);
        }
    }
}
