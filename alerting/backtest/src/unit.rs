//! One rule while history is replayed.

use crate::answers::{Answer, Instant, Past};
use crate::report::RuleReport;
use crate::watch::Watch;
use gantry_alerting::{Evaluate, Expand, Group, Rule, RuleGroup, Subject};
use gantry_promql::Steps;
use std::collections::BTreeMap;

pub(crate) struct Unit {
    pub rule: Rule,
    group_labels: BTreeMap<String, String>,
    /// A group with this rule alone: others of its group are replayed one after the other, in its order.
    group: Group,
    offset_ms: i64,
    next_ms: i64,
    pub is_read: bool,
    /// It records, without a limit: when nobody reads that, how many series there are is all there is to say.
    only_counts: bool,
    pub report: RuleReport,
    pub watch: Watch,
    splits: u32,
    /// Instants of a question.
    most_steps: usize,
}

impl Unit {
    /// Evaluates at multiples of `interval_ms` from `start_ms` on.
    pub fn new(group: &RuleGroup, rule: &Rule, interval_ms: i64, start_ms: i64) -> Self {
        let alone = RuleGroup { rules: vec![rule.clone()], ..group.clone() };
        let report = RuleReport {
            group: group.name.clone(),
            name: rule.name().to_owned(),
            is_alert: !rule.alert.is_empty(),
            interval_ms,
            ..RuleReport::default()
        };
        Unit {
            rule: rule.clone(),
            group_labels: group.labels.clone(),
            group: Group::new(&alone, 0),
            offset_ms: group.query_offset_ms.unwrap_or(0),
            next_ms: start_ms.saturating_add(interval_ms - 1).div_euclid(interval_ms).saturating_mul(interval_ms),
            is_read: false,
            only_counts: !report.is_alert && group.limit <= 0,
            report,
            watch: Watch::default(),
            splits: 0,
            most_steps: usize::MAX,
        }
    }

    /// The instants that are asked for, up to `to_ms`.
    pub fn steps(&self, to_ms: i64) -> Option<Steps> {
        let (start, end) = (self.next_ms - self.offset_ms, to_ms - self.offset_ms);
        (start <= end).then_some(Steps { start, end, step: self.report.interval_ms })
    }

    /// Goes on to `to_ms`.
    ///
    /// # Errors
    /// Nothing more can be asked.
    pub fn run(&mut self, to_ms: i64, past: &mut Past<'_>, expand: &dyn Expand) -> Result<(), String> {
        while let Some(steps) = self.steps(to_ms) {
            let part = steps.count().min(self.most_steps);
            let steps = Steps { end: steps.at(part - 1), ..steps };
            let splits = self.splits;
            let answers = past.ask(&self.rule.expr, steps, &mut self.splits)?;
            if answers.len() > 1 && answers.iter().all(|answer| answer.series.is_ok()) {
                // No instant fails: the question was too large, and the next ones are smaller.
                self.most_steps = answers.iter().map(|answer| answer.steps.count()).max().unwrap_or(1);
                self.splits = splits;
            }
            for answer in answers {
                self.replay(&answer, past, expand);
            }
        }
        Ok(())
    }

    fn replay(&mut self, answer: &Answer, past: &mut Past<'_>, expand: &dyn Expand) {
        let count = answer.steps.count();
        if let Ok(series) = &answer.series {
            self.report.series = self.report.series.max(series.len() as u64);
            if self.only_counts && !self.is_read {
                self.report.evaluations += count as u64;
                self.next_ms += self.report.interval_ms * count as i64;
                return;
            }
        }
        for step in 0..count {
            let labels_alone = LabelsAlone { expand, labels: &self.rule.labels, of_group: &self.group_labels };
            let mut instant = Instant { past, expr: &self.rule.expr, answer, step, keep: self.is_read };
            let outcomes = self.group.evaluate(self.next_ms, &mut instant, &labels_alone);
            if self.watch.has_news(self.group.alerts()) {
                // The same evaluation again, which changes nothing but the annotations.
                self.group.evaluate(self.next_ms, &mut instant, expand);
            }
            self.report.evaluations += 1;
            for error in outcomes.into_iter().filter_map(|outcome| outcome.result.err()) {
                self.report.failures.count += 1;
                self.report.failures.first.get_or_insert_with(|| (self.next_ms, error.to_string()));
            }
            if self.report.is_alert {
                self.watch.look(self.next_ms, self.group.alerts(), &mut self.report);
            }
            self.next_ms += self.report.interval_ms;
        }
    }
}

/// Leaves annotations empty: they are looked at when an alert begins to fire, and to fill them in takes longer than all else.
struct LabelsAlone<'a> {
    expand: &'a dyn Expand,
    labels: &'a BTreeMap<String, String>,
    of_group: &'a BTreeMap<String, String>,
}

impl Expand for LabelsAlone<'_> {
    fn expand(&self, text: &str, subject: &Subject<'_>, evaluate: &mut dyn Evaluate) -> Result<String, String> {
        if self.labels.values().chain(self.of_group.values()).any(|label| label == text) {
            return self.expand.expand(text, subject, evaluate);
        }
        Ok(String::new())
    }
}
