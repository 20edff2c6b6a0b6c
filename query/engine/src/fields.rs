//! Fields inside lines: structured metadata, and what a parser would find.

use crate::logql::{Cost, LogPlan, Runner};
use crate::{QueryEngine, QueryError};
use gantry_model::{TenantId, TimeRange};
use gantry_query_eval::detect::FieldDetector;
use gantry_query_lang::ast::LogExpr;

/// How many lines are looked at, and how much is kept of them.
#[derive(Clone, Copy, Debug)]
pub struct FieldsQuery {
    pub lines: usize,
    pub fields: usize,
    /// Values per field.
    pub values: usize,
}

impl QueryEngine {
    /// Looks at the newest lines of a log query and detects their fields.
    pub async fn detected_fields(
        &self,
        tenant: &TenantId,
        expr: &LogExpr,
        range: TimeRange,
        limits: FieldsQuery,
    ) -> Result<FieldDetector, QueryError> {
        self.guarded("fields", tenant, async {
            let plan = LogPlan::new(expr);
            let lines = self.lines_plan(tenant, &plan, range, limits.lines, true).await?;
            let rows = self.raw_rows(&lines, &Cost::default()).await?;
            let mut runner = Runner::for_lines(&plan, rows.streams.clone(), self.clock.now())?;
            let mut detector = FieldDetector::new(limits.fields, limits.values)?;
            rows.each(|row| runner.each(&row, |out| detector.add(out)));
            Ok(detector)
        })
        .await
    }
}
