//! Counters of alerts and notifications.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, exponential_buckets};

#[derive(Clone, Debug)]
pub struct ManagerMetrics {
    /// Alerts that were reported, by status.
    pub received: IntCounterVec,
    pub invalid: IntCounter,
    /// Notifications by receiver and integration, and those that failed for good.
    pub notifications: IntCounterVec,
    pub failed: IntCounterVec,
    /// Attempts, which may be repeated.
    pub attempts: IntCounterVec,
    pub seconds: Histogram,
    pub alerts: IntGauge,
}

impl ManagerMetrics {
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let of = ["receiver", "integration"];
        let counters = |name: &str, help: &str, labels: &[&str]| IntCounterVec::new(Opts::new(name, help), labels);
        let seconds = HistogramOpts::new("gantry_alertmanager_attempt_seconds", "Time that an attempt to notify took.");
        let metrics = ManagerMetrics {
            received: counters("gantry_alertmanager_alerts_received_total", "Alerts that were reported.", &["status"])?,
            invalid: IntCounter::new("gantry_alertmanager_alerts_invalid_total", "Reported alerts that were refused.")?,
            notifications: counters("gantry_alertmanager_notifications_total", "Notifications that were sent.", &of)?,
            failed: counters(
                "gantry_alertmanager_notifications_failed_total",
                "Notifications given up until their group is looked at again.",
                &of,
            )?,
            attempts: counters("gantry_alertmanager_attempts_total", "Attempts to notify.", &of)?,
            seconds: Histogram::with_opts(seconds.buckets(exponential_buckets(0.001, 4.0, 8)?))?,
            alerts: IntGauge::new("gantry_alertmanager_alerts", "Alerts that are kept, of all tenants.")?,
        };
        for counter in [&metrics.received, &metrics.notifications, &metrics.failed, &metrics.attempts] {
            registry.register(Box::new(counter.clone()))?;
        }
        registry.register(Box::new(metrics.invalid.clone()))?;
        registry.register(Box::new(metrics.seconds.clone()))?;
        registry.register(Box::new(metrics.alerts.clone()))?;
        Ok(metrics)
    }
}
