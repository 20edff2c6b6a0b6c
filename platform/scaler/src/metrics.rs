//! Counters of looks at policies.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, exponential_buckets};

#[derive(Clone, Debug)]
pub(crate) struct ScalerMetrics {
    pub looks: IntCounterVec,
    pub failures: IntCounterVec,
    pub seconds: Histogram,
    pub policies: IntGauge,
    pub unreadable: IntCounter,
}

impl ScalerMetrics {
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let by = |name: &str, help: &str, label: &str| IntCounterVec::new(Opts::new(name, help), &[label]);
        let seconds = HistogramOpts::new("gantry_scaler_look_seconds", "Time that a look at a policy took.");
        let metrics = ScalerMetrics {
            looks: by("gantry_scaler_looks_total", "Looks at policies, by what came of them.", "outcome")?,
            failures: by("gantry_scaler_failures_total", "What failed in looks at policies.", "part")?,
            seconds: Histogram::with_opts(seconds.buckets(exponential_buckets(0.001, 4.0, 8)?))?,
            policies: IntGauge::new("gantry_scaler_policies", "Policies that are run.")?,
            unreadable: IntCounter::new(
                "gantry_scaler_unreadable_files_total",
                "Files of policies that could not be taken, by each look at them.",
            )?,
        };
        registry.register(Box::new(metrics.looks.clone()))?;
        registry.register(Box::new(metrics.failures.clone()))?;
        registry.register(Box::new(metrics.seconds.clone()))?;
        registry.register(Box::new(metrics.policies.clone()))?;
        registry.register(Box::new(metrics.unreadable.clone()))?;
        Ok(metrics)
    }
}
