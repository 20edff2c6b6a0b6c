//! Writing lines.

use crate::StoreError;
use async_trait::async_trait;
use gantry_model::{LogBatch, TenantId};

/// Accepts batches of lines and makes them durable.
///
/// # Rules for implementers
/// - When `append` returns `Ok`, every line of the batch survives `kill -9` and loss of power (unless the operator chose
///   `sync = "interval"`), is found by every [`crate::Querier`] made from now on, and was handed to every matching tail.
///   The order is: durable, queryable, tailed, acknowledged.
/// - When it returns `Err`, some of the lines may still have become durable; the caller may send the batch again, because
///   a line with the same stream, timestamp, body and metadata as one that is stored already counts once.
/// - Cancelling the future does not tear a batch: what was handed over is finished in the background.
/// - Order within one stream is kept for lines of equal timestamp.
#[async_trait]
pub trait Append: Send + Sync {
    async fn append(&self, tenant: &TenantId, batch: LogBatch) -> Result<Commit, StoreError>;
}

/// Proof that a batch is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "a checkpoint may move, or an acknowledgement be sent, only on a commit"]
pub struct Commit {
    pub lines: u64,
    /// Bytes of bodies and metadata.
    pub bytes: u64,
}
