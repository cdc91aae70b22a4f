//! `application/pidf+xml`: whether a user can be reached, RFC 3863; with what the user does, RFC 4479 and RFC 4480.

use super::xml::Xml;
use crate::body::Body;
use crate::subscription::Package;

/// The presence of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// The URI of the user: with `sip:`, as phones want it, where RFC 3863 has `pres:`.
    pub entity: String,
    /// Where the user can be reached; a user that has no way is told with one closed tuple.
    pub tuples: Vec<Tuple>,
    /// What the user does.
    pub activity: Option<Activity>,
    /// A line for humans.
    pub note: Option<String>,
}

/// One way to a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tuple {
    /// Names it among the user's tuples: a letter first.
    pub id: String,
    /// Whether it can be used.
    pub basic: Basic,
    /// The address.
    pub contact: Option<String>,
}

/// Whether a way can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basic {
    /// It can.
    Open,
    /// It cannot.
    Closed,
}

/// What a user does (RFC 4480 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activity {
    /// Talking on the phone.
    OnThePhone,
    /// Away.
    Away,
    /// Not to be disturbed.
    Busy,
}

impl Presence {
    /// The document.
    pub fn body(&self) -> Body {
        let mut xml = Xml::new();
        xml.open(
            "presence",
            &[
                ("xmlns", "urn:ietf:params:xml:ns:pidf"),
                ("xmlns:dm", "urn:ietf:params:xml:ns:pidf:data-model"),
                ("xmlns:rpid", "urn:ietf:params:xml:ns:pidf:rpid"),
                ("entity", &self.entity),
            ],
        );
        for tuple in &self.tuples {
            xml.open("tuple", &[("id", &tuple.id)]);
            xml.open("status", &[]);
            let basic = match tuple.basic {
                Basic::Open => "open",
                Basic::Closed => "closed",
            };
            xml.text("basic", &[], basic);
            xml.close("status");
            if let Some(contact) = &tuple.contact {
                xml.text("contact", &[], contact);
            }
            xml.close("tuple");
        }
        if let Some(note) = &self.note {
            xml.text("note", &[], note);
        }
        if let Some(activity) = self.activity {
            xml.open("dm:person", &[("id", "person")]);
            xml.open("rpid:activities", &[]);
            let name = match activity {
                Activity::OnThePhone => "rpid:on-the-phone",
                Activity::Away => "rpid:away",
                Activity::Busy => "rpid:busy",
            };
            xml.empty(name, &[]);
            xml.close("rpid:activities");
            xml.close("dm:person");
        }
        xml.close("presence");
        Body { content_type: Package::Presence.media_type().to_owned(), bytes: xml.finish().into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presence_names_ways_and_activity() {
        let presence = Presence {
            entity: "sip:alice@example.com".into(),
            tuples: vec![
                Tuple { id: "t1".into(), basic: Basic::Open, contact: Some("sip:a@h?x=1&y=2".into()) },
                Tuple { id: "t2".into(), basic: Basic::Closed, contact: None },
            ],
            activity: Some(Activity::OnThePhone),
            note: Some("<in a meeting>".into()),
        };
        let text = String::from_utf8(presence.body().bytes.to_vec()).unwrap();
        for part in [
            "entity=\"sip:alice@example.com\"><tuple id=\"t1\"><status><basic>open</basic></status><contact>sip:a@h?x=1&amp;y=2</contact></tuple>",
            "<tuple id=\"t2\"><status><basic>closed</basic></status></tuple><note>&lt;in a meeting&gt;</note>",
            "<dm:person id=\"person\"><rpid:activities><rpid:on-the-phone/></rpid:activities></dm:person></presence>\n",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(presence.body().is("application/pidf+xml"));
    }
}
