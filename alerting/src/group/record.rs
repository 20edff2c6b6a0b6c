//! A recording rule: an answer under another name.

use super::{Round, RuleError, set};
use crate::rules::Rule;
use crate::seam::{Evaluate, Point};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
pub(super) struct Recording {
    pub(super) name: String,
    expr: String,
    pub(super) labels: BTreeMap<String, String>,
}

impl Recording {
    pub fn new(rule: &Rule, labels: BTreeMap<String, String>) -> Self {
        Recording { name: rule.record.clone(), expr: rule.expr.clone(), labels }
    }

    pub fn name(&self) -> String {
        self.name.clone()
    }

    pub fn evaluate(&self, round: Round, evaluate: &mut dyn Evaluate) -> Result<Vec<Point>, RuleError> {
        let samples = evaluate.instant(&self.expr, round.at_ms).map_err(RuleError::Query)?;
        let mut seen = BTreeSet::new();
        let mut points = Vec::with_capacity(samples.len());
        for sample in samples {
            let own = self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let labels = set(&sample.labels, [("__name__", self.name.as_str())].into_iter().chain(own));
            if !seen.insert(labels.clone()) {
                return Err(RuleError::SameLabels("rule"));
            }
            points.push(Point { labels, at_ms: round.at_ms, value: sample.value });
        }
        round.check_limit(points.len(), "series")?;
        Ok(points)
    }
}
