//! The real far ends: SIPp, sipsak, kamailio, baresip and Linphone, and a capture of what they are sent.

pub mod baresip;
pub mod capture;
pub mod carrier;
pub mod kamailio;
pub mod line;
pub mod linphone;
pub mod process;
pub mod script;
pub mod sipp;
pub mod sipsak;
