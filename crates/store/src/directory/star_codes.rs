//! The star codes that `users.toml` names or has, read and put together.

use flow::ir::Op;
use flow::lower::{Dialect, Severity, nearest};
use serde_json::Value;

use super::{Loader, file_of};
use crate::users::{self, Whose, Written, inline};
use crate::{Document, Problem};

impl Loader<'_> {
    /// Gives users' phones their star codes; those that make no sense are told of and left out.
    pub(super) fn star_codes(&mut self, written: Vec<Written>) {
        let mut layers: Vec<(Whose, Value)> = Vec::new();
        for Written { whose, place, value } in written {
            let layer = match &value {
                Value::String(file) => self.codes_file(file).map_err(|message| (message, Severity::Error)),
                codes => self.codes_inline(inline(codes), place),
            };
            match layer {
                Ok(layer) => layers.push((whose, layer)),
                Err((message, severity)) => {
                    self.say(Problem::file(users::FILE, message).severity(severity).at(place));
                }
            }
        }
        if let Err(error) = self.loaded.users.give_codes(&layers) {
            self.say(Problem::file(users::FILE, format!("star codes: {error}")));
        }
    }

    /// The document of star codes of this name.
    fn codes_file(&self, name: &str) -> Result<Value, String> {
        let flows = &self.loaded.flows;
        let Some(document) = flows.named(name).or_else(|| flows.named(&file_of(name))) else {
            let ids: Vec<&str> = flows.documents().map(|document| document.id.as_str()).collect();
            let near = nearest(&file_of(name), ids).map(|near| format!("; did you mean `{near}`?"));
            return Err(format!(
                "`metaflows` names `{name}`, and there is no such file{}",
                near.unwrap_or_default()
            ));
        };
        match document.program.metaflows.is_some() {
            true => Ok(Value::clone(&document.source)),
            false => Err(format!("`metaflows` names {}, which has no star codes", document.id)),
        }
    }

    /// Star codes that stand in `users.toml`, with what is odd about them told.
    fn codes_inline(&mut self, layer: Value, place: (usize, usize)) -> Result<Value, (String, Severity)> {
        let read = Document::read(users::FILE, Some(Dialect::Kazoo), layer.clone());
        let document = read.map_err(|error| (error.to_string(), Severity::Error))?;
        for diagnostic in &document.diagnostics {
            let message = format!("{} (at {})", diagnostic.message, diagnostic.pointer);
            self.say(Problem::file(users::FILE, message).severity(diagnostic.severity).at(place));
        }
        for node in &document.program.nodes {
            let Op::Subflow(subflow) = &node.op else { continue };
            let Some(id) = subflow.id.as_literal() else { continue };
            if self.loaded.flows.document(id).is_none() {
                let message = format!("there is no flow `{id}` here (at {})", node.source);
                self.say(Problem::file(users::FILE, message).severity(Severity::Warning).at(place));
            }
        }
        match document.program.metaflows.is_some() {
            true => Ok(layer),
            // As an account's document is that nobody has written codes into yet.
            false => Err(("there are no star codes in `metaflows`".to_owned(), Severity::Warning)),
        }
    }
}
