//! Counters of evaluations.

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, exponential_buckets};

/// By language.
#[derive(Clone, Debug)]
pub struct RulerMetrics {
    pub evaluations: IntCounterVec,
    pub failures: IntCounterVec,
    pub missed: IntCounterVec,
    pub seconds: HistogramVec,
    pub groups: IntGaugeVec,
    pub unreadable: IntCounterVec,
}

impl RulerMetrics {
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str| IntCounterVec::new(Opts::new(name, help), &["language"]);
        let seconds = HistogramOpts::new("gantry_ruler_evaluation_seconds", "Time that an evaluation of a group took.");
        let metrics = RulerMetrics {
            evaluations: counter("gantry_ruler_rule_evaluations_total", "Rules that were evaluated.")?,
            failures: counter("gantry_ruler_rule_evaluation_failures_total", "Rules whose evaluation failed.")?,
            missed: counter(
                "gantry_ruler_missed_evaluations_total",
                "Evaluations of groups that were not done in time.",
            )?,
            seconds: HistogramVec::new(seconds.buckets(exponential_buckets(0.001, 4.0, 8)?), &["language"])?,
            groups: IntGaugeVec::new(Opts::new("gantry_ruler_groups", "Groups that are evaluated."), &["language"])?,
            unreadable: counter(
                "gantry_ruler_unreadable_files_total",
                "Rule files that could not be taken, by each look at them.",
            )?,
        };
        for counter in [&metrics.evaluations, &metrics.failures, &metrics.missed, &metrics.unreadable] {
            registry.register(Box::new(counter.clone()))?;
        }
        registry.register(Box::new(metrics.seconds.clone()))?;
        registry.register(Box::new(metrics.groups.clone()))?;
        Ok(metrics)
    }
}
