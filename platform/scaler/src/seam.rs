//! What the scaler asks of others; implemented where the process is put together.

use async_trait::async_trait;
use gantry_model::metric::MetricBatch;
use gantry_model::{LabelSet, LogBatch, TenantId};
use gantry_planner::Decision;
use gantry_platform_model::{Policy, Query};

/// The answer of a query at an instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// Every series of the answer.
    pub series: Vec<(LabelSet, f64)>,
    /// When the newest sample that went in was measured, in milliseconds since 1970.
    pub at_ms: i64,
}

/// Instants from `start_ms` to `end_ms`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start_ms: i64,
    pub end_ms: i64,
    /// Positive.
    pub step_ms: i64,
}

impl Span {
    pub fn count(&self) -> usize {
        usize::try_from((self.end_ms - self.start_ms) / self.step_ms + 1).unwrap_or(0)
    }
}

/// What is stored. Errors are for people who may not see causes inside the server.
#[async_trait]
pub trait Signals: std::fmt::Debug + Send + Sync {
    /// # Errors
    /// What is wrong with the text of a query.
    fn check(&self, query: &Query) -> Result<(), String>;

    /// # Errors
    /// Why there is no answer. An answer without series is none.
    async fn read(&self, tenant: &TenantId, query: &Query, at_ms: i64) -> Result<Measured, String>;

    /// The sum of all series at each instant; `None` where there is none.
    ///
    /// # Errors
    /// Why there is no answer.
    async fn read_span(&self, tenant: &TenantId, query: &Query, span: Span) -> Result<Vec<Option<f64>>, String>;
}

/// Where decisions are written so that they can be searched: the doors of lines and of metrics.
#[async_trait]
pub trait Record: std::fmt::Debug + Send + Sync {
    /// # Errors
    /// Why they are not stored.
    async fn record(&self, tenant: &TenantId, samples: MetricBatch, lines: LogBatch) -> Result<(), String>;
}

/// A number of replicas that is to be made so.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    pub tenant: &'a TenantId,
    pub policy: &'a Policy,
    pub decision: &'a Decision,
    /// The same for every attempt at the same change, so that it is done once.
    pub key: &'a str,
}

/// Makes the replicas what was decided. May be asked again with the same key, and after a crash.
#[async_trait]
pub trait Execute: std::fmt::Debug + Send + Sync {
    /// Returns when the change was taken over.
    ///
    /// # Errors
    /// Why it was not; it will be asked again.
    async fn apply(&self, order: Order<'_>) -> Result<(), String>;
}
