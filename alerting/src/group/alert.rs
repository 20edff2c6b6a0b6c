//! An alerting rule: each series of the answer is an alert that is pending, fires, and is resolved.

use super::{Round, RuleError, set};
use crate::rules::Rule;
use crate::seam::{Evaluate, Expand, Point, Sample, Subject, Value};
use gantry_model::LabelSet;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// How long an alert that is resolved is remembered, so that whoever is told of alerts hears of its end.
const RESOLVED_KEPT_MS: i64 = 15 * 60 * 1000;

/// Where an alert is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlertState {
    /// It fired and is over.
    Inactive,
    /// Its expression has a result, but not for long enough.
    Pending,
    Firing,
}

impl AlertState {
    /// As Prometheus writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            AlertState::Inactive => "inactive",
            AlertState::Pending => "pending",
            AlertState::Firing => "firing",
        }
    }
}

/// One alert. Instants are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// Those of the series and the rule, and `alertname`.
    pub labels: LabelSet,
    pub annotations: BTreeMap<String, String>,
    pub state: AlertState,
    /// Of the last evaluation that had a result.
    pub value: f64,
    /// Since when the expression has a result.
    pub active_ms: i64,
    pub fired_ms: Option<i64>,
    pub resolved_ms: Option<i64>,
    /// Since when it fires only because of `keep_firing_for`.
    pub keep_firing_since_ms: Option<i64>,
    /// When a [notice](crate::Notice) of it was last given.
    pub told_ms: Option<i64>,
}

/// An alerting rule with its alerts.
#[derive(Clone, Debug)]
pub(super) struct Alerting {
    pub(super) name: String,
    pub(super) expr: Arc<str>,
    pub(super) for_ms: i64,
    keep_firing_for_ms: i64,
    pub(super) labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    pub(super) active: BTreeMap<LabelSet, Alert>,
    /// Labels of alerts by those of their samples in the last evaluation; empty when labels are templates.
    named: HashMap<LabelSet, LabelSet>,
    /// Alerts write no series before it is known since when they are active.
    pub(super) awaits_restore: bool,
}

impl Alerting {
    pub fn new(rule: &Rule, labels: BTreeMap<String, String>) -> Self {
        Alerting {
            name: rule.alert.clone(),
            expr: rule.expr.as_str().into(),
            for_ms: rule.for_ms,
            keep_firing_for_ms: rule.keep_firing_for_ms,
            labels,
            annotations: rule.annotations.clone(),
            active: BTreeMap::new(),
            named: HashMap::new(),
            awaits_restore: false,
        }
    }

    pub fn name(&self) -> String {
        self.name.clone()
    }

    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.active.values()
    }

    pub fn evaluate(
        &mut self,
        round: Round,
        evaluate: &mut dyn Evaluate,
        expand: &dyn Expand,
    ) -> Result<Vec<Point>, RuleError> {
        let samples = evaluate.instant(&self.expr, round.at_ms).map_err(RuleError::Query)?;
        let seen = self.see(&samples, round.now_ms, evaluate, expand)?;
        let (for_ms, keep_ms) = (self.for_ms, self.keep_firing_for_ms);
        self.active.retain(|labels, alert| alert.step(seen.contains(labels), for_ms, keep_ms, round.now_ms));
        let live = || self.active.values().filter(|alert| alert.state != AlertState::Inactive);
        if let Err(error) = round.check_limit(live().count(), "alerts") {
            self.active.clear();
            return Err(error);
        }
        if self.awaits_restore || !evaluate.is_read() {
            return Ok(Vec::new());
        }
        Ok(live().flat_map(|alert| alert.points(round.at_ms)).collect())
    }

    /// Takes in the alerts of an answer; returns their labels.
    fn see(
        &mut self,
        samples: &[Sample],
        now_ms: i64,
        evaluate: &mut dyn Evaluate,
        expand: &dyn Expand,
    ) -> Result<HashSet<LabelSet>, RuleError> {
        let fixed = self.labels.values().all(|text| !text.contains("{{"));
        let (mut seen, mut found, mut named) = (HashSet::new(), Vec::with_capacity(samples.len()), HashMap::new());
        for sample in samples {
            let mut fill = Fill { subject: self.subject(sample, now_ms), evaluate, expand };
            let labels = match self.named.get(&sample.labels) {
                Some(labels) => labels.clone(),
                None => self.alert_labels(&mut fill),
            };
            let annotations = fill.all(&self.annotations);
            if fixed {
                named.insert(sample.labels.clone(), labels.clone());
            }
            if !seen.insert(labels.clone()) {
                return Err(RuleError::SameLabels("alert"));
            }
            found.push((labels, annotations, fill.subject.value));
        }
        self.named = named;
        for (labels, annotations, value) in found {
            match self.active.get_mut(&labels) {
                Some(known) if known.state != AlertState::Inactive => {
                    known.value = value;
                    known.annotations = annotations;
                }
                _ => _ = self.active.insert(labels.clone(), Alert::begins(labels, annotations, value, now_ms)),
            }
        }
        Ok(seen)
    }

    fn subject<'a>(&'a self, sample: &'a Sample, at_ms: i64) -> Subject<'a> {
        let value = match sample.value {
            Value::Number(value) => value,
            Value::Histogram(_) => 0.0,
        };
        Subject { alert: &self.name, labels: &sample.labels, value, at_ms }
    }

    fn alert_labels(&self, fill: &mut Fill<'_>) -> LabelSet {
        let own = fill.all(&self.labels);
        let own = own.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        set(fill.subject.labels, own.chain([("__name__", ""), ("alertname", self.name.as_str())]))
    }
}

/// Fills in templates about one sample.
struct Fill<'a> {
    subject: Subject<'a>,
    evaluate: &'a mut dyn Evaluate,
    expand: &'a dyn Expand,
}

impl Fill<'_> {
    fn all(&mut self, texts: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let filled = |(name, text): (&String, &String)| {
            let text = self.expand.expand(text, &self.subject, self.evaluate);
            (name.clone(), text.unwrap_or_else(|error| format!("<error expanding template: {error}>")))
        };
        texts.iter().map(filled).collect()
    }
}

impl Alert {
    fn begins(labels: LabelSet, annotations: BTreeMap<String, String>, value: f64, now_ms: i64) -> Self {
        Alert {
            labels,
            annotations,
            state: AlertState::Pending,
            value,
            active_ms: now_ms,
            fired_ms: None,
            resolved_ms: None,
            keep_firing_since_ms: None,
            told_ms: None,
        }
    }

    /// Goes on to `now_ms`. `seen`: the answer has it. False: it can be forgotten.
    fn step(&mut self, seen: bool, for_ms: i64, keep_ms: i64, now_ms: i64) -> bool {
        if seen {
            self.keep_firing_since_ms = None;
        } else if self.state == AlertState::Firing && keep_ms > 0 {
            let since = *self.keep_firing_since_ms.get_or_insert(now_ms);
            if now_ms.saturating_sub(since) >= keep_ms {
                self.resolve(now_ms);
            }
        } else if self.state == AlertState::Firing {
            self.resolve(now_ms);
        } else if self.state == AlertState::Pending {
            return false;
        }
        if self.state == AlertState::Pending && now_ms.saturating_sub(self.active_ms) >= for_ms {
            self.state = AlertState::Firing;
            self.fired_ms = Some(now_ms);
        }
        self.resolved_ms.is_none_or(|resolved| now_ms.saturating_sub(resolved) <= RESOLVED_KEPT_MS)
    }

    fn resolve(&mut self, now_ms: i64) {
        self.state = AlertState::Inactive;
        self.resolved_ms = Some(now_ms);
    }

    fn points(&self, at_ms: i64) -> [Point; 2] {
        let state = [("__name__", "ALERTS"), ("alertstate", self.state.as_str())];
        let seconds = self.active_ms.div_euclid(1000) as f64;
        [
            Point { labels: set(&self.labels, state), at_ms, value: Value::Number(1.0) },
            Point { labels: self.for_state_labels(), at_ms, value: Value::Number(seconds) },
        ]
    }

    /// Labels of the series that says since when the alert is active.
    pub(super) fn for_state_labels(&self) -> LabelSet {
        set(&self.labels, [("__name__", "ALERTS_FOR_STATE")])
    }
}
