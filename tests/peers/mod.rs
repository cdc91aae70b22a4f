//! The real far ends: SIPp, baresip and Linphone, and a capture of what they are sent.

pub mod baresip;
pub mod capture;
pub mod line;
pub mod linphone;
pub mod process;
pub mod sipp;
