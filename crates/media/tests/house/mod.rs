//! An engine of two workers on loopback, with its real threads, sockets and files, and what it tells.

use std::net::Ipv4Addr;
use std::sync::mpsc::{self, Receiver};

use media::{Config, Engine, Event, IoMode};

use crate::DEADLINE;

pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) events: Receiver<Event>,
}

impl House {
    pub(crate) fn start(config: Config) -> House {
        let (put, events) = mpsc::channel();
        // Tests over both backends run at once.
        let apart = if config.io == IoMode::Uring { 7_000 } else { 0 };
        let ports = config.ports.start() + apart..=config.ports.end() + apart;
        let config = Config { workers: 2, bind: Ipv4Addr::LOCALHOST.into(), ports, ..config };
        // A test that ends before its engine has nobody left to tell.
        let engine = Engine::start(config, move |event| drop(put.send(event))).unwrap();
        House { engine, events }
    }

    /// The next event that `wanted` picks; the others are passed over.
    pub(crate) fn wait<T>(&self, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
        loop {
            let event = self.events.recv_timeout(DEADLINE).expect("an event in time");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    }
}
