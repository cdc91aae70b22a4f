//! The bundled scripted phone: calls a number, follows a script, and writes what it heard to a WAV file.
//!
//! `cargo run --release -p testkit --example phone -- 127.0.0.1:5060 1003 --script "wait, press 1, bye" --wav heard.wav`
//!
//! Steps, separated by commas: `wait` (until a prompt has ended), `press KEYS`, `listen SECONDS`, `say FILE.wav`,
//! `bye` (wait for the far end to hang up), `vanish` (go without a word). At the end of the script the phone hangs up.

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::net::ToSocketAddrs;
use std::time::Duration;

use testkit::ear;
use testkit::ua::{Heard, Offer, Phone};

const USAGE: &str = "usage: phone HOST:PORT NUMBER [--user NAME] [--password WORD] [--script STEPS] [--wav FILE] [--late-offer]";

fn main() {
    if let Err(error) = run() {
        eprintln!("phone: {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let server = arguments.next().ok_or(USAGE)?;
    let number = arguments.next().ok_or(USAGE)?;
    let (mut user, mut password, mut script, mut wav) =
        (String::from("phone"), None, String::from("bye"), None);
    let mut offer = Offer::Early;
    while let Some(option) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{option} wants a value\n{USAGE}"));
        match option.as_str() {
            "--user" => user = value()?,
            "--password" => password = Some(value()?),
            "--script" => script = value()?,
            "--wav" => wav = Some(value()?),
            "--late-offer" => offer = Offer::Late,
            _ => return Err(format!("unknown option {option}\n{USAGE}").into()),
        }
    }
    let server = server.to_socket_addrs()?.next().ok_or("the host has no address")?;
    let mut phone = Phone::new(server, &user, password.as_deref())?;
    println!("phone  calls {number} at {server} as {user}");
    let heard = follow(&mut phone, &number, offer, &script)?;
    let pcm = heard.pcm();
    println!(
        "phone  heard {:.1} s, {:.1} s of it sound; {} packets, {} lost",
        pcm.duration().as_secs_f64(),
        ear::sounding(&pcm),
        heard.packets,
        heard.lost
    );
    if let Some(path) = wav {
        let mut writer = audio::write::wav::WavWriter::new(BufWriter::new(File::create(&path)?), pcm.rate)?;
        writer.write(&pcm.samples)?;
        writer.finish()?;
        println!("phone  wrote {path}");
    }
    Ok(())
}

fn follow(phone: &mut Phone, number: &str, offer: Offer, script: &str) -> Result<Heard, Box<dyn Error>> {
    let mut call = phone.call(number, offer, Duration::from_secs(60))?;
    println!("phone  is answered");
    for step in script.split(',').map(str::trim) {
        let (word, rest) = step.split_once(' ').unwrap_or((step, ""));
        println!("phone  {step}");
        match word {
            "wait" => {
                call.listen_until_quiet(Duration::from_millis(700), Duration::from_secs(60))?;
            }
            "press" => call.press(rest)?,
            "listen" => call.listen(Duration::from_secs_f64(rest.parse()?))?,
            "say" => call.talk(&audio::read::decode(std::fs::read(rest)?, None)?)?,
            "bye" => {
                call.until_bye(Duration::from_secs(120))?;
            }
            "vanish" => return Ok(call.vanish()),
            _ => return Err(format!("unknown step `{step}`").into()),
        }
        if call.is_over() {
            println!("phone  is hung up on");
            break;
        }
    }
    Ok(call.hang_up()?)
}
