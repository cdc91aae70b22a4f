//! Who is meant by those whom a flow dials: groups become their members, devices and agents the users they are here.

use flow::ir::{Callee, Dial, Endpoint, Order};
use store::{Group, Users};

/// Puts users in the place of groups, devices and agents, and leaves out the caller himself where several are called,
/// unless the flow wants his phones to ring too.
pub(super) fn resolve(dial: &mut Dial<String>, users: &Users, caller: Option<&str>) {
    if let [only] = dial.to.as_slice()
        && let Callee::Group(name) = &only.callee
        && let Some(group) = users.group(name)
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
    let several = dial.to.len() > 1 || dial.to.iter().any(|to| matches!(to.callee, Callee::Group(_)));
    let meant: Vec<Endpoint<String>> = dial.to.drain(..).flat_map(|to| people(to, users)).collect();
    dial.to = meant;
    let Some(caller) = caller.filter(|_| several && !dial.own_phones) else { return };
    dial.to.retain(|to| !matches!(&to.callee, Callee::User(name) if name == caller));
}

/// The users that an endpoint stands for; one that stands for nobody is kept, to be told of.
fn people(to: Endpoint<String>, users: &Users) -> Vec<Endpoint<String>> {
    match &to.callee {
        Callee::Group(name) => match users.group(name) {
            Some(group) => members(&to, group),
            None => vec![to],
        },
        Callee::Device(name) | Callee::Agent(name) if users.get(name).is_some() => {
            vec![Endpoint { callee: Callee::User(name.clone()), ..to }]
        }
        _ => vec![to],
    }
}

fn members(to: &Endpoint<String>, group: &Group) -> Vec<Endpoint<String>> {
    let one = |name: &String| Endpoint { callee: Callee::User(name.clone()), ..to.clone() };
    group.members.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use store::User;

    use super::*;

    fn users() -> Users {
        let user = |name: &str| User::new(name, "x");
        let mut users: Users = ["ann", "bob", "cho"].map(user).into_iter().collect();
        let members = ["ann", "bob", "cho"].map(str::to_owned).to_vec();
        let ring = Duration::from_secs(7);
        users.insert_group(Group { members, order: store::Order::InTurn, ring, ..Group::new("all") });
        users
    }

    fn resolved(to: &[Callee<String>], caller: Option<&str>) -> (Vec<String>, Order, Duration) {
        let to = to.iter().cloned().map(Endpoint::from).collect();
        let mut dial = Dial::new(to, Duration::from_secs(20));
        resolve(&mut dial, &users(), caller);
        let names = dial.to.iter().map(|to| to.callee.to_string()).collect();
        (names, dial.order, dial.timeout)
    }

    #[test]
    fn a_group_is_its_members_in_its_own_order_without_the_caller() {
        let all = Callee::Group("all".to_owned());
        let (names, order, timeout) = resolved(std::slice::from_ref(&all), Some("bob"));
        assert_eq!(names, ["user ann", "user cho"]);
        assert_eq!((order, timeout), (Order::InTurn, Duration::from_secs(7)));
        // Among others, the dialling's order counts.
        let (names, order, _) = resolved(&[all, Callee::Device("ann".to_owned())], None);
        assert_eq!(names, ["user ann", "user bob", "user cho", "user ann"]);
        assert_eq!(order, Order::Together);
    }

    #[test]
    fn who_calls_himself_alone_is_called_and_who_is_nobody_stays_for_the_timeline() {
        assert_eq!(resolved(&[Callee::User("bob".to_owned())], Some("bob")).0, ["user bob"]);
        assert_eq!(resolved(&[Callee::Group("none".to_owned())], None).0, ["group none"]);
        assert_eq!(resolved(&[Callee::Device("x".to_owned())], None).0, ["device x"]);
    }
}
