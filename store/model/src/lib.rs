//! The words of the domain: time, labels, tenants, log batches, selectors.
//!
//! Every other crate speaks in these types. Nothing here does I/O, reads a clock of its own accord, or knows tokio.
//!
//! Start with [`LogBatch`], the unit that travels from a receiver to the store, then [`LabelSet`] and [`Selector`].

mod batch;
mod clock;
mod labels;
mod line_filter;
pub mod metadata;
pub mod metric;
pub mod relabel;
mod selector;
mod severity;
mod tenant;
mod time;

pub use batch::{BatchStream, BatchTooLarge, LogBatch, LogBatchBuilder, LogRow};
pub use clock::{Clock, ManualClock, SystemClock};
pub use labels::{LabelSet, StreamId};
pub use line_filter::{LineFilter, LineOp};
pub use selector::{MatchOp, Matcher, RegexError, Selector};
pub use severity::Severity;
pub use tenant::{InvalidTenant, TenantId};
pub use time::{TimeRange, Timestamp};
