//! Keeps the trunks: asks each now and then whether it is there (OPTIONS, RFC 3261 §11), and keeps its registration.
//!
//! Tasks for each trunk; a reload leaves those of trunks that stay as they are.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::board::Board;
use super::registration;
use super::state::{Health, TrunkState};
use crate::call::run::pause;
use crate::events::wall_clock;
use crate::sip_io::ShardHandle;

/// A trunk that does not answer is asked again sooner, so that it is not missed for long when it is back.
const DOWN_PING: Duration = Duration::from_secs(10);

/// The tasks of all trunks; they end with the value.
#[derive(Debug, Default)]
pub(crate) struct Keepers(Vec<(Arc<TrunkState>, JoinSet<()>)>);

impl Keepers {
    /// Starts the tasks of trunks that are new or other than before, and ends those of trunks that are gone.
    pub(crate) fn follow(&mut self, board: &Board, shard: &ShardHandle) {
        let all = board.all();
        self.0.retain(|(kept, _)| all.iter().any(|trunk| Arc::ptr_eq(trunk, kept)));
        for trunk in all.iter() {
            if self.0.iter().any(|(kept, _)| Arc::ptr_eq(trunk, kept)) {
                continue;
            }
            let mut tasks = JoinSet::new();
            if let Some(every) = trunk.trunk.ping {
                tasks.spawn(ping(trunk.clone(), shard.clone(), every));
            }
            if trunk.trunk.register.is_some() {
                tasks.spawn(registration::keep(trunk.clone(), shard.clone()));
            }
            self.0.push((trunk.clone(), tasks));
        }
    }

    /// Ends them all.
    pub(crate) fn stop(&mut self) {
        self.0.clear();
    }
}

async fn ping(state: Arc<TrunkState>, shard: ShardHandle, every: Duration) {
    while let Some(response) = shard.ask(question(&state)).await {
        let health = judge(&response);
        let is_up = health == Health::Up;
        note(&state, health);
        pause(if is_up { every } else { every.min(DOWN_PING) }).await;
    }
}

fn question(state: &Arc<TrunkState>) -> sip::Request {
    let trunk = &state.trunk;
    let server = trunk.servers.first().cloned().unwrap_or_default();
    let user = trunk.account.as_ref().map_or("offhook", |account| account.username.as_str());
    let (next, headers) = super::board::way(state, &server);
    sip::Request {
        method: sip::Known::Options,
        next,
        from: sip::Party::sip(user, &trunk.domain).to_string(),
        to: format!("<{server}>"),
        target: server,
        user: Some(user.to_owned()),
        headers,
        body: None,
        credentials: trunk.account.as_ref().map(super::board::credentials),
    }
}

/// Any answer shows that somebody is there, save the one that says not to come (RFC 3261 §21.5.4).
fn judge(response: &sip::Response) -> Health {
    let down = |why: String| Health::Down { since: wall_clock(), why };
    match (response.flow, response.status) {
        (None, 408) => down("no answer".to_owned()),
        (None, status) => down(format!("cannot be reached ({status})")),
        (Some(_), 503) => down("it answers 503".to_owned()),
        (Some(_), _) => Health::Up,
    }
}

/// Writes a change down.
fn note(state: &TrunkState, health: Health) {
    let name = &state.trunk.name;
    let up = health == Health::Up;
    metrics::gauge!("offhook_trunk_up", "trunk" => name.clone()).set(if up { 1.0 } else { 0.0 });
    let words = match &health {
        Health::Down { why, .. } => why.clone(),
        _ => String::new(),
    };
    match state.set_health(health) {
        Some(_) if up => tracing::info!(trunk = name, "the trunk answers"),
        Some(_) => {
            tracing::warn!(trunk = name, why = words, "the trunk does not answer; others are tried first")
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, answered: bool) -> sip::Response {
        let address = std::net::SocketAddr::from(([192, 0, 2, 1], 5060));
        let flow = sip::Flow { transport: sip::Transport::Udp, local: address, remote: address };
        sip::Response { status, flow: answered.then_some(flow), headers: Vec::new(), body: None }
    }

    #[test]
    fn a_server_that_refuses_options_is_there_and_a_silent_one_is_not() {
        for status in [200, 403, 404, 405, 501] {
            assert_eq!(judge(&response(status, true)), Health::Up, "{status}");
        }
        for (status, answered) in [(408, false), (503, false), (503, true)] {
            assert!(matches!(judge(&response(status, answered)), Health::Down { .. }), "{status}");
        }
    }
}
