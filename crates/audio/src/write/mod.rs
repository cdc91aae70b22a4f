//! Turning sound into files.
