//! Everything a developer types: `cargo xtask run`, `cargo xtask test`, `cargo xtask bench`.
//!
//! It is the first thing built on a fresh machine, before any system package is there, so it uses the standard library
//! and nothing else.

mod bench;
mod cargo;
mod packages;
mod run;
mod self_call;
mod summary;
mod test;

use std::process::ExitCode;

const HELP: &str = "\
offhook's tasks

  cargo xtask run [-- ARGUMENTS]         install what is missing, build, start the demo switch
                                         (arguments go to `offhook serve`)
  cargo xtask run --self-call [NUMBER]   start the switch on free ports and call NUMBER (1101) with the bundled phone;
                                         prints the call's timeline, writes what was heard to target/self-call.wav
  cargo xtask test [STEP...]             install the test peers, then check and test everything; one summary at the end
                                         steps: format lint build unit golden doc tidy docker fuzz e2e
  cargo xtask bench                      the benchmarks

System packages come from apt (Debian, Ubuntu); sudo is used only if you are not root.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.split_first() {
        Some((&"run", ["--self-call"])) => self_call::self_call("1101"),
        Some((&"run", ["--self-call", number])) => self_call::self_call(number),
        Some((&"run", ["--", rest @ ..])) => run::run(rest),
        Some((&"run", [])) => run::run(&[]),
        Some((&"test", steps)) if steps.iter().all(|step| test::STEPS.contains(step)) => test::test(steps),
        Some((&"bench", rest)) => bench::bench(rest),
        None | Some((&("help" | "--help" | "-h"), _)) => {
            print!("{HELP}");
            Ok(())
        }
        Some(_) => Err(format!("`cargo xtask {}` is not a task.\n\n{HELP}", words.join(" "))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}
