//! Keeps a trunk's registration: hands it to the SIP core, and notes what comes of it.

use std::sync::Arc;

use sip::{RegistrationState, Trouble};
use tokio::sync::mpsc;

use super::board;
use super::state::{Standing, TrunkState};
use crate::sip_io::ShardHandle;

/// Registers for as long as the task lives; then the registration is taken back.
pub(super) async fn keep(state: Arc<TrunkState>, shard: ShardHandle) {
    let Some(registration) = registration(&state) else { return };
    let (states, mut told) = mpsc::unbounded_channel();
    // Dropped with this task, it ends the registration.
    let _kept = shard.register(registration, states);
    while let Some(now) = told.recv().await {
        note(&state, now);
    }
}

fn registration(state: &TrunkState) -> Option<sip::Registration> {
    let trunk = &state.trunk;
    let (account, expires) = (trunk.account.as_ref()?, trunk.register?);
    let server = trunk.servers.first()?;
    Some(sip::Registration {
        registrar: format!("sip:{}", trunk.domain),
        // Never by what registering brought (RFC 3608 §6.1), but by the proxy.
        next: sip::Next::Uri(trunk.proxy.clone().unwrap_or_else(|| server.clone())),
        aor: sip::Party::sip(&account.username, &trunk.domain).uri,
        user: account.username.clone(),
        credentials: Some(board::credentials(account)),
        expires,
        instance: None,
        headers: Vec::new(),
    })
}

fn note(state: &TrunkState, now: RegistrationState) {
    let name = &state.trunk.name;
    let standing = match now {
        RegistrationState::Registered { flow, service_route, .. } => {
            Standing::Registered { routes: service_route, peer: flow.remote.ip() }
        }
        RegistrationState::Retrying { status, why, .. } => {
            let why = match why {
                Trouble::Silence => "nobody answers",
                Trouble::Unreachable => "there is no way to the registrar",
                Trouble::Credentials => "it does not accept username and password",
                Trouble::Unknown => "it does not know the username",
                _ => "it refuses",
            };
            Standing::Failed { status, why: why.to_owned() }
        }
        RegistrationState::Unregistered => Standing::Trying,
    };
    let registered = matches!(standing, Standing::Registered { .. });
    metrics::gauge!("offhook_trunk_registered", "trunk" => name.clone()).set(if registered {
        1.0
    } else {
        0.0
    });
    let failed = match &standing {
        Standing::Failed { status, why } => Some((*status, why.clone())),
        _ => None,
    };
    // Refreshes are not news.
    if state.set_standing(standing) {
        match failed {
            Some((status, why)) => {
                tracing::warn!(trunk = name, status, why, "not registered; it is tried again")
            }
            None if registered => tracing::info!(trunk = name, "registered"),
            None => tracing::info!(trunk = name, "not registered"),
        }
    }
}
