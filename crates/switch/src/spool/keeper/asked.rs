//! What an operator asks of the keeper: what there is, that it is sent again, that it is given up.

use std::cmp::Reverse;
use std::sync::Weak;

use tokio::sync::oneshot;

use super::{Keeper, Order, Sending};
use crate::events::{Happening, wall_clock};
use crate::shared::Shared;
use crate::spool::operator::{NotDone, SpoolList, SpoolView};
use crate::spool::order::Parcel;

/// Of those that failed, so many are listed.
const LISTED: usize = 1_000;

/// What is asked, and where the answer goes.
#[derive(Debug)]
pub(in crate::spool) enum Asked {
    List(oneshot::Sender<SpoolList>),
    Again(String, oneshot::Sender<Result<SpoolView, NotDone>>),
    Drop(String, oneshot::Sender<Result<SpoolView, NotDone>>),
}

impl Keeper {
    pub(super) async fn asked(&mut self, shared: &Weak<Shared>, asked: Asked) {
        // Whoever asked may have gone.
        match asked {
            Asked::List(answer) => drop(answer.send(self.list().await)),
            Asked::Again(id, answer) => drop(answer.send(self.again(shared, &id).await)),
            Asked::Drop(id, answer) => drop(answer.send(self.give_up(shared, &id).await)),
        }
    }

    async fn list(&self) -> SpoolList {
        let shelf = self.shelf.clone();
        let read = tokio::task::spawn_blocking(move || shelf.all_failed(LISTED));
        let (failed, count) = read.await.unwrap_or_default();
        let living = self.orders.values().filter(|order| !order.fleeting);
        // What is on its way from one to the other is in both.
        let failed = failed.iter().filter(|order| !self.orders.contains_key(&order.id));
        let mut entries: Vec<_> = living.chain(failed).map(|order| self.view(order)).collect();
        entries.sort_by(|one, other| other.begun.cmp(&one.begun));
        SpoolList { left_off: count.saturating_sub(LISTED), entries }
    }

    fn view(&self, order: &Order) -> SpoolView {
        SpoolView::of(order, &self.recordings)
    }

    /// The order of this id that is over; one that had failed is read.
    async fn ended(&self, id: &str) -> Result<Order, NotDone> {
        let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if !id.chars().all(named) {
            return Err(NotDone::Unknown);
        }
        let order = match self.orders.get(id) {
            Some(order) => Some(order.clone()),
            None => {
                let (shelf, name) = (self.shelf.clone(), id.to_owned());
                tokio::task::spawn_blocking(move || shelf.failed(&name)).await.ok().flatten()
            }
        };
        let order = order.filter(|order| !order.fleeting).ok_or(NotDone::Unknown)?;
        if order.end.is_none() { Err(NotDone::Running) } else { Ok(order) }
    }

    /// What is as it was decided is written down; what waits is due.
    fn decided(&mut self, shared: &Weak<Shared>, order: Order, happening: Option<Happening>) -> SpoolView {
        self.due.retain(|Reverse((_, of, _))| *of != order.id);
        let id = order.id.clone();
        let view = self.view(&order);
        if let Some(shared) = shared.upgrade() {
            self.tell(&shared, &order, happening);
        }
        self.orders.insert(id.clone(), order);
        self.dirty.insert(id.clone());
        self.schedule(&id);
        view
    }

    /// What failed or waits is tried now, and its time for giving up begins anew.
    async fn again(&mut self, shared: &Weak<Shared>, id: &str) -> Result<SpoolView, NotDone> {
        let mut order = self.ended(id).await?;
        if !self.recordings.join(&order.file).exists() {
            return Err(NotDone::NoFile);
        }
        order.again = Some(wall_clock().to_string());
        let unsent = |parcel: &&mut Parcel| !matches!(parcel.sending, Sending::Sent { .. });
        order.parcels.iter_mut().filter(unsent).for_each(|parcel| parcel.sending = Sending::waiting());
        Ok(self.decided(shared, order, None))
    }

    /// What failed or waits is not tried any more. The recording stays here.
    async fn give_up(&mut self, shared: &Weak<Shared>, id: &str) -> Result<SpoolView, NotDone> {
        let mut order = self.ended(id).await?;
        let at = wall_clock().to_string();
        let mut happening = None;
        for parcel in &mut order.parcels {
            if let Sending::Waiting { why, .. } = &parcel.sending {
                let last = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
                let why = format!("given up by hand{last}");
                parcel.sending = Sending::Failed { why: why.clone(), at: at.clone() };
                happening = Some(Happening::RecordingFailed { id: id.to_owned(), why });
            }
        }
        order.dropped = true;
        Ok(self.decided(shared, order, happening))
    }
}
