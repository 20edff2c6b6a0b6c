//! Random series and random queries over them, from a seed.
//!
//! Knows neither how queries are evaluated nor who answers them. Shared by the property tests of the evaluator and by the
//! scenario that compares answers with those of Prometheus. Start with [`world`] and [`Queries`].

mod chance;
mod functions;
mod queries;
pub mod world;

pub use chance::Chance;
pub use queries::Queries;
pub use world::{END_MS, Metric, START_MS, world};
