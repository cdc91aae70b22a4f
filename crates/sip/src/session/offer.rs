//! Who owes whom an answer: the offer/answer rules of RFC 3264 §4 and RFC 6337, without any SDP.
//!
//! ```text
//!                offer in                    offer out
//!     WeOwe ◀─────────────────  Settled  ─────────────────▶ TheyOwe
//!       │       answer out       ▲   ▲       answer in         │
//!       └────────────────────────┘   └─────────────────────────┘
//! ```

/// The debt of one session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Debt {
    /// Nobody owes.
    #[default]
    Settled,
    /// The peer offered; we owe the answer.
    WeOwe,
    /// We offered; the peer owes the answer.
    TheyOwe,
}

/// What a description is, in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Offer,
    Answer,
}

/// A description that cannot stand where it came: an offer while another is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Glare;

impl Debt {
    /// A description came.
    pub(crate) fn receive(&mut self) -> Result<Kind, Glare> {
        match self {
            Debt::Settled => {
                *self = Debt::WeOwe;
                Ok(Kind::Offer)
            }
            Debt::TheyOwe => {
                *self = Debt::Settled;
                Ok(Kind::Answer)
            }
            Debt::WeOwe => Err(Glare),
        }
    }

    /// We sent a description in a message that arrives for certain.
    pub(crate) fn send(&mut self) -> Result<Kind, Glare> {
        match self {
            Debt::Settled => {
                *self = Debt::TheyOwe;
                Ok(Kind::Offer)
            }
            Debt::WeOwe => {
                *self = Debt::Settled;
                Ok(Kind::Answer)
            }
            Debt::TheyOwe => Err(Glare),
        }
    }

    /// The last message that could bring the peer's answer has come.
    pub(crate) fn paid(&mut self) {
        if *self == Debt::TheyOwe {
            *self = Debt::Settled;
        }
    }

    /// The exchange was refused or given up: what held before holds on (RFC 6337 §3.4).
    pub(crate) fn roll_back(&mut self) {
        *self = Debt::Settled;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offer_is_answered_once_and_no_offer_crosses_another() {
        let mut debt = Debt::default();
        assert_eq!(debt.receive(), Ok(Kind::Offer));
        assert_eq!(debt.receive(), Err(Glare));
        assert_eq!(debt.send(), Ok(Kind::Answer));
        assert_eq!(debt.send(), Ok(Kind::Offer));
        assert_eq!(debt.send(), Err(Glare));
        assert_eq!(debt.receive(), Ok(Kind::Answer));
        assert_eq!(debt, Debt::Settled);
        debt.receive().unwrap();
        debt.roll_back();
        assert_eq!(debt.send(), Ok(Kind::Offer));
    }
}
