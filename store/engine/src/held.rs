//! [`HeldQuerier`]: keeps the files of a snapshot as long as anything made from it is read.

use crate::split::Split;
use async_trait::async_trait;
use futures::StreamExt;
use gantry_model::Selector;
use gantry_store_api::{Querier, Scan, ScanRequest, StoreError, StreamSummary};
use std::sync::Arc;

/// A querier whose scans may outlive it: each of their parts holds the splits, too.
pub(crate) struct HeldQuerier {
    pub inner: Arc<dyn Querier>,
    pub splits: Arc<[Arc<Split>]>,
}

#[async_trait]
impl Querier for HeldQuerier {
    async fn streams(&self, selector: &Selector) -> Result<Vec<StreamSummary>, StoreError> {
        self.inner.streams(selector).await
    }

    async fn scan(&self, request: ScanRequest) -> Result<Scan, StoreError> {
        let mut scan = self.inner.scan(request).await?;
        let hold = |part: gantry_store_api::ScanStream| {
            let splits = self.splits.clone();
            // Naming the splits in the closure moves them into the stream.
            part.inspect(move |_| _ = splits.len()).boxed()
        };
        scan.parts = scan.parts.into_iter().map(hold).collect();
        Ok(scan)
    }
}
