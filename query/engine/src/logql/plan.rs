//! [`LogPlan`]: which part of a log expression the store answers, and what is left for us.

use super::level;
use crate::QueryError;
use gantry_model::{LineFilter, LineOp, Selector};
use gantry_query_lang::ast::{LineAlternative, LineFilterExpr, LineFilterOp, LogExpr, Stage};

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
    pub fn new(expr: &LogExpr) -> Result<Self, QueryError> {
        let with_level = level::in_log(expr);
        let mut plan = LogPlan { selector: expr.selector.clone(), lines: Vec::new(), stages: Vec::new(), with_level };
        let mut original_text = true;
        for stage in &expr.stages {
            original_text &= !matches!(stage, Stage::LineFormat(_) | Stage::Decolorize | Stage::Unpack);
            match stage {
                Stage::LineFilter(filter) if original_text => match store_filter(filter)? {
                    Some(filter) => plan.lines.push(filter),
                    None => plan.stages.push(stage.clone()),
                },
                other => plan.stages.push(other.clone()),
            }
        }
        Ok(plan)
    }

    /// The stages that decide whether a line stays: those up to the last one that can drop it.
    pub fn dropping_stages(&self) -> &[Stage] {
        let drops = |stage: &Stage| matches!(stage, Stage::LineFilter(_) | Stage::LabelFilter(_));
        let end = self.stages.iter().rposition(drops).map_or(0, |last| last + 1);
        &self.stages[..end]
    }
}

/// The filter in the store's words, when it has words for it.
fn store_filter(filter: &LineFilterExpr) -> Result<Option<LineFilter>, QueryError> {
    let op = match filter.op {
        LineFilterOp::Contains => LineOp::Contains,
        LineFilterOp::NotContains => LineOp::NotContains,
        LineFilterOp::Matches => LineOp::Matches,
        LineFilterOp::NotMatches => LineOp::NotMatches,
        LineFilterOp::Pattern | LineFilterOp::NotPattern => return Ok(None),
    };
    let text = |alternative: &LineAlternative| match alternative {
        LineAlternative::Text(text) => Some(text.clone()),
        LineAlternative::Ip(_) => None,
    };
    let Some(texts) = filter.alternatives.iter().map(text).collect() else { return Ok(None) };
    LineFilter::new(op, texts).map(Some).map_err(|error| QueryError::invalid(format!("parse error : {error}")))
}
