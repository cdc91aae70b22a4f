//! sipsak: the operator's ping.

use std::process::Command;

/// Runs sipsak; whether it was content, and what it printed.
pub fn run(arguments: &[&str]) -> (bool, String) {
    let output = Command::new("sipsak")
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("sipsak does not start ({error}); `cargo xtask test` installs it"));
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}
