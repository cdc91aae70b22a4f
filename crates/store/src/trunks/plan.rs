//! How a carrier writes numbers, and the one way in which the switch compares them: E.164 with a `+`.

use std::borrow::Cow;

/// A number longer than this with no prefix may be E.164 without its `+` (E.164 §6.1 allows 15 digits).
const SHORTEST_INTERNATIONAL: usize = 8;

/// A numbering plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The country's calling code, without `+`; empty leaves national numbers as they are.
    pub country: String,
    /// What stands before a national number; may be empty, as in Norway.
    pub national_prefix: String,
    /// What stands before an international number.
    pub international_prefix: String,
    /// How called numbers are written to the carrier.
    pub called: Form,
    /// How callers' numbers are written to it.
    pub caller: Form,
}

/// A way to write a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// `+4722334455`
    #[default]
    PlusE164,
    /// `4722334455`
    E164,
    /// `004722334455`, with the plan's prefix.
    International,
    /// `22334455` at home, with the plan's prefix; international numbers with theirs.
    National,
    /// As it was dialled.
    AsDialled,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            country: String::new(),
            national_prefix: "0".to_owned(),
            international_prefix: "00".to_owned(),
            called: Form::default(),
            caller: Form::default(),
        }
    }
}

impl Plan {
    /// The number in E.164 with `+` if it is one that the plan can place; otherwise its digits as they are (an
    /// extension, a service number, a name).
    pub fn canonical<'a>(&self, number: &'a str) -> Cow<'a, str> {
        let dialled = strip(number);
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if let Some(rest) = dialled.strip_prefix('+') {
            return if is_number(rest) { dialled } else { Cow::Borrowed(number) };
        }
        if !is_number(&dialled) {
            return Cow::Borrowed(number);
        }
        let prefixed = |prefix: &str| (!prefix.is_empty()).then(|| dialled.strip_prefix(prefix)).flatten();
        if let Some(rest) = prefixed(&self.international_prefix).filter(|rest| rest.len() > 4) {
            return Cow::Owned(format!("+{rest}"));
        }
        if self.country.is_empty() {
            return dialled;
        }
        if let Some(rest) = prefixed(&self.national_prefix).filter(|rest| rest.len() > 4) {
            return Cow::Owned(format!("+{}{rest}", self.country));
        }
        let is_own = dialled
            .strip_prefix(self.country.as_str())
            .is_some_and(|rest| rest.len() >= SHORTEST_INTERNATIONAL);
        if is_own {
            return Cow::Owned(format!("+{dialled}"));
        }
        if self.national_prefix.is_empty() && dialled.len() >= 7 {
            return Cow::Owned(format!("+{}{dialled}", self.country));
        }
        dialled
    }

    /// The spellings under which a number that the carrier calls may be found here, the likeliest first: as it came,
    /// E.164 with and without `+`, and as at home.
    pub fn spellings(&self, number: &str) -> Vec<String> {
        let mut all = vec![number.to_owned(), self.canonical(number).into_owned()];
        all.extend([Form::E164, Form::National].map(|form| self.write(number, form)));
        let mut seen = Vec::with_capacity(all.len());
        for spelling in all {
            if !seen.contains(&spelling) {
                seen.push(spelling);
            }
        }
        seen
    }

    /// A called number as the carrier wants it.
    pub fn called(&self, number: &str) -> String {
        self.write(number, self.called)
    }

    /// A caller's number as the carrier wants it.
    pub fn caller(&self, number: &str) -> String {
        self.write(number, self.caller)
    }

    fn write(&self, number: &str, form: Form) -> String {
        if form == Form::AsDialled {
            return number.to_owned();
        }
        let canonical = self.canonical(number);
        // Extensions and service numbers have no other form.
        let digits = canonical.strip_prefix('+').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        let Some(digits) = digits else { return canonical.into_owned() };
        match form {
            Form::PlusE164 | Form::AsDialled => canonical.into_owned(),
            Form::E164 => digits.to_owned(),
            Form::International => format!("{}{digits}", self.international_prefix),
            Form::National => {
                match digits.strip_prefix(self.country.as_str()).filter(|_| !self.country.is_empty()) {
                    Some(national) => format!("{}{national}", self.national_prefix),
                    None => format!("{}{digits}", self.international_prefix),
                }
            }
        }
    }
}

/// A number without what people write between its digits (RFC 3966 §5.1.1), and without `tel:`.
fn strip(number: &str) -> Cow<'_, str> {
    let number = number.strip_prefix("tel:").unwrap_or(number);
    let number = number.split(';').next().unwrap_or(number);
    let separator = |c: char| matches!(c, '-' | '.' | '(' | ')' | ' ' | '/');
    if number.contains(separator) { Cow::Owned(number.replace(separator, "")) } else { Cow::Borrowed(number) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(country: &str, national: &str, form: Form) -> Plan {
        Plan { country: country.into(), national_prefix: national.into(), called: form, ..Plan::default() }
    }

    #[test]
    fn every_spelling_of_a_number_is_the_same_number() {
        let german = plan("49", "0", Form::PlusE164);
        for spelling in [
            "+49301234567",
            "0049301234567",
            "030 1234567",
            "030-123/4567",
            "tel:+49-30-1234567;ext=5",
            "49301234567",
        ] {
            assert_eq!(german.canonical(spelling), "+49301234567", "{spelling}");
        }
        let norwegian = plan("47", "", Form::PlusE164);
        assert_eq!(norwegian.canonical("22334455"), "+4722334455");
        assert_eq!(norwegian.canonical("004722334455"), "+4722334455");
    }

    #[test]
    fn extensions_services_and_names_stay_as_they_are() {
        let german = plan("49", "0", Form::E164);
        for number in ["110", "201", "*97", "alice", "+49x", "", "0", "00"] {
            assert_eq!(german.canonical(number), number);
            assert_eq!(german.called(number), number);
        }
        let none = Plan::default();
        assert_eq!(none.canonical("030 1234567"), "0301234567");
        assert_eq!(none.canonical("0049301234567"), "+49301234567");
    }

    #[test]
    fn a_called_number_is_looked_for_in_all_its_spellings() {
        let german = plan("49", "0", Form::PlusE164);
        assert_eq!(german.spellings("49301234567"), ["49301234567", "+49301234567", "0301234567"]);
        assert_eq!(german.spellings("+4722334455"), ["+4722334455", "4722334455", "004722334455"]);
        assert_eq!(german.spellings("201"), ["201"]);
    }

    #[test]
    fn a_number_is_written_as_the_carrier_wants_it() {
        let check = |form, number: &str, expected: &str| {
            assert_eq!(plan("49", "0", form).called(number), expected);
        };
        check(Form::PlusE164, "0301234567", "+49301234567");
        check(Form::E164, "0301234567", "49301234567");
        check(Form::International, "0301234567", "0049301234567");
        check(Form::National, "+49301234567", "0301234567");
        check(Form::National, "+4722334455", "004722334455");
        check(Form::AsDialled, "030 12", "030 12");
    }
}
