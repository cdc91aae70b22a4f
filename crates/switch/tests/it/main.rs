//! The switch by its faces: scripted phones, carriers and web servers against a real one in this process.
//!
//! One binary, so that all of it is linked once; `cargo test -p switch --test it -- transfer` runs a part.

mod bridge;
mod bucket;
mod calls;
mod camping;
mod carriers;
mod codecs;
mod conference;
mod detection;
mod dialling;
mod directory;
mod forking;
mod handover;
mod hold;
mod ipv6;
mod journal;
mod listening;
mod moving;
mod music;
mod origin;
mod outcomes;
mod paging;
mod people;
mod places;
mod presence;
mod recording;
mod redirection;
mod rig;
mod ringing;
mod room_tapes;
mod room_voices;
mod rooms;
mod screening;
mod settings;
mod shards;
mod signalling;
mod signals;
mod slots;
mod star_codes;
mod talk;
mod taping;
mod tones;
mod transfer;
mod web;
mod websocket;
