//! The plan of a query, with what each step did.

use super::{Cost, LogPlan, RangeQuery, level};
use crate::{QueryEngine, QueryError};
use datafusion::physical_plan::displayable;
use gantry_model::{TenantId, TimeRange};
use gantry_query_eval::metric::{Steps, leaves};
use gantry_query_lang::ast::Expr;

impl QueryEngine {
    /// Runs the plans of a query and prints them.
    pub async fn explain(&self, tenant: &TenantId, query: RangeQuery) -> Result<String, QueryError> {
        self.guarded("explain", tenant, async {
            let cost = Cost::default();
            let mut text = format!("{}\n", query.expr);
            match &query.expr {
                Expr::Log(log) => {
                    let plan = LogPlan::new(log);
                    let range = TimeRange::new(query.start, query.end);
                    let lines = self.lines_plan(tenant, &plan, range, query.limit, query.backward).await?;
                    self.raw_rows(&lines, &cost).await?;
                    text += &displayable(lines.root.as_ref()).indent(true).to_string();
                }
                Expr::Metric(metric) => {
                    let steps = Steps { start: query.start.nanos(), end: query.end.nanos(), step: query.step };
                    for leaf in leaves(metric) {
                        let plan = self.leaf_plan(tenant, &leaf, steps, level::in_metric(metric)).await?;
                        self.collect(plan.root.clone()).await?;
                        text += &displayable(plan.root.as_ref()).indent(true).to_string();
                    }
                }
            }
            Ok(text)
        })
        .await
    }
}
