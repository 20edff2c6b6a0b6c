//! Counters of the door of metrics: every sample that came is counted once, by what became of it.

use super::MetricAccepted;
use crate::reason::Reason;
use prometheus::{IntCounterVec, Opts, Registry};

/// `gantry_ingest_samples_total` and `gantry_ingest_exemplars_total`, with the labels of `gantry_ingest_lines_total`.
#[derive(Debug)]
pub(super) struct Counters {
    samples: IntCounterVec,
    exemplars: IntCounterVec,
}

impl Counters {
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let vec = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(vec.clone())).map(|()| vec)
        };
        Ok(Counters {
            samples: counters(
                "gantry_ingest_samples_total",
                "Samples of metrics, histograms too, by what became of them",
                &["tenant", "source", "outcome", "reason"],
            )?,
            exemplars: counters(
                "gantry_ingest_exemplars_total",
                "Exemplars by what became of them",
                &["tenant", "source", "outcome"],
            )?,
        })
    }

    pub fn accepted(&self, tenant: &str, source: &str, accepted: &MetricAccepted) {
        self.count(tenant, source, "accepted", "", accepted.samples);
        for refused in accepted.refused.by_reason() {
            self.count(tenant, source, "refused", refused.reason.code(), refused.lines);
        }
        for (outcome, count) in [("accepted", accepted.exemplars), ("refused", accepted.refused_exemplars)] {
            if count > 0 {
                self.exemplars.with_label_values(&[tenant, source, outcome]).inc_by(count);
            }
        }
    }

    pub fn refused(&self, tenant: &str, source: &str, reason: Reason, samples: u64) {
        self.count(tenant, source, "refused", reason.code(), samples);
    }

    pub fn dropped(&self, tenant: &str, source: &str, reason: Reason, samples: u64) {
        self.count(tenant, source, "dropped", reason.code(), samples);
    }

    fn count(&self, tenant: &str, source: &str, outcome: &str, reason: &str, samples: u64) {
        self.samples.with_label_values(&[tenant, source, outcome, reason]).inc_by(samples);
    }
}
