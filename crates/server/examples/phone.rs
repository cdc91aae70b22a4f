//! A scripted phone for a machine that has none: calls a number, does what a script says, and writes what it heard to a
//! WAV file.
//!
//! `cargo run -p offhook --example phone -- 127.0.0.1:5060 1101 --wav heard.wav`
//! `… 9198 --script 'wait-speech-end; press 42#; wait-speech-end; hangup'`
//!
//! Without `--script` it knows what the demo's numbers want to hear.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use audio::write::wav;
use clap::Parser;
use testkit::ear;
use testkit::ua::Phone;
use testkit::ua::script::{Event, Script};

/// Calls a number and listens.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the switch listens for SIP over UDP
    server: SocketAddr,
    /// The number to call
    number: String,
    /// What to do: wait-speech, wait-speech-end, press KEYS, listen TIME, tone HERTZ TIME, wait-bye, hangup;
    /// one a line, or with `;` between them
    #[arg(long)]
    script: Option<String>,
    /// Where to write what was heard
    #[arg(long)]
    wav: Option<PathBuf>,
    /// The account, if the switch wants one
    #[arg(long, default_value = "phone")]
    user: String,
    /// Its password
    #[arg(long, env = "PHONE_PASSWORD")]
    password: Option<String>,
}

fn main() -> ExitCode {
    match call(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("phone: {error}");
            ExitCode::FAILURE
        }
    }
}

fn call(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let Arguments { server, number, user, password, .. } = arguments;
    let script: Script = arguments.script.as_deref().unwrap_or_else(|| wanted(number)).parse()?;
    let mut phone = Phone::new(*server, user, password.as_deref())?;
    let say = |at: Duration, what: &str| println!("{:>6.1} s  {what}", at.as_secs_f64());
    say(Duration::ZERO, &format!("calling {number} at {server}"));
    let heard = script.run(&mut phone, number, |at, event| match event {
        Event::Answered => say(at, "answered"),
        Event::Begins(step) => say(at, &step.to_string()),
        Event::FarEndHungUp => say(at, "the switch hung up"),
        Event::HungUp => say(at, "hung up"),
    })?;
    let sound = heard.pcm();
    let sounding = ear::sounding(&sound);
    println!(
        "\nHeard {:.1} s, {sounding:.1} s of it sound; {} packets, {} lost.",
        sound.duration().as_secs_f64(),
        heard.packets,
        heard.lost
    );
    if let Some(path) = &arguments.wav {
        std::fs::write(path, wav::to_bytes(&sound))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    if sounding == 0.0 {
        return Err("nothing was heard but silence".into());
    }
    Ok(())
}

/// What to do at a number of the demo.
fn wanted(number: &str) -> &'static str {
    match number {
        "1003" | "1004" | "1301" => "wait-speech-end; press 1; wait-bye",
        "1101" => "wait-speech-end; press 1234; wait-bye",
        "1201" => "wait-speech-end; press 2; wait-bye",
        "9196" => "tone 1000 2s; hangup",
        "9197" => "listen 10s; hangup",
        "9198" => "wait-speech-end; press 427#; wait-speech-end; hangup",
        "9199" => "wait-speech-end; tone 1000 2s; hangup",
        _ => "wait-bye",
    }
}
