//! Removing lines on request.

use crate::{MillisRange, StoreError};
use async_trait::async_trait;
use gantry_model::{LabelSet, LineFilter, Selector, TenantId, TimeRange, Timestamp};

/// Takes requests to delete lines.
///
/// # Rules for implementers
/// - When `delete` returns, the request is durable, and no [`crate::Querier`] made from now on shows a line that matches
///   and was acknowledged before the call: not in scans, not in [`crate::Querier::streams`].
/// - A line that is appended after `delete` has returned is kept, whatever its timestamp: also one that is equal to a
///   deleted line. Lines whose append overlaps the call in time may fall on either side.
/// - Queriers and tails that exist already are not touched.
/// - A cancelled request has no effect any more: its lines are shown again. One whose lines have been removed, even some,
///   cannot be cancelled.
#[async_trait]
pub trait Delete: Send + Sync {
    /// # Errors
    /// `Overloaded` when too many requests of the tenant wait to be carried out, `Invalid` for an empty range.
    async fn delete(&self, tenant: &TenantId, what: DeleteWhat) -> Result<DeleteRequest, StoreError>;

    /// The tenant's requests, oldest first: those that wait, and the last of those that are done or were cancelled.
    async fn delete_requests(&self, tenant: &TenantId) -> Result<Vec<DeleteRequest>, StoreError>;

    async fn cancel_delete(&self, tenant: &TenantId, id: &str) -> Result<Cancelled, StoreError>;
}

/// Which lines to delete, and on whose word.
#[derive(Clone, Debug)]
pub struct DeleteWhat {
    pub selector: Selector,
    /// All must hold.
    pub lines: Vec<LineFilter>,
    pub range: TimeRange,
    /// Selector and filters as the client wrote them, for the record.
    pub query: String,
    /// Who asked, for the record.
    pub by: String,
}

impl DeleteWhat {
    /// Whether a line is meant, as far as the request can say.
    pub fn matches(&self, labels: &LabelSet, at: Timestamp, body: &str) -> bool {
        self.range.contains(at) && self.selector.matches(labels) && self.lines.iter().all(|line| line.matches(body))
    }
}

/// A request as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteRequest {
    /// Unique within the store.
    pub id: String,
    pub query: String,
    pub range: TimeRange,
    pub by: String,
    pub created_at: Timestamp,
    pub status: DeleteStatus,
    /// When it was carried out or cancelled.
    pub ended_at: Option<Timestamp>,
}

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeleteStatus {
    /// The lines are hidden; their bytes are still there.
    Received,
    /// No file holds the lines any more.
    Processed,
    /// Taken back; the lines are shown again.
    Cancelled,
}

/// What came of a cancellation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    Done,
    /// There is no such request.
    Unknown,
    /// Lines have been removed already, or the request has ended.
    TooLate,
}

/// Takes requests to delete samples.
///
/// # Rules for implementers
/// - When `delete_series` returns `Ok`, no [`crate::MetricQuerier`] made from now on shows a sample or an exemplar that
///   matches and was acknowledged before the call, and no file of samples holds it.
/// - A sample that is appended after `delete_series` has returned is kept, whatever its time. Those whose append overlaps
///   the call may fall on either side.
/// - After an error some may be gone; the same request may be made again.
#[async_trait]
pub trait DeleteSeries: Send + Sync {
    /// # Errors
    /// `Invalid` without a selector or with an empty range, `Corrupt` when what cannot be read may hold such samples.
    async fn delete_series(&self, tenant: &TenantId, what: DeleteSeriesWhat) -> Result<DeletedSeries, StoreError>;
}

/// Which samples to delete, and on whose word.
#[derive(Clone, Debug)]
pub struct DeleteSeriesWhat {
    /// Series that match any.
    pub selectors: Vec<Selector>,
    pub range: MillisRange,
    /// The selectors as the client wrote them, for the record.
    pub query: String,
    /// Who asked, for the record.
    pub by: String,
}

/// What was removed from files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeletedSeries {
    /// A series counts once for each file in which it was.
    pub series: u64,
    pub samples: u64,
}
