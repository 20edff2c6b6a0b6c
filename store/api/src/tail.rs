//! Watching lines as they arrive.

use futures::stream::BoxStream;
use gantry_model::{LabelSet, LineFilter, Selector, TenantId, Timestamp};

/// Hands out live subscriptions.
///
/// # Rules for implementers
/// - A line is published after it can be queried, so what was seen in a tail is found by a query.
/// - Selector and line filters run here, at the hub, once per line and subscriber, never in the subscriber's task.
/// - A subscriber that does not keep up loses lines, is told how many by [`TailEvent::Lagged`], and never slows writers.
/// - Dropping the stream frees everything it held.
pub trait Tail: Send + Sync {
    fn tail(&self, tenant: &TenantId, request: TailRequest) -> TailStream;
}

/// What to watch.
#[derive(Clone, Debug)]
pub struct TailRequest {
    pub selector: Selector,
    pub lines: Vec<LineFilter>,
    /// Lines kept for a slow reader before it starts to lose some; at least 1.
    pub buffer: usize,
}

/// Ends when the store stops.
pub type TailStream = BoxStream<'static, TailEvent>;

/// What a subscriber sees.
#[derive(Clone, Debug, PartialEq)]
pub enum TailEvent {
    Lines(Vec<TailLine>),
    Lagged(Lagged),
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct TailLine {
    pub labels: LabelSet,
    pub timestamp: Timestamp,
    pub body: String,
    /// Encoded, see [`gantry_model::metadata`].
    pub metadata: String,
}

/// Lines that a slow reader missed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lagged {
    pub count: u64,
    /// Which, as far as a small bounded list can say.
    pub sample: Vec<(LabelSet, Timestamp)>,
}
