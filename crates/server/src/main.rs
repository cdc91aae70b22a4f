//! The binary: parses the command line, reads the configuration, and runs what was asked for.

mod cli;
mod client;
mod commands;
mod config;
mod demo;
mod log;
mod metrics;
mod stop;
mod wire;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::bail;
use clap::Parser;

use cli::{Cli, Command, ConfigCommand, ConfigFile};
use config::Loaded;
use store::Problem;

/// A call's small things come and go by the thousand on several threads: at 3,000 and 4,000 calls a second this one takes
/// an eighth off what a call costs beside the system's. Without huge pages (`no_thp`): with them a server of 1,600 calls
/// had 75 MB more resident, most of which nothing lay in.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("offhook: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(file) => serve(&load(&file)?)?,
        Command::Config(ConfigCommand::Check(file)) => check(&load(&file)?)?,
        Command::Config(ConfigCommand::Print(file)) => print!("{}", load(&file)?.print()),
        Command::Trace { call, server } => ask(client::trace(&server.url, call.as_deref()))?,
        Command::Call(call) => return call_somebody(&call),
        Command::Health { server } => ask(client::health(&server.url))?,
        Command::Calls { server } => ask(client::calls(&server.url))?,
        Command::Registrations { server } => ask(client::registrations(&server.url))?,
        Command::Recordings(wanted) => ask(client::recordings(&wanted))?,
        Command::Trunks { server } => ask(client::trunks(&server.url))?,
        Command::Check(check) => return Ok(commands::status(check.run())),
        Command::Modules(modules) => return Ok(commands::status(modules.run())),
        Command::Simulate(simulate) => return Ok(commands::status(simulate.run())),
        Command::Convert(convert) => return Ok(commands::status(convert.run())),
        Command::Graph(graph) => return Ok(commands::status(graph.run())),
        Command::Test(test) => return Ok(commands::status(test.run(Instant::now))),
        Command::Replay(replay) => return Ok(commands::status(replay.run())),
    }
    Ok(ExitCode::SUCCESS)
}

fn load(file: &ConfigFile) -> anyhow::Result<Loaded> {
    Loaded::load(file.config.as_deref()).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
        anyhow::anyhow!("the configuration is wrong; nothing was started\n{}", lines.join("\n"))
    })
}

/// `offhook serve`.
fn serve(loaded: &Loaded) -> anyhow::Result<()> {
    let config = loaded.config();
    log::start(&config.log);
    match &loaded.file {
        Some(file) => tracing::info!(file = %file.display(), "configuration"),
        None => tracing::info!("no configuration file; the defaults and the environment hold"),
    }
    wire::make_room(&config);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("offhook").build()?;
    runtime.block_on(async {
        // Before anything starts, so that a signal during the start is not lost.
        let signals = stop::Signals::new()?;
        let running = wire::start(config, loaded.file.clone()).await?;
        stop::until_told(running, signals).await;
        Ok(())
    })
}

/// `offhook config check`.
fn check(loaded: &Loaded) -> anyhow::Result<()> {
    let config = loaded.config();
    let source = loaded.file.as_ref().map_or("the defaults".to_owned(), |file| file.display().to_string());
    let flows = wire::load(&config, None);
    let problems = match &flows {
        Ok(flows) => &flows.problems,
        Err(problems) => problems,
    };
    for problem in problems {
        println!("{problem}");
    }
    let errors = problems.iter().filter(|problem| problem.is_error()).count();
    if errors > 0 {
        bail!("{errors} mistakes in the flows, listed above; the settings ({source}) are right");
    }
    let (documents, numbers) =
        flows.map_or((0, 0), |read| (read.flows.documents().count(), read.flows.numbers().count()));
    println!(
        "{source}: right. {documents} flows, {numbers} numbers, {} accounts in the configuration.",
        config.users.len()
    );
    Ok(())
}

/// Asks a running server and prints what it says.
fn ask(question: impl Future<Output = anyhow::Result<String>>) -> anyhow::Result<()> {
    print!("{}", client_runtime()?.block_on(question)?);
    Ok(())
}

/// `offhook call`.
fn call_somebody(call: &commands::call::Call) -> anyhow::Result<ExitCode> {
    Ok(client_runtime()?.block_on(call.run(tokio::time::sleep)))
}

fn client_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    // The client speaks TLS to a server behind a proxy; the provider is chosen once a process.
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
