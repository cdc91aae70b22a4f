//! What a dialling wants of a trunk: flags, whose it is, what it carries, and whether barred numbers go out by it.

use flow::ir::Carriage;
use store::Trunk;

/// The account of a trunk that is everybody's.
const EVERYBODY: &str = "*";

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    /// Words that the trunk must have, all of them.
    flags: Vec<String>,
    /// The kind of call that it must carry.
    kind: Option<String>,
    /// Whose trunks are wanted.
    account: String,
    /// A trunk that is everybody's is not wanted.
    own: bool,
    /// Barred numbers go out, too.
    unrestricted: bool,
}

impl Wish {
    /// What a dialling asks for; `account` is that of the switch, whose trunks are wanted if it names no other.
    pub(crate) fn new(flags: &[String], carriage: &Carriage<String>, account: &str) -> Wish {
        let named = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Wish {
            flags: flags.iter().filter(|flag| !flag.is_empty()).cloned().collect(),
            kind: named(&carriage.kind),
            account: named(&carriage.account).unwrap_or_else(|| account.to_owned()),
            own: carriage.own,
            unrestricted: carriage.unrestricted,
        }
    }

    /// What anybody who dials a number gets who asks for nothing.
    pub(crate) fn of(account: &str) -> Wish {
        Wish { account: account.to_owned(), ..Wish::default() }
    }

    /// Whether the trunk is such; `account` is that of the switch, whose the trunks are that name nobody.
    pub(crate) fn suits(&self, trunk: &Trunk, number: &str, account: &str) -> bool {
        let whose = trunk.account_id.as_deref().unwrap_or(account);
        (whose == self.account || whose == EVERYBODY && !self.own)
            && self.flags.iter().all(|flag| trunk.flags.contains(flag))
            && self.kind.as_ref().is_none_or(|kind| trunk.kinds.contains(kind))
            && (self.unrestricted || !trunk.bars(number))
    }

    /// What is asked for, in words for who looks for a trunk in vain; empty for nothing.
    pub(crate) fn words(&self) -> String {
        let flags = (!self.flags.is_empty()).then(|| format!(" with {}", self.flags.join(", ")));
        let kind = self.kind.as_ref().map(|kind| format!(" for {kind}"));
        let own = self.own.then(|| " of its own".to_owned());
        [own, flags, kind].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trunk::testing::trunk;

    fn suits(settings: &str, flags: &[&str], carriage: Carriage<String>) -> bool {
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let trunk = trunk(&format!("server = \"x\"\n{settings}\n"));
        Wish::new(&flags, &carriage, "ours").suits(&trunk, "+1900555", "ours")
    }

    fn carriage() -> Carriage<String> {
        Carriage::default()
    }

    #[test]
    fn a_trunk_has_all_flags_that_are_asked_for_and_may_have_more() {
        let settings = "flags = [\"fax\", \"cheap\"]";
        for (flags, expected) in
            [(&[][..], true), (&["fax"], true), (&["cheap", "fax", ""], true), (&["fax", "fast"], false)]
        {
            assert_eq!(suits(settings, flags, carriage()), expected, "{flags:?}");
        }
        assert!(!suits("", &["fax"], carriage()));
    }

    #[test]
    fn trunks_without_an_account_are_ours_and_those_of_everybody_are_not_our_own() {
        let own = || Carriage { own: true, ..carriage() };
        let of = |account: &str| Carriage { account: Some(account.to_owned()), ..carriage() };
        for (settings, plain, ours, theirs) in [
            ("", true, true, false),
            ("account = \"ours\"", true, true, false),
            ("account = \"theirs\"", false, false, true),
            ("account = \"*\"", true, false, true),
        ] {
            assert_eq!(suits(settings, &[], carriage()), plain, "{settings}");
            assert_eq!(suits(settings, &[], own()), ours, "{settings}");
            assert_eq!(suits(settings, &[], of("theirs")), theirs, "{settings}");
        }
    }

    #[test]
    fn a_trunk_carries_audio_unless_it_says_what() {
        let kind = |kind: &str| Carriage { kind: Some(kind.to_owned()), ..carriage() };
        assert!(suits("", &[], kind("audio")) && !suits("", &[], kind("video")) && suits("", &[], kind("")));
        assert!(suits("kinds = [\"video\"]", &[], kind("video")));
    }

    #[test]
    fn a_barred_number_goes_out_for_whom_no_restriction_holds() {
        let settings = "barred = ['^\\+1900']";
        assert!(!suits(settings, &[], carriage()));
        assert!(suits(settings, &[], Carriage { unrestricted: true, ..carriage() }));
        assert!(suits("barred = ['^\\+1976']", &[], carriage()));
    }
}
