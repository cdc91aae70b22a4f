//! Who is meant by those whom a flow dials: names and ids become users and phones, groups their members.

use flow::ir::{Callee, Dial, Endpoint, Order};
use store::{CallerIds, Group, Settings, User, Users, When};

use super::run::Call;

/// Who there is.
struct People<'a> {
    users: &'a Users,
    settings: &'a Settings,
}

impl Call {
    /// Puts users and phones in the place of names, ids, groups, agents and caller ids, and leaves out the caller himself
    /// where several are called, unless the flow wants his phones to ring too. Whether one user is called by its name.
    pub(super) fn resolve(&self, dial: &mut Dial<String>, caller: Option<&str>) -> bool {
        let (users, settings) = (self.shared.users.load(), self.shared.settings.load());
        let flow = self.record.summary().flow;
        resolve(dial, &People { users: &users, settings: &settings }, caller, flow.as_deref())
    }
}

/// See [`Call::resolve`]; those who do not ring with the flow `flow` any more are left out.
fn resolve(dial: &mut Dial<String>, people: &People<'_>, caller: Option<&str>, flow: Option<&str>) -> bool {
    if let [only] = dial.to.as_slice()
        && let Callee::Group(name) = &only.callee
        && let Some(group) = people.users.group(name)
    {
        // A group that is called alone rings as it has it.
        let own = match group.order {
            store::Order::Together => None,
            store::Order::InTurn => Some(Order::InTurn),
            store::Order::Random => Some(Order::Weighted),
        };
        if let Some(order) = own {
            dial.order = order;
            dial.timeout = group.ring;
        }
    }
    let grouped = dial.to.len() > 1 || dial.to.iter().any(|to| matches!(to.callee, Callee::Group(_)));
    let asked = dial.to.len();
    let meant: Vec<Endpoint<String>> = dial.to.drain(..).flat_map(|to| people.meant(to)).collect();
    dial.to = meant;
    whole(dial);
    let direct = !grouped && dial.to.len() <= asked;
    if !direct {
        let rings = |name: &str| flow.is_none_or(|flow| people.rings_with(flow, name));
        dial.to.retain(|to| people.user_of(to).is_none_or(|user| rings(&user.name)));
        if let Some(caller) = caller.filter(|_| !dial.own_phones) {
            dial.to.retain(|to| people.user_of(to).is_none_or(|user| user.name != caller));
        }
    }
    if direct {
        people.spread(dial);
    }
    for to in &mut dial.to {
        // Who has calls sent on that nobody answers says how long it rings.
        let forwarding = people.user_of(to).map(|user| people.settings.forwarding(user));
        let follows = |of: &store::Forwarding| dial.follow_forward && (direct || !of.direct_only);
        let after = forwarding.filter(|of| of.to(When::NoAnswer).is_some() && follows(of)).map(|of| of.after);
        if let Some(after) = after {
            to.timeout = Some(to.timeout.unwrap_or(dial.timeout).min(after));
        }
    }
    direct
}

/// A user's own phone that is called beside the user is one of those that ring anyway.
fn whole(dial: &mut Dial<String>) {
    let user = |to: &Endpoint<String>| match &to.callee {
        Callee::User(name) => Some(name.clone()),
        _ => None,
    };
    let users: Vec<String> = dial.to.iter().filter_map(user).collect();
    for to in &mut dial.to {
        if let Callee::Device(name) = &to.callee
            && users.contains(name)
        {
            to.callee = Callee::User(name.clone());
        }
    }
}

impl People<'_> {
    /// A user alone whose phones are to ring one after the other stands for them, unless its calls go elsewhere anyway.
    fn spread(&self, dial: &mut Dial<String>) {
        let ([only], true) = (dial.to.as_slice(), dial.order != Order::Together) else { return };
        let Callee::User(name) = &only.callee else { return };
        let Some(user) = self.users.find(name) else { return };
        let always = self.settings.forwarding(user).to(When::Always).is_some() && dial.follow_forward;
        let phones = self.settings.phones(self.users, user);
        if phones.len() > 1 && !always {
            let phone =
                |account: &str| Endpoint { callee: Callee::Device(account.to_owned()), ..only.clone() };
            dial.to = phones.into_iter().map(phone).collect();
        }
    }

    /// The user that a resolved endpoint calls.
    fn user_of(&self, to: &Endpoint<String>) -> Option<&User> {
        match &to.callee {
            Callee::User(name) => self.users.get(name),
            Callee::Device(name) => self.settings.user_at(self.users, name),
            _ => None,
        }
    }

    /// Whether a user rings with a flow's ring groups: the flow is known by its id, which its file's name has.
    fn rings_with(&self, flow: &str, name: &str) -> bool {
        let file = flow.rsplit('/').next().unwrap_or(flow);
        let stem = file.trim_end_matches(".json");
        [flow, stem].iter().all(|id| self.settings.rings_with(id, name))
    }

    /// The users and phones that an endpoint stands for; one that stands for nobody is kept, to be told of.
    fn meant(&self, to: Endpoint<String>) -> Vec<Endpoint<String>> {
        let found = match &to.callee {
            Callee::User(name) | Callee::Agent(name) => self.user(name).or_else(|| self.device(name)),
            Callee::Device(name) => self.one_phone(name).or_else(|| self.user(name)),
            Callee::Extension(number) => {
                if let Some(user) = self.users.by_number(number) {
                    Some(Callee::User(user.name.clone()))
                } else if let Some(group) = self.users.group_by_number(number) {
                    return self.members(&to, group);
                } else {
                    self.user(number).or_else(|| self.device(number))
                }
            }
            Callee::Group(name) => match self.users.group(name) {
                Some(group) => return self.members(&to, group),
                None => None,
            },
            Callee::Shows { number, class, kind } => {
                let all: Vec<_> = self
                    .showing(number, class, kind)
                    .into_iter()
                    .map(|callee| Endpoint { callee, ..to.clone() })
                    .collect();
                return if all.is_empty() { vec![to] } else { all };
            }
            Callee::Trunk { .. } | Callee::Uri(_) => None,
        };
        match found {
            Some(callee) => vec![Endpoint { callee, ..to }],
            None => vec![to],
        }
    }

    fn user(&self, name: &str) -> Option<Callee<String>> {
        self.users.find(name).map(|user| Callee::User(user.name.clone()))
    }

    fn device(&self, name: &str) -> Option<Callee<String>> {
        self.users.device(name).map(|(_, device)| Callee::Device(device.name.clone()))
    }

    /// The phone with this account: a device, or a user's own where the user has devices besides.
    fn one_phone(&self, name: &str) -> Option<Callee<String>> {
        let own = |user: &&User| !user.password.is_empty() && !user.devices.is_empty();
        let own = || self.users.get(name).filter(own).map(|user| Callee::Device(user.name.clone()));
        self.device(name).or_else(own)
    }

    /// A group's members that ring with it.
    fn members(&self, to: &Endpoint<String>, group: &Group) -> Vec<Endpoint<String>> {
        let rings = |name: &&String| {
            self.settings.rings_with(&group.name, name)
                && group.id.as_deref().is_none_or(|id| self.settings.rings_with(id, name))
        };
        let one = |name: &String| {
            let callee = self.user(name).or_else(|| self.device(name));
            Endpoint { callee: callee.unwrap_or_else(|| Callee::User(name.clone())), ..to.clone() }
        };
        group.members.iter().filter(rings).map(one).collect()
    }

    /// Whoever has this number as a caller id; users by their own, phones by theirs.
    fn showing(&self, number: &str, class: &str, kind: &str) -> Vec<Callee<String>> {
        let same = |other: &str| digits(other) == digits(number) && !digits(number).is_empty();
        let shows = |ids: &CallerIds| ids.of(class).number.as_deref().is_some_and(same);
        let mut all = Vec::new();
        for user in self.users.iter() {
            let own = class == "internal" && user.number.as_deref().is_some_and(same);
            if kind != "device" && (own || shows(&user.caller_ids)) {
                all.push(Callee::User(user.name.clone()));
                continue;
            }
            let devices = user.devices.iter().filter(|device| kind != "user" && shows(&device.caller_ids));
            all.extend(devices.map(|device| Callee::Device(device.name.clone())));
        }
        all
    }
}

/// What counts of a number: its digits.
fn digits(number: &str) -> String {
    number.chars().filter(|c| c.is_alphanumeric() || matches!(c, '*' | '#')).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use store::{CallerId, Device, Forwarding, Switching};

    use super::*;

    fn users() -> Users {
        let user = |name: &str| User::new(name, "x");
        let external = CallerId { number: Some("+47 21 00 02 01".into()), name: None };
        let cho = User {
            id: Some("c1".into()),
            devices: vec![Device { id: Some("d1".into()), ..Device::new("cho-mobile", "x") }],
            caller_ids: CallerIds { external, ..CallerIds::default() },
            forward: Forwarding {
                no_answer: Some("ann".into()),
                after: Duration::from_secs(5),
                ..Forwarding::default()
            },
            ..user("cho").numbered("203")
        };
        let mut users: Users = [user("ann"), user("bob"), cho].into_iter().collect();
        let members = ["ann", "bob", "cho"].map(str::to_owned).to_vec();
        let (ring, number) = (Duration::from_secs(7), Some("600".to_owned()));
        let order = store::Order::InTurn;
        users.insert_group(Group { members, order, ring, number, ..Group::new("all") });
        users
    }

    fn dial(to: &[Callee<String>], settings: &Settings, caller: Option<&str>) -> (Dial<String>, bool) {
        let to = to.iter().cloned().map(Endpoint::from).collect();
        let mut dial = Dial::new(to, Duration::from_secs(20));
        let users = users();
        let people = People { users: &users, settings };
        let direct = resolve(&mut dial, &people, caller, Some("kazoo/ring.json"));
        (dial, direct)
    }

    fn names(dial: &Dial<String>) -> Vec<String> {
        dial.to.iter().map(|to| to.callee.to_string()).collect()
    }

    fn resolved(to: Callee<String>) -> Vec<String> {
        names(&dial(&[to], &Settings::default(), None).0)
    }

    #[test]
    fn a_group_is_its_members_in_its_own_order_without_the_caller() {
        let all = Callee::Group("all".to_owned());
        let (one, direct) = dial(std::slice::from_ref(&all), &Settings::default(), Some("bob"));
        assert_eq!(names(&one), ["user ann", "user cho"]);
        assert_eq!((one.order, one.timeout, direct), (Order::InTurn, Duration::from_secs(7), false));
        // Among others, the dialling's order counts.
        let (several, _) = dial(&[all, Callee::Device("ann".to_owned())], &Settings::default(), None);
        assert_eq!(names(&several), ["user ann", "user bob", "user cho", "user ann"]);
        assert_eq!(several.order, Order::Together);
    }

    #[test]
    fn who_calls_himself_alone_is_called_and_who_is_nobody_stays_for_the_timeline() {
        let (own, direct) = dial(&[Callee::User("bob".to_owned())], &Settings::default(), Some("bob"));
        assert_eq!((names(&own), direct), (vec!["user bob".to_owned()], true));
        assert_eq!(resolved(Callee::Group("none".to_owned())), ["group none"]);
        assert_eq!(resolved(Callee::Device("x".to_owned())), ["device x"]);
    }

    #[test]
    fn ids_extensions_agents_and_caller_ids_lead_to_users_and_phones() {
        assert_eq!(resolved(Callee::User("c1".to_owned())), ["user cho"]);
        assert_eq!(resolved(Callee::Device("d1".to_owned())), ["device cho-mobile"]);
        assert_eq!(resolved(Callee::Device("cho".to_owned())), ["device cho"], "his own phone alone");
        let both = [Callee::Device("cho".to_owned()), Callee::User("cho".to_owned())];
        let (both, _) = dial(&both, &Settings::default(), None);
        assert_eq!(names(&both), ["user cho", "user cho"], "all his phones");
        assert_eq!(resolved(Callee::Device("c1".to_owned())), ["user cho"], "an id is the user's");
        assert_eq!(resolved(Callee::Device("bob".to_owned())), ["user bob"], "he has no other");
        assert_eq!(resolved(Callee::Agent("c1".to_owned())), ["user cho"]);
        assert_eq!(resolved(Callee::Extension("203".to_owned())), ["user cho"]);
        assert_eq!(resolved(Callee::Extension("600".to_owned())), ["user ann", "user bob", "user cho"]);
        let shows = |class, kind| Callee::Shows { number: "+4721000201".to_owned(), class, kind };
        assert_eq!(resolved(shows("external", "")), ["user cho"]);
        assert_eq!(resolved(shows("external", "device")), [shows("external", "device").to_string()]);
        let own = Callee::Shows { number: "203".to_owned(), class: "internal", kind: "user" };
        assert_eq!(resolved(own), ["user cho"]);
    }

    #[test]
    fn a_user_whose_phones_ring_in_turn_stands_for_them_unless_its_calls_go_elsewhere() {
        let mut one = Dial::new(vec![Callee::User("cho".to_owned()).into()], Duration::from_secs(20));
        let users = users();
        let settings = Settings::default();
        let people = People { users: &users, settings: &settings };
        one.order = Order::InTurn;
        assert!(resolve(&mut one, &people, None, None));
        assert_eq!(names(&one), ["device cho", "device cho-mobile"]);
        let mut single = Dial { to: vec![Callee::User("bob".to_owned()).into()], ..one };
        assert!(resolve(&mut single, &people, None, None));
        assert_eq!(names(&single), ["user bob"]);
    }

    #[test]
    fn who_left_a_group_or_a_flow_does_not_ring_with_it() {
        let mut settings = Settings::default();
        settings.ring_with("all", "ann", Switching::Off);
        let all = Callee::Group("all".to_owned());
        assert_eq!(names(&dial(&[all], &settings, None).0), ["user bob", "user cho"]);
        settings.ring_with("ring", "bob", Switching::Off);
        let both = ["ann", "bob"].map(|name| Callee::User(name.to_owned()));
        assert_eq!(names(&dial(&both, &settings, None).0), ["user ann"]);
        assert_eq!(names(&dial(&both[1..], &settings, None).0), ["user bob"], "who is called himself rings");
    }

    #[test]
    fn who_forwards_what_nobody_answers_rings_for_the_time_that_he_says() {
        let (one, _) = dial(&[Callee::User("cho".to_owned())], &Settings::default(), None);
        assert_eq!(one.to[0].timeout, Some(Duration::from_secs(5)));
        let (other, _) = dial(&[Callee::User("bob".to_owned())], &Settings::default(), None);
        assert_eq!(other.to[0].timeout, None);
    }
}
