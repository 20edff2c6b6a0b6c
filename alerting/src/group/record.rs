//! A recording rule: an answer under another name.

use super::{Round, RuleError, set};
use crate::rules::Rule;
use crate::seam::{Evaluate, Point};
use gantry_model::LabelSet;
use std::collections::{BTreeMap, HashMap, HashSet};

#[derive(Clone, Debug)]
pub(super) struct Recording {
    pub(super) name: String,
    expr: String,
    pub(super) labels: BTreeMap<String, String>,
    /// Labels of series by those of their samples in the last evaluation.
    named: HashMap<LabelSet, LabelSet>,
}

impl Recording {
    pub fn new(rule: &Rule, labels: BTreeMap<String, String>) -> Self {
        Recording { name: rule.record.clone(), expr: rule.expr.clone(), labels, named: HashMap::new() }
    }

    pub fn name(&self) -> String {
        self.name.clone()
    }

    pub fn evaluate(&mut self, round: Round, evaluate: &mut dyn Evaluate) -> Result<Vec<Point>, RuleError> {
        let samples = evaluate.instant(&self.expr, round.at_ms).map_err(RuleError::Query)?;
        let (mut seen, mut named) = (HashSet::with_capacity(samples.len()), HashMap::with_capacity(samples.len()));
        let mut points = Vec::with_capacity(samples.len());
        for sample in samples {
            let labels = self.named.get(&sample.labels).cloned().unwrap_or_else(|| self.series_labels(&sample.labels));
            if !seen.insert(labels.clone()) {
                return Err(RuleError::SameLabels("rule"));
            }
            named.insert(sample.labels, labels.clone());
            points.push(Point { labels, at_ms: round.at_ms, value: sample.value });
        }
        self.named = named;
        round.check_limit(points.len(), "series")?;
        Ok(points)
    }

    fn series_labels(&self, labels: &LabelSet) -> LabelSet {
        let own = self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        set(labels, [("__name__", self.name.as_str())].into_iter().chain(own))
    }
}
