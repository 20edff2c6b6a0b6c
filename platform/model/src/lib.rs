//! Words of the platform: what its parts say to each other.
//!
//! Pure data with checks. It never does I/O, never reads a clock, and decides nothing. Start with [`ScalePolicy`], then
//! [`Policy`], which has a name and says who carries out what is decided.

mod cron;
mod named;
mod policy;
pub mod quantity;
mod schedule;

#[cfg(test)]
mod schedule_tests;

pub use cron::Cron;
pub use named::{ExecutorSpec, Policy, ReplicaQueries, WebhookSpec};
pub use policy::{
    Behavior, Direction, Forecast, Method, MetricSpec, Panic, Period, Query, RateKind, RatePolicy, ScalePolicy, Select,
    Target, ToZero,
};
pub use schedule::Schedule;
