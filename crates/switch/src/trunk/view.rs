//! A trunk as others may look at it: no password, no internals.

use jiff::Timestamp;

use super::state::{Health, Standing, TrunkState};

/// How a trunk fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkView {
    /// Its name in `trunks.toml`.
    pub name: String,
    /// Its servers.
    pub servers: Vec<String>,
    /// `up`, `down` or `unknown`.
    pub health: &'static str,
    /// Since when it has been down, and why.
    pub down: Option<(Timestamp, String)>,
    /// `registered`, `trying`, `failed`, or `none` where it does not want it.
    pub registration: &'static str,
    /// Why registering failed.
    pub refused: Option<String>,
    /// Calls it carries now.
    pub calls: u32,
    /// Calls it may carry at a time.
    pub limit: Option<u32>,
}

impl TrunkView {
    pub(crate) fn of(state: &TrunkState) -> TrunkView {
        let (health, down) = match state.health() {
            Health::Unknown => ("unknown", None),
            Health::Up => ("up", None),
            Health::Down { since, why } => ("down", Some((since, why))),
        };
        let (registration, refused) = match state.standing() {
            Standing::NotAsked => ("none", None),
            Standing::Trying => ("trying", None),
            Standing::Registered { .. } => ("registered", None),
            Standing::Failed { status, why } => ("failed", Some(format!("{status}: {why}"))),
        };
        TrunkView {
            name: state.trunk.name.clone(),
            servers: state.trunk.servers.clone(),
            health,
            down,
            registration,
            refused,
            calls: state.gate.calls(),
            limit: state.trunk.calls,
        }
    }
}
