//! Answers questions about logs: LogQL and SQL as DataFusion plans over the store's contract, and live tails.
//!
//! ```text
//!   http::router -> QueryEngine -> logql | sql | catalog | tail -> df (plans) -> gantry_store_api::Querier::scan
//! ```
//!
//! Every query runs in a slot, within a deadline, in bounded memory, and ends when its future is dropped. Never here:
//! files, writing, the syntax of LogQL, or knowledge of how the store keeps its lines.
//!
//! Start with [`QueryEngine`] and [`router`].

mod admission;
mod answer;
mod catalog;
mod context;
mod df;
mod engine;
mod error;
mod fields;
mod http;
mod instant;
mod json;
mod logql;
mod metrics;
mod options;
mod patterns;
mod pool;
mod promql;
mod results;
mod samples;
mod signal;
mod sql;
mod tail;

pub use answer::{Answer, Data, Labels, LogEntry, LogStream, Series, Stats};
pub use catalog::{DetectedLabel, IndexStats, VolumeBy, VolumeGroup, volume_steps};
pub use context::{Context, ContextLine, ContextQuery, Neighbours};
pub use engine::QueryEngine;
pub use error::QueryError;
pub use fields::FieldsQuery;
pub use http::router;
pub use instant::{InstantSample, InstantValue};
pub use logql::{LineSelection, RangeQuery};
pub use options::QueryOptions;
pub use patterns::{PatternsAnswer, PatternsQuery};
pub use promql::Over;
pub use samples::{Newest, SeriesScope};
pub use sql::SqlAnswer;
pub use tail::{TailQuery, TailSession};
