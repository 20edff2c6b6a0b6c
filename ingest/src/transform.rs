//! [`Transform`]: the place at which the operator's rules change lines, between decoding and validation.
//!
//! What a transform drops is acknowledged, because it was dropped on purpose, and counted; what it makes is validated and
//! admitted like anything else, for the tenant that it ends in. Without a transform this costs nothing.

use crate::error::IngestError;
use gantry_model::{LogBatch, TenantId, Timestamp};
use std::fmt;

/// Changes, drops and routes the lines of one request. Called for every attempt of a request, so the same lines should
/// give the same result: the store counts a line that it has already only once.
pub trait Transform: fmt::Debug + Send + Sync {
    /// Whether it may be for lines of this source at all.
    fn is_for(&self, source: &str) -> bool;

    /// `now` is the time of the request.
    ///
    /// # Errors
    /// The request as a whole is refused and none of it stored.
    fn apply(
        &self,
        tenant: &TenantId,
        source: &'static str,
        batch: LogBatch,
        now: Timestamp,
    ) -> Result<Transformed, IngestError>;
}

/// What became of the lines of a request.
#[derive(Default)]
pub struct Transformed {
    /// What is to be stored, by tenant. No tenant twice, no batch empty.
    pub batches: Vec<(TenantId, LogBatch)>,
    /// Lines that were dropped on purpose, and counted by the transform.
    pub dropped_lines: u64,
    /// Their bodies and metadata.
    pub dropped_bytes: u64,
    /// Called when the lines could not be stored: gives back what they took from rates.
    pub undo: Option<Box<dyn FnOnce() + Send>>,
}

impl fmt::Debug for Transformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transformed")
            .field("batches", &self.batches)
            .field("dropped_lines", &self.dropped_lines)
            .finish_non_exhaustive()
    }
}
