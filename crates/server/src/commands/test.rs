//! `offhook test`: scripts beside flows are tests of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use flow::sim::{self, Script};

use super::{Unreadable, document, junit, print};

/// Deepest directory that is looked into, against links that go in circles.
const MAX_DEPTH: usize = 8;

/// What may be typed after `offhook test`.
#[derive(Args, Debug)]
pub(crate) struct Test {
    /// Directories with flows and scripts (menu.json, menu.script, menu.closed.script), or single scripts
    #[arg(required = true, value_name = "DIR")]
    places: Vec<PathBuf>,
    /// Also write the results for a CI server
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the transcripts of scripts that expect nothing (menu.closed.txt) as they are now
    #[arg(long)]
    update: bool,
}

/// What came of a script.
#[derive(Debug)]
pub(super) struct Verdict {
    /// Its path without `.script`.
    pub(super) name: String,
    /// How long it took, by the wall clock.
    pub(super) took: Duration,
    /// Why it failed, with file and line; `None` if it did not.
    pub(super) failure: Option<String>,
}

/// The scripts of one place.
#[derive(Debug)]
pub(super) struct Suite {
    pub(super) name: String,
    pub(super) verdicts: Vec<Verdict>,
}

impl Test {
    /// Runs the scripts; `now` is the wall clock.
    pub(crate) fn run(&self, now: fn() -> Instant) -> Result<ExitCode, Unreadable> {
        let mut suites = Vec::new();
        for place in &self.places {
            let mut scripts = Vec::new();
            find(place, 0, &mut scripts)?;
            scripts.sort();
            let mut verdicts = Vec::new();
            for script in &scripts {
                let began = now();
                let failure = self.script(place, script).err();
                let name = script.with_extension("").display().to_string();
                let verdict = Verdict { name, took: now() - began, failure };
                print(&line(&verdict));
                verdicts.push(verdict);
            }
            suites.push(Suite { name: place.display().to_string(), verdicts });
        }
        let all: Vec<&Verdict> = suites.iter().flat_map(|suite| &suite.verdicts).collect();
        let failed = all.iter().filter(|verdict| verdict.failure.is_some()).count();
        if all.is_empty() {
            let places: Vec<String> = self.places.iter().map(|place| place.display().to_string()).collect();
            return Err(Unreadable(format!(
                "no *.script in {}: there is nothing to test",
                places.join(", ")
            )));
        }
        if let Some(file) = &self.junit {
            let unwritable = |error| Unreadable(format!("{}: cannot be written: {error}", file.display()));
            fs::write(file, junit::document(&suites)).map_err(unwritable)?;
        }
        print(&format!("{} tests, {failed} failed.\n", all.len()));
        Ok(ExitCode::from(u8::from(failed > 0)))
    }

    /// Runs one script; `Err` says what is not as it should be.
    fn script(&self, place: &Path, file: &Path) -> Result<(), String> {
        let told = |Unreadable(problem)| problem;
        let flow = flow_of(file).ok_or_else(|| format!("{}: no flow of its name", file.display()))?;
        let lowered = document::lowered(&flow, None).map_err(told)?;
        let text = document::text(file).map_err(told)?;
        let script = Script::parse(&text).map_err(|mistake| format!("{}:{mistake}", file.display()))?;
        let others = document::Others::new(place.is_dir().then_some(place), &flow).map_err(told)?;
        let call = sim::simulate(lowered.program, &lowered.diagnostics, &script, &|id| others.program(id));
        let golden = file.with_extension("txt");
        let was = fs::read_to_string(&golden).ok();
        if self.update && (was.is_some() || script.expectations().is_empty()) {
            let unwritable = |error| format!("{}: cannot be written: {error}", golden.display());
            fs::write(&golden, &call.transcript).map_err(unwritable)?;
        } else if let Some(was) = &was {
            same(&golden, was, &call.transcript)?;
        } else if script.expectations().is_empty() {
            let file = file.display();
            return Err(format!("{file}: it expects nothing; write `expect` lines, or use --update"));
        }
        match sim::unmet(script.expectations(), &call) {
            Some(unmet) => Err(format!("{}:{}: {}", file.display(), unmet.line, unmet.problem)),
            None => Ok(()),
        }
    }
}

/// The scripts at and below `place`.
fn find(place: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Unreadable> {
    if place.is_file() {
        found.push(place.to_owned());
        return Ok(());
    }
    let entries = fs::read_dir(place)
        .map_err(|error| Unreadable(format!("{}: cannot be read: {error}", place.display())))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        let script = path.extension().is_some_and(|extension| extension == "script");
        if path.is_dir() && depth < MAX_DEPTH {
            find(&path, depth + 1, found)?;
        } else if script && path.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

/// `menu.json` for `menu.script` and for `menu.closed.script`.
fn flow_of(script: &Path) -> Option<PathBuf> {
    let name = script.file_name()?.to_str()?;
    let ends = name.char_indices().filter(|(_, letter)| *letter == '.').map(|(at, _)| at);
    let names = ends.rev().filter_map(|end| name.get(..end));
    names.map(|name| script.with_file_name(format!("{name}.json"))).find(|flow| flow.is_file())
}

/// The first line in which a transcript differs from what it was.
fn same(golden: &Path, was: &str, is: &str) -> Result<(), String> {
    let (mut was, mut is) = (was.lines(), is.lines());
    for number in 1.. {
        match (was.next(), is.next()) {
            (None, None) => break,
            (was, is) if was == is => {}
            (was, is) => {
                let quoted =
                    |line: Option<&str>| line.map_or("the end".to_owned(), |line| format!("`{line}`"));
                let (was, is) = (quoted(was), quoted(is));
                return Err(format!("{}:{number}: expected {was}\n  found {is}", golden.display()));
            }
        }
    }
    Ok(())
}

fn line(verdict: &Verdict) -> String {
    let word = if verdict.failure.is_some() { "FAILED" } else { "ok" };
    let failure = verdict.failure.iter().flat_map(|failure| failure.lines());
    let failure: String = failure.map(|line| format!("        {line}\n")).collect();
    format!("{word:<6}  {:>4} ms  {}\n{failure}", verdict.took.as_millis(), verdict.name)
}
