//! The call simulator.
