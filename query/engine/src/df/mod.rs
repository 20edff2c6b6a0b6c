//! Gantry's operators for DataFusion. The only files that implement its traits.
//!
//! A LogQL query becomes one of these trees (see [`crate::logql`]):
//!
//! ```text
//!   LogLimitExec            the newest or oldest N rows, stops the scan early
//!     PipelineExec          stages that the store cannot answer; left out when there are none
//!       ScanExec            selector, line filters, columns and order, answered by the store
//!
//!   RangeAggExec            stages, grouping and steps; a task per partition, then merged
//!     ScanExec              a partition per core
//! ```
//!
//! SQL goes through [`LogsTable`] and [`MetricsTable`]. Never here: HTTP, parsing.

mod buckets;
mod columns;
mod filters;
mod limit;
mod metrics;
mod partial;
mod pipeline;
mod range;
mod samples;
mod scan;
mod source;
mod table;
mod window;

pub use buckets::Measure;
pub use limit::LogLimitExec;
pub use metrics::MetricsTable;
pub use partial::{Counting, RangeJob};
pub use pipeline::PipelineExec;
pub use range::{RangeAggExec, read_series};
pub use scan::ScanExec;
pub use source::ScanSource;
pub use table::LogsTable;
pub use window::Window;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::{ExecutionPlan, Partitioning, PlanProperties};
use gantry_model::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// How far an ordered scan has come, for an operator above that may stop it.
///
/// Sound only while scan and reader are polled as one chain: whoever reads ahead must not use it.
#[derive(Debug)]
pub struct Frontier(AtomicI64);

/// No bound known yet.
const UNKNOWN: i64 = i64::MIN;

impl Default for Frontier {
    fn default() -> Self {
        Frontier(AtomicI64::new(UNKNOWN))
    }
}

impl Frontier {
    fn reach(&self, bound: Option<Timestamp>) {
        self.0.store(bound.map_or(UNKNOWN, Timestamp::nanos), Ordering::Relaxed);
    }

    /// Rows still to come are not newer (newest first) or not older (oldest first) than this.
    fn bound(&self) -> Option<Timestamp> {
        let bound = self.0.load(Ordering::Relaxed);
        (bound != UNKNOWN).then_some(Timestamp(bound))
    }
}

fn leaf_properties(schema: SchemaRef, partitions: usize) -> Arc<PlanProperties> {
    properties(schema, partitions, EmissionType::Incremental)
}

fn properties(schema: SchemaRef, partitions: usize, emission: EmissionType) -> Arc<PlanProperties> {
    let equivalence = EquivalenceProperties::new(schema);
    let partitioning = Partitioning::UnknownPartitioning(partitions);
    Arc::new(PlanProperties::new(equivalence, partitioning, emission, Boundedness::Bounded))
}

/// Rebuilds a node that has exactly `N` children.
fn on_children<const N: usize>(
    children: Vec<Arc<dyn ExecutionPlan>>,
    build: impl FnOnce([Arc<dyn ExecutionPlan>; N]) -> Arc<dyn ExecutionPlan>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let count = children.len();
    let wrong = |_| DataFusionError::Internal(format!("a node with {N} children was given {count}"));
    Ok(build(children.try_into().map_err(wrong)?))
}
