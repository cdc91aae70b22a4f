//! What a 2xx to REGISTER grants: our Contact among all it lists, and how calls and the flow are to be treated.

use std::time::Duration;

use crate::message::{Address, Uri, lex};
use crate::request::Response;

/// What was granted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Granted {
    pub(super) expires: Duration,
    pub(super) service_route: Vec<String>,
    pub(super) keep_alive: Option<Duration>,
}

impl Granted {
    /// Reads it. `contact` is the URI we gave, `asked` what we asked for.
    pub(super) fn of(response: &Response, contact: &str, instance: Option<&str>, asked: Duration) -> Self {
        let seconds = |text: &str| lex::seconds(text).map(|s| Duration::from_secs(u64::from(s)));
        let usual = response.header("Expires").and_then(seconds).unwrap_or(asked);
        let values: Vec<&str> = values(response, "Contact").collect();
        let contacts: Vec<Address<'_>> =
            values.iter().filter_map(|value| Address::parse(value).ok()).collect();
        let ours = contacts
            .iter()
            .find(|c| is_instance(c, instance))
            .or_else(|| contacts.iter().find(|c| is_uri(c, contact)))
            // A registrar behind something that rewrites addresses lists one that we have never seen.
            .or(contacts.first().filter(|_| contacts.len() == 1));
        let expires = ours.and_then(|c| c.param("expires")).and_then(seconds).unwrap_or(usual);
        let service_route = self::values(response, "Service-Route").map(str::to_owned).collect();
        let keep_alive = response.header("Flow-Timer").and_then(seconds).filter(|time| !time.is_zero());
        Granted { expires, service_route, keep_alive }
    }
}

/// The first SIP URI a redirection names.
pub(super) fn redirected(response: &Response) -> Option<String> {
    values(response, "Contact")
        .filter_map(|value| Address::parse(value).ok())
        .map(|address| address.uri_text.to_owned())
        .find(|uri| crate::locate::leads_somewhere(uri))
}

fn values<'a>(response: &'a Response, name: &'a str) -> impl Iterator<Item = &'a str> {
    let named = response.headers.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name));
    named.flat_map(|(_, value)| lex::list(value))
}

fn is_instance(contact: &Address<'_>, instance: Option<&str>) -> bool {
    let bare = |text: &str| text.trim_start_matches('<').trim_end_matches('>').to_ascii_lowercase();
    let theirs = contact.param("+sip.instance").map(|text| bare(&lex::unquoted(text)));
    let one = contact.param("reg-id").is_none_or(|id| id == "1");
    instance.is_some_and(|ours| theirs == Some(bare(ours))) && one
}

fn is_uri(contact: &Address<'_>, ours: &str) -> bool {
    Uri::parse(ours).is_ok_and(|ours| contact.uri.equivalent(&ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(headers: &[(&str, &str)], instance: Option<&str>) -> u64 {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let response = Response { status: 200, flow: None, headers, body: None };
        Granted::of(&response, "sip:us@192.0.2.1:5060", instance, Duration::from_secs(600)).expires.as_secs()
    }

    #[test]
    fn our_contact_is_found_among_others() {
        let others = "\"A, B\" <sip:us@192.0.2.7>;expires=10, <sip:US@192.0.2.1:5060>;expires=11";
        assert_eq!(
            granted(&[("Contact", others), ("Contact", "<sip:us@192.0.2.1:5060>;expires=300")], None),
            300
        );
        let instance = "<sip:x@y>;+sip.instance=\"<urn:uuid:F00>\";reg-id=1;expires=40, <sip:us@192.0.2.1:5060>;expires=50";
        assert_eq!(granted(&[("Contact", instance)], Some("urn:uuid:f00")), 40);
        assert_eq!(granted(&[("Contact", instance)], None), 50);
    }

    #[test]
    fn without_our_contact_the_header_or_our_own_wish_holds() {
        assert_eq!(granted(&[("Contact", "<sip:nat@203.0.113.1:777>;expires=70")], None), 70);
        assert_eq!(
            granted(&[("Contact", "<sip:a@b>;expires=1, <sip:c@d>;expires=2"), ("Expires", "80")], None),
            80
        );
        assert_eq!(granted(&[("Contact", "<sip:us@192.0.2.1:5060>"), ("Expires", "90")], None), 90);
        assert_eq!(granted(&[], None), 600);
    }
}
