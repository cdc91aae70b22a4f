//! What the engine is told of a call when it starts.

/// What is known of a call from its signalling and its route; what is unknown is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The call's id, `call-7f3a…`.
    pub call_id: String,
    /// The SIP Call-ID of the leg.
    pub sip_call_id: String,
    /// `inbound` or `outbound`.
    pub direction: String,
    /// The user part of From or of the asserted identity; empty when withheld.
    pub caller_number: String,
    /// The caller's display name.
    pub caller_name: String,
    /// The host of the caller's address.
    pub caller_domain: String,
    /// The number that was dialled.
    pub called_number: String,
    /// The display name of To.
    pub called_name: String,
    /// The host of the dialled address.
    pub called_domain: String,
    /// The registered user who calls; `None` for an anonymous caller.
    pub user: Option<String>,
    /// The caller's network address, without port.
    pub caller_address: String,
    /// The account that the flow belongs to.
    pub account_id: String,
    /// The flow document's id, its name in the store.
    pub flow_id: String,
    /// The prompts' language, `en-US`; empty for the configuration's.
    pub language: String,
    /// What the pattern that chose the flow captured of the dialled number (Kazoo).
    pub capture_group: Option<String>,
    /// What the named groups of that pattern captured.
    pub capture_groups: Vec<(String, String)>,
    /// What set the flow off: `call`, `message`, `api`, …; empty for a call (VoIPBIN's reference type).
    pub reference_type: String,
    /// The id of what set the flow off; empty for the call's.
    pub reference_id: String,
    /// The call that began this one; empty for none.
    pub master_call_id: String,
    /// The document that runs before the flow and comes back to it (Kazoo's `preflow.always`).
    pub preflow: Option<String>,
}
