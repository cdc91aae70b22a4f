//! Trunks at work: which one a call goes out by, what it is shown there, and whether it may.
//!
//! The file `trunks.toml` is `store`'s; [`Board`] holds what changes while the switch runs: which trunks answer, which
//! are registered, how many calls each carries. Placing the call is the call's own affair (`call/dial`).

mod board;
mod caller;
mod gate;
mod keeper;
mod outcome;
mod registration;
mod state;
mod view;
mod wish;

pub(crate) use self::board::{Board, Route};
pub(crate) use self::caller::{Caller, Manners, present};
pub(crate) use self::gate::{Busy, Pass};
pub(crate) use self::keeper::Keepers;
pub(crate) use self::outcome::{Verdict, verdict};
pub(crate) use self::state::TrunkState;
pub use self::view::TrunkView;
pub(crate) use self::wish::Wish;

#[cfg(test)]
pub(crate) mod testing {
    //! Trunks from the text of their file.

    use store::{Trunk, Trunks};

    /// The trunks that a file with this text has; it must be free of mistakes.
    pub(crate) fn trunks(text: &str) -> Trunks {
        let home = tempfile::tempdir().expect("a directory");
        std::fs::write(home.path().join("trunks.toml"), text).expect("written");
        let loaded = store::Directory::load(Some(home.path())).expect("readable");
        let errors: Vec<_> = loaded.problems.iter().filter(|problem| problem.is_error()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        loaded.trunks
    }

    /// The only trunk of a file; `text` is what stands below its name.
    pub(crate) fn trunk(text: &str) -> Trunk {
        trunks(&format!("[only]\n{text}")).iter().next().expect("one").clone()
    }
}
