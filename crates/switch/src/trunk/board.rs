//! All trunks: which ones a number goes out by and in what order, and which one a call came in by.

use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use sip::{Next, Party};
use store::Trunks;

use super::state::{Standing, TrunkState};
use super::wish::Wish;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Board {
    trunks: ArcSwap<Vec<Arc<TrunkState>>>,
    /// The switch's account, whose the trunks are that name nobody.
    account: String,
}

/// One way out: a server of a trunk.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) trunk: Arc<TrunkState>,
    server: String,
}

impl Board {
    pub(crate) fn new(trunks: &Trunks, account: &str) -> Board {
        let board = Board { account: account.to_owned(), ..Board::default() };
        board.reload(trunks);
        board
    }

    /// Takes the trunks as they are now; those that stay keep their calls and their health.
    pub(crate) fn reload(&self, trunks: &Trunks) {
        let before = self.trunks.load();
        let state = |trunk: &store::Trunk| {
            let before = before.iter().find(|state| state.trunk.name == trunk.name);
            match before {
                Some(before) if before.trunk == *trunk => before.clone(),
                before => Arc::new(TrunkState::new(trunk.clone(), before.map(Arc::as_ref))),
            }
        };
        let now: Vec<_> = trunks.iter().map(state).collect();
        self.trunks.store(Arc::new(now));
    }

    /// All of them.
    pub(crate) fn all(&self) -> Arc<Vec<Arc<TrunkState>>> {
        self.trunks.load_full()
    }

    /// The trunk of this name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<TrunkState>> {
        self.trunks.load().iter().find(|state| state.trunk.name == name).cloned()
    }

    /// The trunk that an address belongs to.
    pub(crate) fn owner(&self, address: IpAddr) -> Option<Arc<TrunkState>> {
        self.trunks.load().iter().find(|state| state.owns(address)).cloned()
    }

    /// Whether a number goes out at all for one who dials it.
    pub(crate) fn takes(&self, number: &str) -> bool {
        let wish = Wish::of(&self.account);
        self.trunks.load().iter().any(|state| self.suits(state, number, &wish))
    }

    fn suits(&self, state: &TrunkState, number: &str, wish: &Wish) -> bool {
        state.trunk.takes(number) && wish.suits(&state.trunk, number, &self.account)
    }

    /// The ways out for a number by trunks as they are wanted, the one to be tried first first: by priority, within one by
    /// chance and weight, and those that are not fit last, for it may be the health check that is wrong.
    pub(crate) fn routes(&self, number: &str, wish: &Wish) -> Vec<Route> {
        let mut left: Vec<_> =
            self.trunks.load().iter().filter(|state| self.suits(state, number, wish)).cloned().collect();
        let mut ordered = Vec::with_capacity(left.len());
        while let Some(best) = left.iter().map(|state| rank(state)).min() {
            let total: u64 = left.iter().filter(|s| rank(s) == best).map(|s| u64::from(s.trunk.weight)).sum();
            let mut ticket = fastrand::u64(..total.max(1));
            let chosen = left.iter().position(|state| {
                let weight = u64::from(state.trunk.weight);
                let is_it = rank(state) == best && ticket < weight;
                if rank(state) == best {
                    ticket = ticket.saturating_sub(weight);
                }
                is_it
            });
            match chosen {
                Some(at) => ordered.push(left.remove(at)),
                None => break,
            }
        }
        let servers = |trunk: &Arc<TrunkState>| {
            let route = |server: &String| Route { trunk: trunk.clone(), server: server.clone() };
            trunk.trunk.servers.iter().map(route).collect::<Vec<_>>()
        };
        ordered.iter().flat_map(servers).collect()
    }
}

/// The order of trunks: fit ones first, then by priority.
fn rank(state: &TrunkState) -> (bool, u32) {
    (!state.is_fit(), state.trunk.priority)
}

impl Route {
    /// A called number as it is written there.
    pub(crate) fn written(&self, number: &str) -> String {
        self.trunk.trunk.plan.called(number)
    }

    /// The Request-URI of a call to a number that is [`Route::written`].
    pub(crate) fn target(&self, written: &str) -> String {
        let (scheme, rest) = self.server.split_once(':').unwrap_or(("sip", &self.server));
        let host = rest.rsplit('@').next().unwrap_or(rest);
        let number = Party::sip(written, "x").uri;
        let user = number.trim_start_matches("sip:").trim_end_matches("@x");
        format!("{scheme}:{user}@{host}")
    }

    /// The To header's value of a call to it.
    pub(crate) fn to(&self, written: &str) -> String {
        Party::sip(written, &self.trunk.trunk.domain).to_string()
    }

    /// Where the INVITE goes first, and the Route headers that take it on.
    pub(crate) fn way(&self) -> (Next, Vec<(String, String)>) {
        way(&self.trunk, &self.server)
    }

    /// What to answer its challenges with.
    pub(crate) fn credentials(&self) -> Option<sip::Credentials> {
        self.trunk.trunk.account.as_ref().map(credentials)
    }
}

/// Where a request to a server goes first, and its Route headers: the proxy, then what registering brought.
pub(super) fn way(trunk: &TrunkState, server: &str) -> (Next, Vec<(String, String)>) {
    let routes = match trunk.standing() {
        Standing::Registered { routes, .. } => routes,
        _ => Vec::new(),
    };
    let proxy = trunk.trunk.proxy.clone();
    let first = proxy.clone().or_else(|| routes.first().map(|route| bare(route).to_owned()));
    let proxy = proxy.map(|proxy| format!("<{proxy};lr>"));
    let headers = proxy.into_iter().chain(routes).map(|route| ("Route".to_owned(), route)).collect();
    (Next::Uri(first.unwrap_or_else(|| server.to_owned())), headers)
}

/// An account as `sip` takes it.
pub(super) fn credentials(account: &store::Account) -> sip::Credentials {
    sip::Credentials { user: account.username.clone(), password: account.password.clone() }
}

/// The URI in a Route header's value.
fn bare(route: &str) -> &str {
    let inside = route.split_once('<').map_or(route, |(_, rest)| rest);
    inside.split('>').next().unwrap_or(inside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trunk::state::Health;
    use crate::trunk::testing::trunks;

    fn routes(board: &Board, number: &str) -> Vec<Route> {
        board.routes(number, &Wish::default())
    }

    fn order(board: &Board, number: &str) -> Vec<String> {
        routes(board, number).iter().map(|route| route.target(&route.written(number))).collect()
    }

    #[test]
    fn ways_out_go_by_priority_and_unfit_trunks_last() {
        let board = Board::new(
            &trunks(
                "[b]\nserver = \"b\"\npriority = 2\n[a]\nserver = [\"a1\", \"sips:a2:5071;x=y\"]\npriority = 1\n\
             [n]\nserver = \"n\"\nnumbers = ['^\\+47']\n",
            ),
            "",
        );
        assert_eq!(order(&board, "+49 30"), ["sip:+4930@a1", "sips:+4930@a2:5071;x=y", "sip:+4930@b"]);
        assert_eq!(order(&board, "+4722").last().map(String::as_str), Some("sip:+4722@n"));
        let down = Health::Down { since: crate::events::wall_clock(), why: "408".into() };
        assert_eq!(board.get("a").expect("there").set_health(down), Some(Health::Unknown));
        assert_eq!(order(&board, "+4930"), ["sip:+4930@b", "sip:+4930@a1", "sips:+4930@a2:5071;x=y"]);
        assert!(board.get("a").expect("there").set_health(Health::Up).is_some());
        assert_eq!(order(&board, "+4930").first().map(String::as_str), Some("sip:+4930@a1"));
    }

    #[test]
    fn weights_share_the_calls() {
        let board =
            Board::new(&trunks("[a]\nserver = \"a\"\nweight = 9\n[b]\nserver = \"b\"\nweight = 1\n"), "");
        let first = (0..2_000).filter(|_| routes(&board, "1")[0].trunk.trunk.name == "a").count();
        assert!((1_700..1_900).contains(&first), "{first} of 2000");
        assert_eq!(routes(&board, "1").len(), 2, "the other one is tried next");
    }

    #[test]
    fn what_a_trunk_carries_and_how_it_fares_outlives_a_reload() {
        let text = "[a]\nserver = \"a\"\nfrom = [\"192.0.2.1\"]\n";
        let board = Board::new(&trunks(text), "");
        let state = board.owner(IpAddr::from([192, 0, 2, 1])).expect("its own");
        let _pass = state.gate.enter().expect("room");
        state.set_health(Health::Up);
        board.reload(&trunks(&format!("{text}calls = 1\n")));
        let state = board.get("a").expect("still there");
        assert_eq!((state.gate.calls(), state.health()), (1, Health::Up));
        assert!(state.gate.enter().is_err());
        board.reload(&trunks(""));
        assert!(board.get("a").is_none() && board.owner(IpAddr::from([192, 0, 2, 1])).is_none());
    }

    #[test]
    fn a_call_goes_by_the_proxy_and_by_what_registering_brought() {
        let board = Board::new(
            &trunks(
                "[a]\nserver = \"a\"\nusername = \"u\"\npassword = \"p\"\nregister = true\nproxy = \"sip:proxy:5080\"\n[b]\nserver = \"b\"\n",
            ),
            "",
        );
        let route =
            |name: &str| routes(&board, "1").into_iter().find(|r| r.trunk.trunk.name == name).expect("a way");
        assert_eq!(route("b").way(), (Next::Uri("sip:b".into()), vec![]));
        let a = route("a");
        assert_eq!(a.way().0, Next::Uri("sip:proxy:5080".into()));
        a.trunk.set_standing(Standing::Registered {
            routes: vec!["<sip:edge;lr>".into()],
            peer: IpAddr::from([192, 0, 2, 9]),
        });
        assert!(
            board.owner(IpAddr::from([192, 0, 2, 9])).is_some(),
            "where we are registered calls come from"
        );
        let (next, headers) = a.way();
        assert_eq!(next, Next::Uri("sip:proxy:5080".into()));
        let values: Vec<_> = headers.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["<sip:proxy:5080;lr>", "<sip:edge;lr>"]);
    }
}
