//! What a trunk is shown of the caller: From, the asserted identity, privacy, and whom the call passed on its way.

use sip::{Asserted, Hidden, Party, Privacy, RemoteParty};
use store::{IdentityHeader, Trunk};

/// Who calls, as the switch knows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caller {
    /// The number.
    pub(crate) number: String,
    /// The display name.
    pub(crate) name: Option<String>,
    /// The caller wants not to be shown.
    pub(crate) anonymous: bool,
    /// What the caller's side asserted, if it is believed.
    pub(crate) asserted: Asserted,
}

/// What goes into an INVITE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The From header's value, without a tag.
    pub(crate) from: String,
    /// Identity headers.
    pub(crate) headers: Vec<(String, String)>,
}

/// How one call is to be written, where it is not as the trunk has it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manners<'a> {
    /// The host of From.
    pub(crate) realm: Option<&'a str>,
    /// Whose call it is, to be told.
    pub(crate) account: Option<&'a str>,
}

/// The caller as this trunk is shown him.
pub(crate) fn present(trunk: &Trunk, caller: &Caller, manners: Manners<'_>) -> Shown {
    let party = |number: &str| Party::sip(&trunk.plan.caller(number), &trunk.domain);
    let number = allowed(trunk, &caller.number);
    let mut shown = party(&number);
    if let Some(name) = caller.name.as_deref().filter(|_| !caller.anonymous) {
        shown = shown.named(name);
    }
    let mut asserted = Asserted::default();
    if trunk.trusted {
        for diversion in &caller.asserted.diversions {
            let number = diversion.party.number().unwrap_or_else(|| diversion.party.user.clone());
            asserted.diversions.push(sip::Diversion { party: party(&number), ..diversion.clone() });
        }
        asserted.history = caller.asserted.history.clone();
    }
    match trunk.identity {
        // Who is not trusted with the identities of those who hide is not told them (RFC 3325 §7).
        _ if caller.anonymous && !trunk.trusted => {}
        IdentityHeader::PAsserted => {
            asserted.p_asserted.push(shown.clone());
            asserted.privacy = if caller.anonymous { Privacy::id() } else { caller.asserted.privacy };
        }
        IdentityHeader::RemoteParty => {
            let hidden = if caller.anonymous { Hidden::Full } else { Hidden::Nothing };
            asserted.remote_party.push(RemoteParty::calling(shown.clone(), hidden));
        }
        IdentityHeader::None => {}
    }
    let from = match manners.realm {
        _ if caller.anonymous => Party::anonymous(),
        Some(realm) => Party { display: shown.display, ..Party::sip(&trunk.plan.caller(&number), realm) },
        None => shown,
    };
    let mut headers = asserted.headers();
    // As Kazoo tells its carriers.
    headers.extend(manners.account.map(|account| ("X-Account-ID".to_owned(), account.to_owned())));
    Shown { from: from.to_string(), headers }
}

/// The number that may be shown: the caller's, or the trunk's own.
fn allowed(trunk: &Trunk, number: &str) -> String {
    let canonical = trunk.plan.canonical(number);
    let policy = &trunk.caller_id;
    let is_allowed = match policy.allow.as_slice() {
        // An extension means nothing to the outside world where there is a number that does.
        [] => policy.default.is_none() || canonical.starts_with('+'),
        patterns => patterns.iter().any(|pattern| pattern.matches(&canonical)),
    };
    let own =
        || policy.default.clone().or_else(|| trunk.account.as_ref().map(|account| account.username.clone()));
    match own() {
        Some(own) if !is_allowed => own,
        _ => canonical.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trunk::testing::trunk;

    fn shown(text: &str, number: &str, name: Option<&str>, anonymous: bool) -> Vec<String> {
        let caller =
            Caller { number: number.into(), name: name.map(str::to_owned), anonymous, ..Caller::default() };
        let shown = present(&trunk(text), &caller, Manners::default());
        let headers = shown.headers.into_iter().map(|(name, value)| format!("{name}: {value}"));
        std::iter::once(shown.from).chain(headers).collect()
    }

    #[test]
    fn a_caller_is_shown_in_the_trunks_form_and_asserted() {
        let text = "server = \"carrier.example\"\ncountry = \"49\"\n";
        assert_eq!(
            shown(text, "030 1234567", Some("A \"B\"\r\nX: y"), false),
            [
                "\"A \\\"B\\\"  X: y\" <sip:+49301234567@carrier.example>",
                "P-Asserted-Identity: \"A \\\"B\\\"  X: y\" <sip:+49301234567@carrier.example>"
            ]
        );
        let rpid = format!("{text}identity = \"remote-party\"\ncaller = \"e164\"\n");
        let lines = shown(&rpid, "+49301234567", None, false);
        assert_eq!(lines[0], "<sip:49301234567@carrier.example>");
        assert!(
            lines[1].starts_with("Remote-Party-ID: <sip:49301234567@carrier.example>;party=calling"),
            "{lines:?}"
        );
        assert_eq!(shown(&format!("{text}identity = \"none\"\n"), "1", None, false).len(), 1);
    }

    #[test]
    fn one_who_hides_is_told_to_trusted_carriers_only() {
        let text = "server = \"carrier.example\"\n";
        let lines = shown(text, "+4722334455", Some("Ola"), true);
        assert_eq!(lines[0], "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
        assert_eq!(lines[1..], ["P-Asserted-Identity: <sip:+4722334455@carrier.example>", "Privacy: id"]);
        assert_eq!(shown(&format!("{text}trusted = false\n"), "+4722334455", Some("Ola"), true).len(), 1);
    }

    #[test]
    fn a_number_that_may_not_be_shown_is_replaced_by_the_trunks_own() {
        let text = "server = \"c\"\ncountry = \"47\"\nnational_prefix = \"\"\n\
                    caller_id = { default = \"+4721000000\", allow = ['^\\+472100'] }\n";
        assert_eq!(shown(text, "21001234", None, false)[0], "<sip:+4721001234@c>");
        assert_eq!(shown(text, "22334455", None, false)[0], "<sip:+4721000000@c>");
        assert_eq!(shown(text, "201", None, false)[0], "<sip:+4721000000@c>");
        let account =
            "server = \"c\"\nusername = \"acct\"\npassword = \"p\"\ncaller_id = { allow = ['^\\+1'] }\n";
        assert_eq!(shown(account, "201", None, false)[0], "<sip:acct@c>");
        assert_eq!(shown("server = \"c\"\n", "201", None, false)[0], "<sip:201@c>");
    }

    #[test]
    fn a_call_may_have_a_realm_of_its_own_and_tell_whose_it_is() {
        let trunk = trunk("server = \"carrier.example\"\n");
        let caller = Caller { number: "+4722334455".into(), name: Some("Ola".into()), ..Caller::default() };
        let manners = Manners { realm: Some("ours.example"), account: Some("a1") };
        let shown = present(&trunk, &caller, manners);
        assert_eq!(shown.from, "\"Ola\" <sip:+4722334455@ours.example>");
        assert!(shown.headers.contains(&("X-Account-ID".into(), "a1".into())), "{shown:?}");
        let hidden = present(&trunk, &Caller { anonymous: true, ..caller }, manners);
        assert_eq!(hidden.from, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
    }
}
