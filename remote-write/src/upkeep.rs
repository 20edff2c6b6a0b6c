//! What goes on beside the samples of a remote: its cursor, its gauges, and what is known of metric families.

use crate::cursor::Cursor;
use crate::deliver::{Request, Verdict};
use crate::log::Files;
use crate::options::{MetadataConfig, ProtobufMessage};
use crate::reader::Reading;
use crate::shard::{Common, compress};
use gantry_model::TenantId;
use gantry_model::metric::{EncodedLabels, METRIC_NAME, MetricMetadata, MetricType};
use gantry_prompb::write_request;
use gantry_store_api::QueryMetrics;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How often the cursor is saved: what is sent again after a crash.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// Types, units and help by tenant and family, asked from the store now and then.
pub(crate) struct Families {
    query: Arc<dyn QueryMetrics>,
    known: RwLock<HashMap<TenantId, HashMap<String, Arc<MetricMetadata>>>>,
}

impl fmt::Debug for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Families").finish_non_exhaustive()
    }
}

impl Families {
    pub fn new(query: Arc<dyn QueryMetrics>) -> Self {
        Families { query, known: RwLock::default() }
    }

    /// Asks the store again about the tenants that `takes` names.
    pub fn refresh(&self, takes: &dyn Fn(&TenantId) -> bool) {
        let of = |tenant: TenantId| {
            let all = self.query.metadata(&tenant, None);
            // Where sources disagree the first counts.
            let first =
                all.into_iter().filter_map(|(family, abouts)| Some((family, Arc::new(abouts.into_iter().next()?))));
            (tenant, first.collect())
        };
        let known = self.query.metric_tenants().into_iter().filter(|tenant| takes(tenant)).map(of).collect();
        *self.known.write() = known;
    }

    /// Of the family that a series belongs to.
    pub fn about(&self, tenant: &TenantId, labels: EncodedLabels<'_>) -> Option<Arc<MetricMetadata>> {
        let name = labels.get(METRIC_NAME)?;
        let known = self.known.read();
        let families = known.get(tenant)?;
        let base = || {
            let base = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix))?;
            let has_parts = |about: &&Arc<MetricMetadata>| {
                matches!(about.kind, MetricType::Histogram | MetricType::GaugeHistogram | MetricType::Summary)
            };
            families.get(base).filter(has_parts)
        };
        families.get(name).or_else(base).cloned()
    }

    fn all(&self) -> Vec<(TenantId, Vec<About>)> {
        let known = self.known.read();
        let of = |(tenant, families): (&TenantId, &HashMap<String, Arc<MetricMetadata>>)| {
            (tenant.clone(), families.iter().map(|(family, about)| (family.clone(), about.clone())).collect())
        };
        known.iter().map(of).collect()
    }
}

/// A family and what is known of it.
type About = (String, Arc<MetricMetadata>);

/// What the upkeep of a remote looks at.
#[derive(Clone, Debug)]
pub(crate) struct Upkeep {
    pub files: Arc<Files>,
    pub reading: Arc<Reading>,
    pub common: Arc<Common>,
    pub shards: Arc<AtomicUsize>,
    pub log_bytes: prometheus::IntGauge,
}

impl Upkeep {
    /// Saves the cursor, releases what it is past, and sets gauges, until it is dropped.
    pub async fn run(self) {
        let mut last = None;
        loop {
            tokio::time::sleep(SAVE_EVERY).await;
            last = self.save(last);
        }
    }

    /// Saves the cursor unless it is as last time.
    pub fn save(&self, last: Option<Cursor>) -> Option<Cursor> {
        let metrics = &self.common.metrics;
        metrics.dropped("log_full", self.reading.take_lost());
        metrics.behind.set(self.files.behind(self.reading.next()) as i64);
        self.log_bytes.set(self.files.bytes() as i64);
        let cursor = Cursor { done: self.reading.done(), shards: self.shards.load(Ordering::Relaxed) };
        if last == Some(cursor) {
            return last;
        }
        if let Err(error) = cursor.save(&self.files.dir, &self.reading.name) {
            tracing::error!(remote = self.reading.name, %error, "the cursor cannot be saved: after a crash more is sent again");
            return last;
        }
        self.files.release();
        Some(cursor)
    }

    /// Tells the remote what is known of metric families, now and then. In 2.0 series carry it.
    pub async fn describe(self, config: MetadataConfig) {
        loop {
            self.common.families.refresh(&*self.reading.takes);
            if self.common.message == ProtobufMessage::V1 && config.send {
                self.describe_once(&config).await;
            }
            tokio::time::sleep(config.send_interval).await;
        }
    }

    async fn describe_once(&self, config: &MetadataConfig) {
        for (tenant, families) in self.common.families.all() {
            for some in families.chunks(config.max_samples_per_send) {
                let body = write_request::v1_metadata(some.iter().map(|(family, about)| (family.as_str(), &**about)));
                let request = Request { tenant: tenant.clone(), body: compress(&body), samples: 0 };
                let verdict = self.common.deliver.deliver(&request).await;
                self.common.metrics.request(if verdict == Verdict::Taken {
                    "metadata_taken"
                } else {
                    "metadata_failed"
                });
            }
        }
    }
}
