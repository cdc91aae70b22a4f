//! The fuzz targets: everything that reads what a peer sends, and the endpoint as a whole.
//! Nothing may panic, nothing may grow, and nothing may cost more than its length.

mod bytes;
mod descriptions;
mod headers;
mod linear;
mod messages;
mod operations;
mod rtp;
mod secured;
mod streams;

#[global_allocator]
static ALLOCATOR: fuzz::memory::Counting = fuzz::memory::Counting;
