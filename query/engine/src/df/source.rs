//! [`ScanSource`]: one scan of the store, shared by the partitions of a plan.

use crate::QueryError;
use futures::StreamExt;
use futures::stream::BoxStream;
use gantry_model::LabelSet;
use gantry_store_api::{LogRows, Querier, Scan, ScanReport, ScanRequest, ScanStream};
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// A scan that is opened once, by whoever needs it first, and read by `request.parallelism` partitions.
pub struct ScanSource {
    querier: Arc<dyn Querier>,
    request: ScanRequest,
    max_bytes: u64,
    opened: OnceCell<Opened>,
}

struct Opened {
    streams: Arc<[LabelSet]>,
    report: Arc<ScanReport>,
    parts: Mutex<Vec<Option<BoxStream<'static, ScanItem>>>>,
}

type ScanItem = Result<LogRows, QueryError>;

impl ScanSource {
    /// `max_bytes` is the budget of bodies and metadata that this scan may look at.
    pub fn new(querier: Arc<dyn Querier>, request: ScanRequest, max_bytes: u64) -> Arc<Self> {
        Arc::new(ScanSource { querier, request, max_bytes, opened: OnceCell::new() })
    }

    /// The same scan, not yet read.
    pub fn again(&self) -> Arc<Self> {
        ScanSource::new(self.querier.clone(), self.request.clone(), self.max_bytes)
    }

    pub fn request(&self) -> &ScanRequest {
        &self.request
    }

    /// Labels by the stream numbers that the rows hold; opens the scan.
    pub async fn streams(&self) -> Result<Arc<[LabelSet]>, QueryError> {
        Ok(self.open().await?.streams.clone())
    }

    /// What the scan did so far, when it was opened.
    pub fn report(&self) -> Option<Arc<ScanReport>> {
        self.opened.get().map(|opened| opened.report.clone())
    }

    /// The rows of one partition; opens the scan. Each partition can be read once.
    pub async fn partition(&self, partition: usize) -> Result<BoxStream<'static, ScanItem>, QueryError> {
        let opened = self.open().await?;
        let part = opened.parts.lock().get_mut(partition).and_then(Option::take);
        part.ok_or_else(|| QueryError::Internal(format!("partition {partition} of a scan was read twice")))
    }

    async fn open(&self) -> Result<&Opened, QueryError> {
        let open = async || {
            let scan = self.querier.scan(self.request.clone()).await?;
            Ok(spread(scan, self.request.parallelism, self.max_bytes))
        };
        self.opened.get_or_try_init(open).await
    }
}

/// Deals the parts of the scan out to the partitions; a partition that gets none is empty.
fn spread(scan: Scan, partitions: usize, max_bytes: u64) -> Opened {
    let mut hands: Vec<Vec<ScanStream>> = (0..partitions.max(1)).map(|_| Vec::new()).collect();
    for (at, part) in scan.parts.into_iter().enumerate() {
        let hand = at % hands.len();
        hands[hand].push(part);
    }
    let report = scan.report;
    let guarded = |hand: Vec<ScanStream>| {
        let report = report.clone();
        let rows = futures::stream::iter(hand).flatten().map(move |rows| within_budget(rows?, &report, max_bytes));
        Some(rows.boxed())
    };
    let parts = hands.into_iter().map(guarded).collect();
    Opened { streams: scan.streams, report, parts: Mutex::new(parts) }
}

fn within_budget(rows: LogRows, report: &ScanReport, max_bytes: u64) -> ScanItem {
    let scanned = report.bytes_scanned.load(std::sync::atomic::Ordering::Relaxed);
    if scanned > max_bytes {
        return Err(QueryError::Budget(format!(
            "the query would read too many bytes (limit: {max_bytes}); consider adding more specific stream selectors or reduce the time range of the query"
        )));
    }
    Ok(rows)
}

impl fmt::Debug for ScanSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScanSource")
            .field("request", &self.request)
            .field("opened", &self.opened.initialized())
            .finish()
    }
}
