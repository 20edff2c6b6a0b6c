//! Reads a shard's log back into its heads after a start.

use super::head::{Head, Heads, Rules, SeriesCounts};
use super::labels;
use super::limits::Limits;
use super::metadata::Metadata;
use super::record::{self, RecordSink};
use super::series::NewSample;
use super::shard::Shard;
use crate::error::join_error;
use crate::shared::Shared;
use crate::wal::WalPosition;
use crate::wal::log::Record;
use crate::wal::segment::HEADER;
use gantry_chunk::Scratch;
use gantry_model::TenantId;
use gantry_model::metric::{EncodedLabels, Exemplar, MetricMetadata, NativeHistogram};
use gantry_store_api::StoreError;
use parking_lot::RwLockWriteGuard;
use std::collections::HashMap;
use std::sync::Arc;

/// What replay needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Replay {
    pub shared: Arc<Shared>,
    pub shard: Arc<Shard>,
    pub counts: Arc<SeriesCounts>,
    pub metadata: Arc<Metadata>,
}

impl Replay {
    /// Replays what is not in blocks yet and gives the number of the next segment.
    pub(crate) async fn run(self, flushed: WalPosition) -> Result<u64, StoreError> {
        tokio::task::spawn_blocking(move || self.run_here(flushed)).await.map_err(join_error)?
    }

    fn run_here(&self, flushed: WalPosition) -> Result<u64, StoreError> {
        let (shared, log) = (&self.shared, &self.shard.log);
        let found = log.open(shared, flushed)?;
        let active = self.shard.active();
        let mut sink = Sink::new(self, &active);
        let mut scratch = Scratch::default();
        for from in found.segments {
            log.replay(shared, from, |Record { payload, offset, end }| {
                record::read(payload, &mut scratch, &mut sink)?;
                self.shard.touched(shared.clock.now(), end - offset);
                Ok(())
            })?;
        }
        let exemplars = sink.exemplars;
        drop(sink);
        if active.is_empty() && !exemplars {
            log.release(shared, WalPosition { segment: found.next, offset: HEADER })?;
        }
        Ok(found.next)
    }
}

/// Puts what records hold into the heads.
struct Sink<'r> {
    replay: &'r Replay,
    heads: &'r Heads,
    tenants: RwLockWriteGuard<'r, HashMap<TenantId, Head>>,
    tenant: TenantId,
    dictionary: u64,
    /// Of the tenant.
    limits: Limits,
    /// Whether there were exemplars: they are nowhere else.
    exemplars: bool,
    /// Numbers of series in the log, by tenant, and those that they have now.
    known: HashMap<TenantId, HashMap<u32, u32>>,
    scratch: Scratch,
}

impl<'r> Sink<'r> {
    fn new(replay: &'r Replay, heads: &'r Heads) -> Self {
        Sink {
            replay,
            heads,
            tenants: heads.tenants.write(),
            tenant: TenantId::default_tenant(),
            dictionary: 0,
            limits: replay.shared.options.metrics.limits_of(&TenantId::default_tenant()),
            exemplars: false,
            known: HashMap::new(),
            scratch: Scratch::default(),
        }
    }

    fn rules(&self) -> Rules {
        Rules { limits: self.limits, now: 0, replay: true }
    }

    fn append(&mut self, series: u32, at: i64, sample: NewSample<'_>) -> Result<(), String> {
        let known = self.known.get(&self.tenant).and_then(|known| known.get(&series));
        let number = *known.ok_or("a series whose labels were in a record that cannot be read")?;
        let rules = self.rules();
        let head = self.heads.head(&mut self.tenants, &self.tenant, &self.replay.counts);
        // What is refused now is there already: the log has repeated samples, too.
        let _ = head.append_one(number, at, sample, rules, &mut self.scratch);
        Ok(())
    }
}

impl RecordSink for Sink<'_> {
    fn begin(&mut self, tenant: TenantId, dictionary: u64) {
        if dictionary != self.dictionary {
            self.known.clear();
            self.dictionary = dictionary;
        }
        if tenant != self.tenant {
            self.limits = self.replay.shared.options.metrics.limits_of(&tenant);
        }
        self.tenant = tenant;
    }

    fn define(&mut self, series: u32, bytes: &[u8]) -> Result<(), String> {
        EncodedLabels::new(bytes).ok_or("bytes that are no labels")?;
        let rules = self.rules();
        let head = self.heads.head(&mut self.tenants, &self.tenant, &self.replay.counts);
        let number = head.resolve(labels::hash(bytes), bytes, rules).map_err(|reason| reason.as_str())?;
        self.known.entry(self.tenant.clone()).or_default().insert(series, number);
        Ok(())
    }

    fn number(&mut self, series: u32, at: i64, value: f64) -> Result<(), String> {
        self.append(series, at, NewSample::Number(value))
    }

    fn histogram(&mut self, series: u32, at: i64, histogram: &NativeHistogram) -> Result<(), String> {
        self.append(series, at, NewSample::Histogram(histogram))
    }

    fn exemplar(&mut self, series: &[u8], exemplar: Exemplar) -> Result<(), String> {
        EncodedLabels::new(series).ok_or("bytes that are no labels")?;
        self.exemplars = true;
        // One that is refused was kept before.
        let _ = self.replay.shard.exemplars.push(&self.tenant, &series.into(), exemplar);
        Ok(())
    }

    fn metadata(&mut self, family: &str, metadata: MetricMetadata) {
        self.replay.metadata.add(&self.tenant, family, metadata);
    }
}
