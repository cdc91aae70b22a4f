//! Media on threads of its own: RTP legs, what they play and what they record.
//!
//! [`Engine`] is the handle that asynchronous code holds.
//! It reserves ports, hands finished legs to worker threads, passes [`Command`]s to them through bounded queues
//! and carries their [`Event`]s out.
//! A leg has one owner, its worker, from [`Engine::adopt`] to [`Event::Released`], or to when it moves to the worker of
//! the leg that it is bridged with; nothing is shared with it, and the worker neither locks, allocates, blocks nor frees.
//! What is slow (binding sockets, encoding prompts, files) happens before a command is sent or on the disk thread.
//!
//! There is no signalling here, no `async`, and no knowledge of flows or calls.

mod board;
mod bridge;
mod carrier;
mod clock;
mod command;
mod detector;
mod detectors;
mod disk;
mod dtls;
mod ears;
mod engine;
mod error;
mod event;
mod file;
mod guard;
mod id;
mod io;
mod lame;
mod latch;
mod leg;
mod mailbox;
mod member;
mod order;
mod port;
mod prompt;
mod quality;
mod recorder;
mod recorders;
mod recording;
mod register;
mod relay;
mod repair;
mod report;
mod room;
mod rtcp;
mod runner;
mod rx;
mod source;
mod stats;
mod stream;
mod timeline;
mod tx;
mod worker;

pub use clock::Priority;
pub use command::{Alternative, Command, DigitToSend, LegSetup, Repeat, Start};
pub use detector::{Detector, Found};
pub use engine::{Config, Engine};
pub use error::{Error, NotMade};
pub use event::{Event, KeyWay};
pub use guard::{Fingerprint, Security};
pub use id::{LegId, RoomId};
pub use io::IoMode;
pub use member::{Member, RoomCommand, RoomConfig};
pub use port::Ports;
pub use prompt::{Form, Prompt, Prompts, Sound};
pub use recording::{Ended, Format, Keys, Pause, Recording, Sides};
pub use repair::repair_recording;
pub use report::{Clusters, LegReport, Saying, Secured};
pub use rtp::srtp::{Keys as SrtpKeys, Profile};
pub use stats::{Histogram, WorkerStats};
pub use stream::{Fleeting, Long, Origin};
