//! Tests of the endpoint from outside: scripted peers, two endpoints over a bad network, torture and mutation.

mod calls;
mod cancel;
mod digest;
mod failover;
mod fork;
mod harness;
mod locate;
mod modify;
mod mutation;
mod options_tags;
mod outside;
mod pair;
mod place;
mod prack;
mod redirect;
mod refer;
mod reinvite;
mod replaces;
mod request;
mod session_timer;
mod torture;
mod update;
mod vocabulary;
