//! [`LogPlan`]: which part of a log expression the store answers, and what is left for us.

use super::level;
use gantry_model::{LineFilter, Selector};
use gantry_query_eval::store_line_filter;
use gantry_query_lang::ast::{LogExpr, Stage};

/// A log expression, taken apart.
#[derive(Clone, Debug)]
pub struct LogPlan {
    pub selector: Selector,
    /// For the store, in any order.
    pub lines: Vec<LineFilter>,
    /// For us, in this order.
    pub stages: Vec<Stage>,
    /// Some stage asks for the level of the line.
    pub with_level: bool,
}

impl LogPlan {
    /// Line filters commute with every stage that leaves the text of the line alone, so those before the first stage
    /// that changes it go to the store.
    pub fn new(expr: &LogExpr) -> Self {
        let with_level = level::in_log(expr);
        let mut plan = LogPlan { selector: expr.selector.clone(), lines: Vec::new(), stages: Vec::new(), with_level };
        let mut original_text = true;
        for stage in &expr.stages {
            original_text &= !matches!(stage, Stage::LineFormat(_) | Stage::Decolorize | Stage::Unpack);
            match stage {
                Stage::LineFilter(filter) if original_text => match store_line_filter(filter) {
                    Some(filter) => plan.lines.push(filter),
                    None => plan.stages.push(stage.clone()),
                },
                other => plan.stages.push(other.clone()),
            }
        }
        plan
    }

    /// The stages that decide whether a line stays: those up to the last one that can drop it.
    pub fn dropping_stages(&self) -> &[Stage] {
        let drops = |stage: &Stage| matches!(stage, Stage::LineFilter(_) | Stage::LabelFilter(_));
        let end = self.stages.iter().rposition(drops).map_or(0, |last| last + 1);
        &self.stages[..end]
    }
}
