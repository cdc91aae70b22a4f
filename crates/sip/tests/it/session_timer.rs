//! Session timers
