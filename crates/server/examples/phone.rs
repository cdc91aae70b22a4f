//! A scripted phone for a machine that has none: calls a number, presses keys when the prompts end, and writes what it
//! heard to a WAV file.
//!
//! `cargo run -p offhook --example phone -- 127.0.0.1:5060 1101 --keys 1234 --wav heard.wav`
//!
//! Without `--keys` it knows what the demo's numbers want to hear.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use audio::{Rate, tone, write::wav};
use clap::Parser;
use testkit::ear;
use testkit::ua::{Call, Offer, Phone, PhoneError};

/// Longest wait for a prompt to end.
const PROMPT: Duration = Duration::from_secs(40);

/// Silence after which a prompt is over: longer than the pause between two sentences.
const PAUSE: Duration = Duration::from_millis(900);

/// Calls a number and listens.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the switch listens for SIP over UDP
    server: SocketAddr,
    /// The number to call
    number: String,
    /// Keys to press after each prompt; a comma waits for the next one
    #[arg(long)]
    keys: Option<String>,
    /// Hang up after so many seconds, if the switch does not
    #[arg(long, default_value_t = 30)]
    seconds: u64,
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
    let arguments = Arguments::parse();
    match call(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("phone: {error}");
            ExitCode::FAILURE
        }
    }
}

fn call(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let Arguments { server, number, user, password, .. } = arguments;
    let clock = Instant::now();
    let say = |what: &str| println!("{:>6.1} s  {what}", clock.elapsed().as_secs_f64());
    let mut phone = Phone::new(*server, user, password.as_deref())?;
    say(&format!("calling {number} at {server}"));
    let mut call = phone.call(number, Offer::Early, Duration::from_secs(20))?;
    say("answered");
    let end = clock + Duration::from_secs(arguments.seconds);
    let keys = arguments.keys.as_deref().unwrap_or_else(|| wanted(number));
    for keys in keys.split(',').filter(|keys| !keys.is_empty()) {
        after_prompt(&mut call, &say)?;
        say(&format!("pressing {keys}"));
        call.press(keys)?;
    }
    if ["9196", "9199"].contains(&number.as_str()) {
        // The echo says nothing first; the recorder says that it records.
        if number == "9199" {
            after_prompt(&mut call, &say)?;
        }
        say("talking: a tone of 1 kHz for two seconds");
        let second = Duration::from_secs(1);
        call.talk(&tone::render(&[1_000], second, Duration::ZERO, 2 * second, Rate(8_000)))?;
    }
    let left = end.saturating_duration_since(Instant::now());
    match call.until_bye(left)? {
        true => say("the switch hung up"),
        false => say("hanging up"),
    }
    let heard = call.hang_up()?;
    let sound = heard.pcm();
    say(&format!(
        "heard {:.1} s, {:.1} s of it sound; {} packets, {} lost",
        sound.duration().as_secs_f64(),
        ear::sounding(&sound),
        heard.packets,
        heard.lost
    ));
    if let Some(path) = &arguments.wav {
        std::fs::write(path, wav::to_bytes(&sound))?;
        say(&format!("written to {}", path.display()));
    }
    if ear::sounding(&sound) == 0.0 {
        return Err("nothing was heard but silence".into());
    }
    Ok(())
}

/// Listens until a prompt is over.
fn after_prompt(call: &mut Call<'_>, say: &impl Fn(&str)) -> Result<(), PhoneError> {
    match call.listen_until_quiet(PAUSE, PROMPT)? {
        true => say("a prompt ended"),
        false => say("no prompt ended"),
    }
    Ok(())
}

/// The keys that a number of the demo asks for.
fn wanted(number: &str) -> &'static str {
    match number {
        "1003" | "1004" | "1301" => "1",
        "1101" => "1234",
        "1201" => "2",
        "9198" => "427#",
        _ => "",
    }
}
