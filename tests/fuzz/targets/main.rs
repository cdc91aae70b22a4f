//! The fuzz targets: everything that reads what a peer sends, the endpoint as a whole, flows and what runs them.
//! Nothing may panic, nothing may grow, and nothing may cost more than its length.

mod bytes;
mod descriptions;
mod expressions;
mod flows;
mod headers;
mod linear;
mod machine;
mod messages;
mod operations;
mod rtp;
mod secured;
mod streams;

#[global_allocator]
static ALLOCATOR: fuzz::memory::Counting = fuzz::memory::Counting;
