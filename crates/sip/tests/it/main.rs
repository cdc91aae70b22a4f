//! Tests of the endpoint from outside: scripted peers, two endpoints over a bad network, torture and mutation.

mod calls;
mod digest;
mod harness;
mod mutation;
mod outside;
mod pair;
mod place;
mod reinvite;
mod torture;
mod vocabulary;
