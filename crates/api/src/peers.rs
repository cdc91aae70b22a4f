//! Who is at the other ends: registered phones, and trunks.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use switch::{Registration, TrunkView};

use crate::Api;

/// The answer of `GET /registrations`.
#[derive(Serialize)]
pub(crate) struct Registrations {
    registrations: Vec<Phone>,
}

#[derive(Serialize)]
struct Phone {
    user: String,
    contact: String,
    from: String,
    transport: &'static str,
    expires_s: u64,
}

/// The answer of `GET /trunks`.
#[derive(Serialize)]
pub(crate) struct Trunks {
    trunks: Vec<Trunk>,
}

#[derive(Serialize)]
struct Trunk {
    name: String,
    servers: Vec<String>,
    health: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    down_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    registration: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    calls: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
}

/// Every registered contact.
pub(crate) async fn registrations(State(api): State<Api>) -> Json<Registrations> {
    let phone = |registration: Registration| Phone {
        user: registration.user,
        contact: registration.contact,
        from: registration.from.to_string(),
        transport: registration.transport,
        expires_s: registration.expires_s,
    };
    Json(Registrations { registrations: api.switch.registrations().await.into_iter().map(phone).collect() })
}

/// Every trunk and how it fares.
pub(crate) async fn trunks(State(api): State<Api>) -> Json<Trunks> {
    let trunk = |view: TrunkView| {
        let (since, why) = view.down.unzip();
        Trunk {
            name: view.name,
            servers: view.servers,
            health: view.health,
            down_since: since.map(|since| since.to_string()),
            why,
            registration: view.registration,
            refused: view.refused,
            calls: view.calls,
            limit: view.limit,
        }
    };
    Json(Trunks { trunks: api.switch.trunks().into_iter().map(trunk).collect() })
}
