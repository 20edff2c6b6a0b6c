//! Gantry, put together: the process, its configuration, its HTTP face and its command line.
//!
//! Everything that knows two crates is here, most of it in [`wiring`]. Never here: what belongs to one crate alone - how
//! lines are stored, received or queried.
//!
//! Start with [`cli::main`], which `main.rs` calls, and [`wiring::Process`], which is what `gantry up` runs.

pub mod backtest;
pub mod cli;
pub mod config;
pub mod demo;
pub mod http;
pub mod push;
pub mod reload;
pub mod supervisor;
pub mod telemetry;
pub mod tls;
pub mod wiring;
