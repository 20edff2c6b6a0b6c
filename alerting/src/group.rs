//! A group of rules over time: evaluates them in their order, writes what they yield, and ends series that vanished.
//!
//! A rule that fails keeps its alerts and series as they were, and the others go on. Start with [`Group::evaluate`].

mod alert;
mod notice;
mod record;
mod reload;
mod restore;
#[cfg(test)]
mod tests;

pub use alert::{Alert, AlertState};
pub use notice::Notice;
pub use restore::ForState;

use crate::rules::{Rule, RuleGroup};
use crate::seam::{Evaluate, Expand, Point, Value};
use alert::Alerting;
use gantry_model::LabelSet;
use gantry_model::metric::stale_marker;
use record::Recording;
use std::collections::BTreeSet;

/// Rules with what they remember from one evaluation to the next.
#[derive(Clone, Debug)]
pub struct Group {
    query_offset_ms: i64,
    /// Most series or alerts of a rule.
    limit: Option<usize>,
    rules: Vec<Member>,
    /// Series of rules that are gone and were not ended yet.
    orphans: BTreeSet<LabelSet>,
}

#[derive(Clone, Debug)]
struct Member {
    kind: Kind,
    /// Series that the rule wrote last time.
    written: BTreeSet<LabelSet>,
}

#[derive(Clone, Debug)]
enum Kind {
    Alerting(Alerting),
    Recording(Recording),
}

/// Why a rule could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    #[error("{0}")]
    Query(String),
    #[error("vector contains metrics with the same labelset after applying {0} labels")]
    SameLabels(&'static str),
    #[error("exceeded limit of {limit} with {found} {what}")]
    Limit { limit: usize, found: usize, what: &'static str },
    #[error("the result could not be stored: {0}")]
    Append(String),
}

/// What came of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Name of the alert or of the recorded series.
    pub rule: String,
    /// How many series it wrote.
    pub result: Result<usize, RuleError>,
}

/// The evaluation that a rule is in.
#[derive(Clone, Copy, Debug)]
struct Round {
    now_ms: i64,
    /// The instant that is asked for, and that points carry.
    at_ms: i64,
    limit: Option<usize>,
}

impl Round {
    fn check_limit(&self, found: usize, what: &'static str) -> Result<(), RuleError> {
        match self.limit {
            Some(limit) if found > limit => Err(RuleError::Limit { limit, found, what }),
            _ => Ok(()),
        }
    }
}

impl Group {
    /// A group that has [no problems](crate::RuleFile::problems) and was never evaluated. `query_offset_ms`: that of groups without one.
    pub fn new(group: &RuleGroup, query_offset_ms: i64) -> Self {
        let member = |rule: &Rule| {
            // Labels of the rule come last, and the last counts.
            let mut labels = group.labels.clone();
            labels.extend(rule.labels.clone());
            let kind = if rule.alert.is_empty() {
                Kind::Recording(Recording::new(rule, labels))
            } else {
                Kind::Alerting(Alerting::new(rule, labels))
            };
            Member { kind, written: BTreeSet::new() }
        };
        Group {
            query_offset_ms: group.query_offset_ms.unwrap_or(query_offset_ms),
            limit: usize::try_from(group.limit).ok().filter(|limit| *limit > 0),
            rules: group.rules.iter().map(member).collect(),
            orphans: BTreeSet::new(),
        }
    }

    /// Evaluates all rules at an instant (milliseconds since 1970).
    pub fn evaluate(&mut self, now_ms: i64, evaluate: &mut dyn Evaluate, expand: &dyn Expand) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(self.rules.len());
        self.evaluate_each(now_ms, evaluate, expand, |outcome| outcomes.push(outcome));
        outcomes
    }

    /// The same; `done` is called after each rule.
    pub fn evaluate_each(
        &mut self,
        now_ms: i64,
        evaluate: &mut dyn Evaluate,
        expand: &dyn Expand,
        mut done: impl FnMut(Outcome),
    ) {
        let round = Round { now_ms, at_ms: now_ms.saturating_sub(self.query_offset_ms), limit: self.limit };
        for rule in &mut self.rules {
            done(rule.evaluate(round, evaluate, expand));
        }
        self.end_orphans(round.at_ms, evaluate);
    }

    /// Alerts of all rules, in the order of rules and labels: those that are pending or fire, and those resolved of late.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerting().flat_map(Alerting::alerts)
    }

    /// For each rule in their order its alerts; none of a recording rule.
    pub fn alerts_by_rule(&self) -> impl Iterator<Item = Vec<&Alert>> {
        self.rules.iter().map(|member| match &member.kind {
            Kind::Alerting(rule) => rule.alerts().collect(),
            Kind::Recording(_) => Vec::new(),
        })
    }

    fn alerting(&self) -> impl Iterator<Item = &Alerting> {
        self.rules.iter().filter_map(|member| match &member.kind {
            Kind::Alerting(rule) => Some(rule),
            Kind::Recording(_) => None,
        })
    }
}

impl Member {
    fn evaluate(&mut self, round: Round, evaluate: &mut dyn Evaluate, expand: &dyn Expand) -> Outcome {
        let (rule, points) = match &mut self.kind {
            Kind::Alerting(rule) => (rule.name(), rule.evaluate(round, evaluate, expand)),
            Kind::Recording(rule) => (rule.name(), rule.evaluate(round, evaluate)),
        };
        Outcome { rule, result: points.and_then(|points| self.write(points, round.at_ms, evaluate)) }
    }

    /// Writes points, and stale markers where there were some last time and are none now.
    fn write(&mut self, mut points: Vec<Point>, at_ms: i64, evaluate: &mut dyn Evaluate) -> Result<usize, RuleError> {
        let count = points.len();
        if count > 0 && count == self.written.len() && points.iter().all(|point| self.written.contains(&point.labels)) {
            // The same series as last time: nothing ends.
            evaluate.append(points).map_err(RuleError::Append)?;
            return Ok(count);
        }
        let now: BTreeSet<LabelSet> = points.iter().map(|point| point.labels.clone()).collect();
        points.extend(ends(self.written.difference(&now), at_ms));
        if !points.is_empty() {
            evaluate.append(points).map_err(RuleError::Append)?;
        }
        self.written = now;
        Ok(count)
    }
}

/// Stale markers of series.
fn ends<'l>(series: impl IntoIterator<Item = &'l LabelSet>, at_ms: i64) -> Vec<Point> {
    let end = |labels: &LabelSet| Point { labels: labels.clone(), at_ms, value: Value::Number(stale_marker()) };
    series.into_iter().map(end).collect()
}

/// Labels with others set over them; a label that is set to nothing is taken away.
fn set<'l>(labels: &'l LabelSet, over: impl IntoIterator<Item = (&'l str, &'l str)>) -> LabelSet {
    LabelSet::from_pairs(labels.iter().chain(over))
}
