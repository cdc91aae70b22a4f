//! Builds again when a file of the embedded demo flows, music or prompts comes or goes.

fn main() {
    for folder in ["flows", "media/moh", "media/prompts/en-us"] {
        println!("cargo:rerun-if-changed=../../{folder}");
    }
}
