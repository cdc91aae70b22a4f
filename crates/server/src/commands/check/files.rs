//! The files that are checked, and what only all of them together show.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flow::ir::{Op, Pointer};
use flow::lower::{Code, Diagnostic, Dialect};
use store::{Document, Flows};

use super::Checked;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// Names and texts.
    pub(super) texts: Vec<(String, String)>,
    /// What could not be read, and why.
    pub(super) unreadable: Vec<String>,
    /// A directory was among what was named.
    pub(super) directory: bool,
}

/// Directories in each other; more are a circle.
const DEEPEST: u32 = 30;

/// Reads the files, the files in directories, and `-`.
pub(super) fn read(paths: &[PathBuf]) -> Texts {
    let mut texts = Texts::default();
    for path in paths {
        if path.as_os_str() == "-" {
            let mut bytes = Vec::new();
            let read =
                std::io::stdin().lock().take(store::LONGEST_FILE).read_to_end(&mut bytes).map(|_| bytes);
            texts.add("<stdin>".to_owned(), read);
        } else if path.is_dir() {
            texts.directory = true;
            texts.walk(path, DEEPEST);
        } else {
            texts.add(path.display().to_string(), store::read_file(path));
        }
    }
    texts
}

impl Texts {
    fn walk(&mut self, folder: &Path, depth: u32) {
        let mut paths: Vec<PathBuf> = match fs::read_dir(folder) {
            Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
            Err(error) => return self.unreadable.push(format!("{}: {error}", folder.display())),
        };
        paths.sort();
        for path in paths {
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if path.is_dir() && !hidden && depth > 0 {
                self.walk(&path, depth - 1);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                self.add(path.display().to_string(), store::read_file(&path));
            }
        }
    }

    fn add(&mut self, name: String, bytes: std::io::Result<Vec<u8>>) {
        match bytes.map(String::from_utf8) {
            Ok(Ok(text)) => self.texts.push((name, text)),
            Ok(Err(error)) => {
                let line = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
                let line = line.filter(|byte| **byte == b'\n').count() + 1;
                self.unreadable.push(format!("{name}:{line}: the text is not UTF-8"));
            }
            Err(error) => self.unreadable.push(format!("{name}: {error}")),
        }
    }
}

/// Tells of flows that call others which are not among the files.
pub(super) fn subflows(checked: &mut [Checked], dialect: Option<Dialect>) {
    let mut flows = Flows::new();
    let mut calls: Vec<(usize, String, Pointer)> = Vec::new();
    for (at, file) in checked.iter().enumerate() {
        let Some(value) = file.report.source.value.clone() else { continue };
        let Ok(document) = Document::read(file.name.clone(), dialect, value) else { continue };
        for node in &document.program.nodes {
            if let Op::Subflow(subflow) = &node.op
                && let Some(id) = subflow.id.as_literal()
            {
                calls.push((at, id.to_owned(), node.source.clone()));
            }
        }
        let claims = flow::lower::claims(document.dialect, &document.source);
        flows.add(document);
        for (_, number) in claims.numbers {
            flows.number(number, &file.name, false);
        }
    }
    for (at, id, pointer) in calls {
        let by_path = |file: &Checked| {
            let path = file.name.strip_suffix(".json").unwrap_or(&file.name);
            let id = id.strip_suffix(".json").unwrap_or(&id);
            path.strip_suffix(id).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
        };
        if flows.document(&id).is_none() && !checked.iter().any(by_path) {
            let message = format!("there is no flow `{id}` among these files");
            if let Some(file) = checked.get_mut(at) {
                file.report.add(Diagnostic::new(Code::NotConfigured, &pointer, message));
            }
        }
    }
}
