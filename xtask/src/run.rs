//! `cargo xtask run`: the demo switch on this machine.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::{cargo, packages};

/// Installs what is missing, builds, and becomes `offhook serve`, which prints what to dial.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    packages::for_running()?;
    let binary = cargo::build()?;
    let mut server = Command::new(&binary);
    server.current_dir(cargo::root()).arg("serve").args(arguments);
    println!("$ {}", cargo::shown(&server));
    // Replaces this process, so that Ctrl-C and kill reach the switch itself.
    Err(format!("cannot start {}: {}", binary.display(), server.exec()))
}
