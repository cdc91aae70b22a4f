//! `application/dialog-info+xml`: a user's calls, RFC 4235 §4. The lamps of desk phones read it.

use super::xml::Xml;
use crate::body::Body;
use crate::subscription::Package;

/// The calls of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialogInfo {
    /// The URI of the user.
    pub entity: String,
    /// Counts up from 0 with each document of a subscription.
    pub version: u32,
    /// Whether `dialogs` is all there is, or what changed.
    pub extent: Extent,
    /// The calls.
    pub dialogs: Vec<Dialog>,
}

/// How much a document tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Everything: what is not in it is not there.
    Full,
    /// What changed since the version before.
    Partial,
}

/// One call of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialog {
    /// Names it among the user's calls, and stays the same.
    pub id: String,
    /// Its Call-ID and tags (local, remote), for those that would pick it up (RFC 4235 §4.1.1).
    pub ids: Option<(String, String, String)>,
    /// Whether the user calls, or is called.
    pub direction: Direction,
    /// Where it stands.
    pub state: State,
    /// The user's side.
    pub local: Side,
    /// The other side.
    pub remote: Side,
}

/// Whether the user calls, or is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The user calls.
    Initiator,
    /// The user is called.
    Recipient,
}

/// Where a call stands (RFC 4235 §3.7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It was sent, and nothing came back.
    Trying,
    /// It rings.
    Early,
    /// It was answered.
    Confirmed,
    /// It is over.
    Terminated,
}

/// One side of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// The display name.
    pub display: Option<String>,
    /// The URI; empty leaves the side out.
    pub uri: String,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Trying => "trying",
            State::Early => "early",
            State::Confirmed => "confirmed",
            State::Terminated => "terminated",
        }
    }
}

impl DialogInfo {
    /// The document.
    pub fn body(&self) -> Body {
        let version = self.version.to_string();
        let extent = match self.extent {
            Extent::Full => "full",
            Extent::Partial => "partial",
        };
        let mut xml = Xml::new();
        xml.open(
            "dialog-info",
            &[
                ("xmlns", "urn:ietf:params:xml:ns:dialog-info"),
                ("version", &version),
                ("state", extent),
                ("entity", &self.entity),
            ],
        );
        for dialog in &self.dialogs {
            dialog.write(&mut xml);
        }
        xml.close("dialog-info");
        Body { content_type: Package::Dialog.media_type().to_owned(), bytes: xml.finish().into() }
    }
}

impl Dialog {
    fn write(&self, xml: &mut Xml) {
        let direction = match self.direction {
            Direction::Initiator => "initiator",
            Direction::Recipient => "recipient",
        };
        let mut attributes = vec![("id", self.id.as_str())];
        if let Some((call_id, local_tag, remote_tag)) = &self.ids {
            attributes.extend([("call-id", call_id.as_str()), ("local-tag", local_tag.as_str())]);
            if !remote_tag.is_empty() {
                attributes.push(("remote-tag", remote_tag));
            }
        }
        attributes.push(("direction", direction));
        xml.open("dialog", &attributes);
        xml.text("state", &[], self.state.name());
        for (name, side) in [("local", &self.local), ("remote", &self.remote)] {
            if !side.uri.is_empty() {
                xml.open(name, &[]);
                match &side.display {
                    Some(display) => xml.text("identity", &[("display", display)], &side.uri),
                    None => xml.text("identity", &[], &side.uri),
                }
                xml.empty("target", &[("uri", &side.uri)]);
                xml.close(name);
            }
        }
        xml.close("dialog");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_written_in_full_and_in_part() {
        let mut info = DialogInfo {
            entity: "sip:alice@example.com".into(),
            version: 0,
            extent: Extent::Full,
            dialogs: vec![],
        };
        let text = |info: &DialogInfo| String::from_utf8(info.body().bytes.to_vec()).unwrap();
        assert_eq!(
            text(&info),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"0\" state=\"full\" entity=\"sip:alice@example.com\"></dialog-info>\n"
        );
        info.version = 7;
        info.extent = Extent::Partial;
        info.dialogs.push(Dialog {
            id: "c1".into(),
            ids: Some(("1@h".into(), "lt".into(), String::new())),
            direction: Direction::Recipient,
            state: State::Early,
            local: Side { display: None, uri: "sip:alice@example.com".into() },
            remote: Side { display: Some("Bob & \"B\"".into()), uri: "sip:bob@h;x=<y>".into() },
        });
        info.dialogs.push(Dialog {
            id: "c2".into(),
            ids: None,
            direction: Direction::Initiator,
            state: State::Terminated,
            local: Side::default(),
            remote: Side::default(),
        });
        let written = text(&info);
        assert!(written.contains("version=\"7\" state=\"partial\""), "{written}");
        assert!(written.contains(
            "<dialog id=\"c1\" call-id=\"1@h\" local-tag=\"lt\" direction=\"recipient\"><state>early</state><local><identity>sip:alice@example.com</identity><target uri=\"sip:alice@example.com\"/></local><remote><identity display=\"Bob &amp; &quot;B&quot;\">sip:bob@h;x=&lt;y&gt;</identity><target uri=\"sip:bob@h;x=&lt;y&gt;\"/></remote></dialog>"
        ), "{written}");
        assert!(
            written.contains("<dialog id=\"c2\" direction=\"initiator\"><state>terminated</state></dialog>")
        );
        assert!(info.body().is("application/dialog-info+xml"));
    }
}
