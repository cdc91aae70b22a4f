//! How a user is shown to those it calls: a number and a name, of three classes.

/// A number and a name; what is `None` is taken from elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallerId {
    /// The number.
    pub number: Option<String>,
    /// The name.
    pub name: Option<String>,
}

/// Caller ids by class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallerIds {
    /// To users and flows here; `None` for the user's number and name.
    pub internal: CallerId,
    /// To those outside.
    pub external: CallerId,
    /// To emergency services, who send help to where this number is; `None` for the external one.
    pub emergency: CallerId,
}

impl CallerIds {
    /// The caller id of this class by its name in flows: `internal`, `external`, `emergency`; others are shown as
    /// `external`.
    pub fn of(&self, class: &str) -> &CallerId {
        match class {
            "internal" => &self.internal,
            "emergency" => &self.emergency,
            _ => &self.external,
        }
    }
}
