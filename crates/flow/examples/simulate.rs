//! Simulates a call to a flow: `cargo run -p flow --example simulate -- flow.json [script]`.
//!
//! The script is read from the second file, or from standard input with `-`; without one nobody presses anything.

use std::{env, error::Error, fs, io};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let document = arguments.next().ok_or("the name of a flow document is missing")?;
    let document = serde_json::from_str(&fs::read_to_string(document)?)?;
    let script = match arguments.next().as_deref() {
        None => String::new(),
        Some("-") => io::read_to_string(io::stdin())?,
        Some(file) => fs::read_to_string(file)?,
    };
    print!("{}", flow::sim::run(&document, None, &script));
    Ok(())
}
