//! The web server that the demo's number 1101 asks, alone: `cargo run -p offhook --example callback_server`.
//!
//! An argument is the address to listen on; without one it is the address that the demo's flows name.
//! It prints each request, so that one sees what a flow sends.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).init();
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8090".to_owned());
    let listener = match tokio::net::TcpListener::bind(&address).await {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("cannot listen on {address}: {error}; give another address as an argument");
            return ExitCode::FAILURE;
        }
    };
    println!("Answering callbacks on http://{address}/ (Ctrl-C ends it)");
    match axum::serve(listener, callback_server::router()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the server stopped: {error}");
            ExitCode::FAILURE
        }
    }
}
