//! A flow's file, read for a command, and the flows beside it.

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flow::ir::Program;
use flow::lower::{Dialect, Lowered};
use flow::source::Source;
use serde_json::Value;
use store::{Directory, Loaded, Problem};

use super::Unreadable;

/// A document as JSON, read as the server reads it; a mistake is named by line and column.
pub(super) fn json(file: &Path) -> Result<Value, Unreadable> {
    let name = file.display().to_string();
    let unreadable = |problem: Problem| Unreadable(problem.to_string());
    let text = store::read_file(file)
        .and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other))
        .map_err(|error| unreadable(Problem::file(&name, format!("cannot be read: {error}"))))?;
    let source = Source::read(&text);
    if let Some(note) = source.error() {
        let place = flow::source::place(&source.text, note.span.start);
        let problem = Problem::file(&name, note.message.as_str()).at((place.line, place.column));
        return Err(unreadable(problem));
    }
    Ok(source.value.unwrap_or_default())
}

/// A document as a program, with what its author should know.
pub(super) fn lowered(file: &Path, dialect: Option<Dialect>) -> Result<Lowered, Unreadable> {
    flow::lower::lower(dialect, &json(file)?)
        .map_err(|error| Unreadable(Problem::file(file.display().to_string(), error.to_string()).to_string()))
}

/// A text file.
pub(super) fn text(file: &Path) -> Result<String, Unreadable> {
    fs::read_to_string(file)
        .map_err(|error| Unreadable(format!("{}: cannot be read: {error}", file.display())))
}

/// The flows that a flow may call; the directory is read when the first is asked for.
pub(super) struct Others {
    directory: PathBuf,
    loaded: OnceCell<Option<Loaded>>,
}

impl Others {
    /// Those of `directory`, or of the one that `flow` lies in.
    pub(super) fn new(directory: Option<&Path>, flow: &Path) -> Result<Others, Unreadable> {
        if let Some(directory) = directory.filter(|directory| !directory.is_dir()) {
            return Err(Unreadable(format!("{}: expected a directory of flows", directory.display())));
        }
        let beside = flow.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(Others { directory: directory.unwrap_or(beside).to_owned(), loaded: OnceCell::new() })
    }

    /// The program of the document `id`: a path in the directory, its own id, or a number of `numbers.toml`.
    pub(super) fn program(&self, id: &str) -> Option<Arc<Program>> {
        let loaded = self.loaded.get_or_init(|| Directory::load(Some(&self.directory)).ok()).as_ref()?;
        loaded.flows.document(id).map(|document| document.program.clone())
    }
}
