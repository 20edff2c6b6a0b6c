//! StatsD over UDP and TCP (github.com/statsd/statsd, `docs/metric_types.md`), with the tags of DogStatsD
//! (docs.datadoghq.com, "DogStatsD protocol").
//!
//! ```text
//!   bytes -> lines -> parse -> Totals -(flush interval)-> MetricIngest::submit
//! ```
//!
//! Counters are added up for as long as they are heard of, so that a query sees counters as Prometheus has them. A sender
//! of StatsD is never told what became of a line: what cannot be taken is counted.
//!
//! Start with [`serve`] and [`parse`].

mod message;
mod options;
mod series;
mod server;
mod totals;

pub use message::{Invalid, Kind, Message, parse};
pub use options::{StatsdOptions, TimerSeries};
pub use server::{Sockets, serve};
