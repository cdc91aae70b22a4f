//! The command line: what one may type, and the help that is read when one does not know.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::client::Recordings;
use crate::commands::{
    call::Call, check::Check, convert::Convert, graph::Graph, modules::Modules, replay::Replay,
    simulate::Simulate, test::Test,
};

const EXAMPLES: &str = "\
Examples:
  offhook serve                          the demo: prints what to dial, from which account
  offhook serve --config offhook.toml    your own flows and accounts
  offhook config print > offhook.toml    a file with every setting, to start from
  offhook config check                   is the configuration right, and are the flows?
  offhook calls                          what is going on
  offhook registrations                  which phones are there
  offhook trunks                         which carriers answer
  offhook recordings                     which recordings are not where they are to be, and why
  offhook recordings --send-failed       sends those that failed again
  offhook trace                          the last call, line by line: SIP, nodes, keys, prompts, HTTP
  offhook trace call-7f3a9c              one call
  offhook call alice 202                 alice's phones ring; when she answers, 202 is called for her

  offhook check flows/                   what is wrong with the flows of a directory, and what to do about it
  offhook modules menu                   the options of a module, with units and defaults, and where it leads
  offhook simulate menu.json -e 'wait 2s 1'   what a caller lives through who presses 1 after two seconds
  offhook test my-flows --junit results.xml   the scripts beside your flows, as tests
  offhook graph menu.json -o menu.svg         a picture of it
  offhook convert menu.json --to voipbin      the same in another dialect

  OFFHOOK_SIP__PORT=5070 offhook serve   any setting may come from the environment

Signals of a running server:
  HUP          reads flows, users and trunks again; a broken file is named and its old version stays in use
  TERM, INT    takes no more calls, waits for the others (calls.drain_s), then says BYE; a second one stops at once";

const CALL: &str = "\
Examples:
  offhook call alice 202                        alice's phones ring; when she answers, 202 is called for her
  offhook call 202 --flow menu.json             202 rings, and runs a flow when it is answered
  offhook call +4930123456 +4930100 --flow reminder.json --amd hangup --session '{\"name\": \"Ann\"}'

Exit status:
  0    it was answered, and is over (with --detach: it was begun)
  1    FROM did not answer, or a machine did that was not wanted
  2    there was no call: a wrong number, no such flow, no room, no server
  3    FROM answered, TO did not
  130  interrupted (Ctrl-C hangs up)";

/// A SIP/RTP media server that answers calls by running callflows written in JSON.
///
/// A phone registers or simply calls; the number leads to a flow document in the Kazoo, call-route, VoIPBIN or Voxology
/// dialect, and the flow speaks, plays, listens to keys and asks your web server what to do next.
/// Numbers also lead to other phones, and out by carriers.
/// Without any configuration it runs a demo with a flow of each kind.
#[derive(Debug, Parser)]
#[command(name = "offhook", version, after_help = EXAMPLES, max_term_width = 120)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the switch until it is told to stop
    Serve(ConfigFile),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a call's timeline
    Trace {
        /// The call, as the log and `offhook calls` name it; without it, the latest
        call: Option<String>,
        #[command(flatten)]
        server: Server,
    },
    /// Ring somebody, and connect who answers with somebody else, or with a flow; tells how it goes
    #[command(after_help = CALL)]
    Call(Call),
    /// Ask whether the server takes calls; the exit status is the answer, as container health checks want it
    Health {
        #[command(flatten)]
        server: Server,
    },
    /// List the calls that live, and the last ones that do not
    Calls {
        #[command(flatten)]
        server: Server,
    },
    /// List the phones that are registered
    Registrations {
        #[command(flatten)]
        server: Server,
    },
    /// List the recordings that run, wait to be sent or failed; send them again, or give that up
    Recordings(Recordings),
    /// List the trunks: which answer, which are registered, what they carry
    Trunks {
        #[command(flatten)]
        server: Server,
    },
    /// Check flows: what is wrong with them, by line and column, with what to do
    Check(Check),
    /// The modules that flows are made of: options, units, defaults, where they lead
    Modules(Modules),
    /// Tell what a caller of a flow lives through, without a call: what is said, pressed, asked, and how it ends
    Simulate(Simulate),
    /// Write a flow in the words of another dialect, and name what it cannot carry
    Convert(Convert),
    /// Draw a flow: what it does, what may come of it, where that leads
    Graph(Graph),
    /// Run the scripts beside flows as tests: what they expect must come
    Test(Test),
    /// Run a call's flow again from its journal (calls.journal), without a call, and print the flow's timeline
    Replay(Replay),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check the settings, the environment, the flows, accounts and trunks; says what is wrong by file and line
    Check(ConfigFile),
    /// Print every setting with its effective value and what it is for
    Print(ConfigFile),
}

#[derive(Args, Debug)]
pub(crate) struct ConfigFile {
    /// The configuration; without it offhook.toml in this directory, if there is one
    #[arg(long, value_name = "FILE", env = "OFFHOOK_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Server {
    /// Where the running server's API is
    #[arg(long, env = "OFFHOOK_URL", default_value = "http://127.0.0.1:8080")]
    pub(crate) url: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
