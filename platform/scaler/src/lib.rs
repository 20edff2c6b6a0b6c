//! Runs policies of scaling: reads their signals, lets the planner decide, has the decision carried out, and remembers why.
//!
//! ```text
//!   files, clients -> Policy -> look: Signals -> plan -> Execute -> Record, MetaStore
//! ```
//!
//! It knows what is stored only by the trait [`Signals`], and who runs replicas only by [`Execute`]. It never decides: that is
//! `gantry-planner`. A signal that is missing means *hold*. Start with [`Scaler`], then `look`.

mod backtest;
mod decided;
mod files;
mod gather;
pub mod http;
pub mod keda;
mod kubernetes;
mod look;
mod metrics;
mod options;
mod policies;
mod record;
mod scaler;
mod seam;
mod webhook;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use backtest::{Against, BacktestReport, BacktestRequest, Course};
pub use decided::{Decided, Outcome};
pub use files::{InvalidFile, parse_policies};
pub use options::ScaleOptions;
pub use policies::StorePolicyError;
pub use scaler::{Found, Origin, Scaler};
pub use seam::{Execute, Measured, Order, Record, Signals, Span};
pub use webhook::Webhook;
