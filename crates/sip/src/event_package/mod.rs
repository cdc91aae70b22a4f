//! What is told in a NOTIFY, written: the documents of the event packages. Pure text; nothing here sends or reads.
//! A document is filled in and becomes a [`crate::Body`]; whatever text goes in is escaped, so it cannot break out.

pub mod dialog_info;
pub mod message_summary;
pub mod pidf;
mod xml;
