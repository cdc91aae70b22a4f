//! Builds again when a file of the embedded demo flows comes or goes.

fn main() {
    println!("cargo:rerun-if-changed=../../flows");
}
