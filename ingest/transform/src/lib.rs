//! Transforms: what happens to log lines between decoding and storing, as the operator wrote it down.
//!
//! ```text
//!   LogBatch of a tenant and source -> stages in order (VRL, redact, sample, rate limit, route, drop) -> LogBatch by tenant
//! ```
//!
//! Everything is compiled once, by [`Pipeline::compile`], and then only read. What a stage drops is counted by reason in
//! a [`Tally`]; nothing goes away silently. The same line gives the same result every time (rate limits and programs that
//! ask for the time or for random numbers aside), so that a sender may repeat a request and the store still counts a line
//! once.
//!
//! Never here: I/O other than reading the files of programs at the start, tasks, metrics, knowledge of who sends or stores.
//!
//! Start with [`Pipeline::run`]; [`TransformOptions`] is what can be written, [`Event`] is what a stage sees.

mod action;
mod event;
mod invalid;
mod level;
mod options;
mod outputs;
mod pipeline;
mod program;
mod rate;
mod redact;
mod route;
mod sample;
mod scope;
mod tally;
#[cfg(test)]
mod testing;

pub use event::{Event, Metadata};
pub use invalid::Invalid;
pub use options::{
    By, DropOptions, OnError, Over, RateLimitOptions, RedactField, RedactOptions, RouteOptions, SampleOptions,
    TransformOptions,
};
pub use pipeline::{Fate, Pipeline, Ran, RunError, Step};
pub use rate::Charges;
pub use tally::{Lines, Tally};
