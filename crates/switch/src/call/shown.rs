//! Who those who are called see: the caller as a flow shows him, by classes of caller ids.
//!
//! A user is shown to phones here by its internal caller id, to numbers outside by its external one, to emergency
//! services by the one that says where it is. What a user has not is taken from the next: emergency from external,
//! external from internal, internal from what its phone says. Who is no user is shown as he came.

use flow::ir::{Identity, Shown, Withheld};
use store::{CallerId, User};

use super::caller::Caller;
use super::run::Call;

/// Numbers that reach help, in the countries whose carriers we know of; nobody else has them.
const EMERGENCY: [&str; 9] = ["112", "911", "999", "000", "110", "113", "118", "119", "933"];

/// Whether a number reaches an emergency service.
pub(crate) fn is_emergency(number: &str) -> bool {
    EMERGENCY.contains(&number)
}

impl Call {
    /// The user who calls, if it is one: who proved it, or who says so from this machine, where nobody is asked.
    pub(super) fn calling_user(&self) -> Option<User> {
        let users = self.shared.users.load();
        if let Some(account) = &self.caller.account {
            return self.shared.settings.load().user_at(&users, account).cloned();
        }
        let trusted = self.subject.and_then(|key| self.leg(key)).is_some_and(|leg| leg.is_trusted());
        let number = &self.caller.number;
        let said = || users.get(number).or_else(|| users.by_number(number)).cloned();
        trusted.then(said).flatten()
    }

    /// The caller as those are to see him whom a flow dials so. `class` is how a user is shown to them where the flow
    /// does not say.
    pub(super) fn shown(&self, identity: &Identity<String>, class: &str) -> Caller {
        let user = self.calling_user();
        let shown = |class: &str| self.caller_id(user.as_ref(), class);
        let mut caller = self.caller.clone();
        match &identity.number {
            Shown::Caller => caller.number = shown(class).number.unwrap_or(caller.number),
            Shown::Class(class) => caller.number = shown(class).number.unwrap_or(caller.number),
            Shown::Called => caller.number = self.record.summary().called,
            Shown::Given(number) => caller.number = number.clone(),
        }
        match &identity.name {
            Shown::Caller => caller.name = shown(class).name.or(caller.name),
            Shown::Class(class) => caller.name = shown(class).name.or(caller.name),
            Shown::Called => caller.name = self.called_name(),
            Shown::Given(name) => caller.name = Some(name.clone()).filter(|name| !name.is_empty()),
        }
        if let Some(prefix) = &identity.prefix {
            let name = caller.name.as_deref().unwrap_or(&caller.number);
            caller.name = Some(format!("{prefix} {name}").trim().to_owned());
        }
        match identity.withheld {
            Withheld::Nothing | Withheld::AsCaller => {}
            Withheld::Name => caller.name = None,
            Withheld::Number | Withheld::Both => caller.withheld = true,
        }
        caller
    }

    /// The caller as those outside see him who are called at this place.
    pub(super) fn shown_outside(&self, place: usize, number: &str) -> Caller {
        let Some(dial) = &self.dial else { return self.caller.clone() };
        let asked = dial.order.outside.as_ref().unwrap_or(&dial.order.identity);
        let said = matches!(asked.number, Shown::Given(_) | Shown::Called | Shown::Class("internal"));
        match is_emergency(number) && !said && dial.paths.get(place).is_none_or(|path| path.shown.is_none()) {
            // Whatever class the flow asks for: help is sent to where this number is.
            true => {
                let of_class = |shown: &Shown<String>| match shown {
                    Shown::Class(_) => Shown::Caller,
                    other => other.clone(),
                };
                let (number, name) = (of_class(&asked.number), of_class(&asked.name));
                self.shown(&Identity { number, name, ..asked.clone() }, "emergency")
            }
            false => dial.outside(place).clone(),
        }
    }

    /// How a user is shown by a class, its phone's own caller id first.
    fn caller_id(&self, user: Option<&User>, class: &str) -> CallerId {
        let Some(user) = user else { return CallerId::default() };
        let users = self.shared.users.load();
        let device = self.caller.account.as_deref().and_then(|account| users.device(account));
        let device = device.filter(|(of, _)| of.name == user.name).map(|(_, device)| &device.caller_ids);
        let classes: &[&str] = match class {
            "internal" => &["internal"],
            "emergency" => &["emergency", "external", "internal"],
            _ => &["external", "internal"],
        };
        let ids = classes.iter().flat_map(|class| {
            device.map(|ids| ids.of(class)).into_iter().chain(std::iter::once(user.caller_ids.of(class)))
        });
        let mut shown = CallerId::default();
        for id in ids {
            shown.number = shown.number.or_else(|| id.number.clone());
            shown.name = shown.name.or_else(|| id.name.clone());
        }
        shown.name = shown.name.or_else(|| user.display_name.clone());
        shown
    }

    /// The name of the number that was called.
    fn called_name(&self) -> Option<String> {
        let called = self.record.summary().called;
        let users = self.shared.users.load();
        let user = users.by_number(&called).or_else(|| users.get(&called));
        if let Some(user) = user {
            return Some(user.display_name.clone().unwrap_or_else(|| user.name.clone()));
        }
        users.group_by_number(&called).map(|group| group.name.clone())
    }
}
