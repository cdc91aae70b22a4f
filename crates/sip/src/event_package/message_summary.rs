//! `application/simple-message-summary`: whether messages wait, RFC 3842 §5.2. The lamp of a mailbox reads it.

use std::fmt::Write as _;

use crate::body::Body;
use crate::message::write::clean;
use crate::subscription::Package;

/// What waits in a mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageSummary {
    /// The URI that reaches the mailbox.
    pub account: Option<String>,
    /// Voice messages.
    pub voice: Waiting,
}

/// How many messages there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Not heard yet.
    pub new: u32,
    /// Heard.
    pub old: u32,
    /// Of the new ones, those that are urgent.
    pub urgent_new: u32,
    /// Of the old ones, those that are urgent.
    pub urgent_old: u32,
}

impl MessageSummary {
    /// The document.
    pub fn body(&self) -> Body {
        let Waiting { new, old, urgent_new, urgent_old } = self.voice;
        let waiting = if new > 0 { "yes" } else { "no" };
        let mut text = format!("Messages-Waiting: {waiting}\r\n");
        // Writing to a String cannot fail.
        if let Some(account) = &self.account {
            let _ = write!(text, "Message-Account: {}\r\n", clean(account));
        }
        let _ = write!(text, "Voice-Message: {new}/{old} ({urgent_new}/{urgent_old})\r\n");
        Body { content_type: Package::MessageSummary.media_type().to_owned(), bytes: text.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_says_what_waits() {
        let check = |summary: MessageSummary, expected: &str| {
            assert_eq!(String::from_utf8(summary.body().bytes.to_vec()).unwrap(), expected);
        };
        check(MessageSummary::default(), "Messages-Waiting: no\r\nVoice-Message: 0/0 (0/0)\r\n");
        check(
            MessageSummary {
                account: Some("sip:alice@h\r\nX: y".into()),
                voice: Waiting { new: 2, old: 8, urgent_new: 0, urgent_old: 2 },
            },
            "Messages-Waiting: yes\r\nMessage-Account: sip:alice@h  X: y\r\nVoice-Message: 2/8 (0/2)\r\n",
        );
    }
}
