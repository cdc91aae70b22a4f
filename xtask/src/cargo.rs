//! Where the repository and its build are, and running cargo in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask/ is below the root").to_path_buf()
}

/// `cargo` in the repository.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    // What `cargo run` tells of this package. The inner cargo hands it on to build scripts, and ring's is run again, with
    // all that depends on ring, whenever it changes.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") || name == "CARGO_BIN_NAME" {
            command.env_remove(name.as_ref());
        }
    }
    command
}

/// Runs a command that prints for itself.
pub(crate) fn must(command: &mut Command) -> Result<(), String> {
    let line = shown(command);
    println!("$ {line}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}` failed: {status}")),
        Err(error) => Err(format!("cannot run `{line}`: {error}")),
    }
}

/// A command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program =
        Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// The directory cargo builds into.
pub(crate) fn target() -> Result<PathBuf, String> {
    let metadata = cargo().args(["metadata", "--no-deps", "--format-version", "1"]).output();
    let Ok(Output { stdout, status, stderr }) = metadata else {
        return Err("cannot run cargo metadata".to_owned());
    };
    if !status.success() {
        return Err(format!("cargo metadata failed: {}", String::from_utf8_lossy(&stderr)));
    }
    let text = String::from_utf8_lossy(&stdout);
    let rest = text.split_once("\"target_directory\":\"").map(|(_, rest)| rest).unwrap_or_default();
    let path = rest.split('"').next().unwrap_or_default();
    if path.is_empty() {
        Err("cargo metadata names no target directory".to_owned())
    } else {
        Ok(PathBuf::from(path))
    }
}

/// Builds the release binary and the bundled phone, and says where the binary is.
///
/// Both at once and as part of the workspace, which is what the tests do: another selection has other features below it,
/// and would build half of everything again.
pub(crate) fn build() -> Result<PathBuf, String> {
    must(cargo().args(["build", "--release", "--workspace", "--bin", "offhook", "--example", "phone"]))?;
    Ok(target()?.join("release/offhook"))
}
