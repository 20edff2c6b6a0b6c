//! Counters, after those of Prometheus (`prometheus_remote_storage_*`), with the remote's name as `remote_name`.

use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    samples: IntCounterVec,
    exemplars: IntCounterVec,
    retried: IntCounterVec,
    requests: IntCounterVec,
    bytes: IntCounterVec,
    seconds: HistogramVec,
    behind: IntGaugeVec,
    pending: IntGaugeVec,
    shards: IntGaugeVec,
    highest: IntGaugeVec,
    pub log_bytes: IntGauge,
}

/// Those of one remote.
#[derive(Clone, Debug)]
pub(crate) struct RemoteMetrics {
    all: Metrics,
    remote: String,
    pub behind: IntGauge,
    pub pending: IntGauge,
    pub shards: IntGauge,
    highest: IntGauge,
    pub seconds: Histogram,
}

impl Metrics {
    /// # Errors
    /// When the registry holds metrics of these names already.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let vec = IntCounterVec::new(Opts::new(format!("gantry_remote_write_{name}"), help), labels)?;
            registry.register(Box::new(vec.clone())).map(|()| vec)
        };
        let gauge = |name: &str, help: &str| {
            let vec = IntGaugeVec::new(Opts::new(format!("gantry_remote_write_{name}"), help), &["remote_name"])?;
            registry.register(Box::new(vec.clone())).map(|()| vec)
        };
        let seconds = HistogramOpts::new("gantry_remote_write_request_seconds", "Time of a request until its answer");
        let seconds = HistogramVec::new(seconds, &["remote_name"])?;
        registry.register(Box::new(seconds.clone()))?;
        let log_bytes = IntGauge::new("gantry_remote_write_log_bytes", "Bytes on disk that wait for remotes")?;
        registry.register(Box::new(log_bytes.clone()))?;
        Ok(Metrics {
            samples: counter(
                "samples_total",
                "Samples, histograms too, by what became of them: sent, failed (the remote refused), dropped",
                &["remote_name", "outcome", "reason"],
            )?,
            exemplars: counter("exemplars_total", "Exemplars that were sent", &["remote_name"])?,
            retried: counter("samples_retried_total", "Samples that had to be sent again", &["remote_name"])?,
            requests: counter("requests_total", "Requests by outcome", &["remote_name", "outcome"])?,
            bytes: counter("bytes_total", "Compressed bytes of samples that were sent", &["remote_name"])?,
            seconds,
            behind: gauge("behind_bytes", "Bytes of the log that were not read yet")?,
            pending: gauge("pending_samples", "Samples that wait in memory")?,
            shards: gauge("shards", "Requests that may be under way at a time")?,
            highest: gauge("highest_sent_timestamp_seconds", "Time of the newest sample that was sent")?,
            log_bytes,
        })
    }

    pub fn of(&self, remote: &str) -> RemoteMetrics {
        RemoteMetrics {
            all: self.clone(),
            remote: remote.to_owned(),
            behind: self.behind.with_label_values(&[remote]),
            pending: self.pending.with_label_values(&[remote]),
            shards: self.shards.with_label_values(&[remote]),
            highest: self.highest.with_label_values(&[remote]),
            seconds: self.seconds.with_label_values(&[remote]),
        }
    }
}

impl RemoteMetrics {
    pub fn sent(&self, samples: u64, exemplars: u64, bytes: u64, newest_ms: i64) {
        self.count("sent", "", samples);
        self.all.exemplars.with_label_values(&[&self.remote]).inc_by(exemplars);
        self.all.bytes.with_label_values(&[&self.remote]).inc_by(bytes);
        self.highest.set(self.highest.get().max(newest_ms.div_euclid(1000)));
    }

    pub fn failed(&self, reason: &str, samples: u64) {
        self.count("failed", reason, samples);
    }

    pub fn dropped(&self, reason: &str, samples: u64) {
        if samples > 0 {
            self.count("dropped", reason, samples);
        }
    }

    pub fn retried(&self, samples: u64) {
        self.all.retried.with_label_values(&[&self.remote]).inc_by(samples);
    }

    pub fn request(&self, outcome: &str) {
        self.all.requests.with_label_values(&[&*self.remote, outcome]).inc();
    }

    fn count(&self, outcome: &str, reason: &str, samples: u64) {
        self.all.samples.with_label_values(&[&*self.remote, outcome, reason]).inc_by(samples);
    }
}
