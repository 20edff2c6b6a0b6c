//! Protobuf messages of Prometheus: how fields are read and written, native histograms, requests of remote write, requests and
//! answers of remote read.
//!
//! Readers borrow from the body, writers fill one buffer. Pure; knows neither HTTP nor compression, and judges nothing but
//! whether bytes are a message. What a receiver makes of a request is in `gantry-ingest`, whose tests read what is written
//! here.
//!
//! Start with [`Wire`] to read, [`Message`] to write, and [`write_request`] for what is sent.

pub mod histogram;
mod message;
mod metric_type;
pub mod remote_read;
mod wire;
pub mod write_request;

pub use message::Message;
pub use metric_type::{metric_type, metric_type_number};
pub use wire::{Value, Wire, WireError, zigzag};
