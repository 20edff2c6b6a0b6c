//! The contract's [`Delete`] on top of [`Deletes`](super::Deletes).

use crate::flush::flush_oldest;
use crate::partition::Partition;
use crate::store::Store;
use crate::wal::WalPosition;
use crate::wal::writer::answered;
use async_trait::async_trait;
use gantry_model::TenantId;
use gantry_store_api::{Cancelled, Delete, DeleteRequest, DeleteWhat, ErrorKind, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Store {
    /// Separates what was written to the partition before from what comes after: a new memtable.
    async fn cut(&self, partition: &Arc<Partition>, number: u64) -> Result<WalPosition, StoreError> {
        partition.want_cut(number);
        loop {
            if let Some(at) = partition.cut_for(number) {
                return Ok(at);
            }
            match answered(partition.queue.request_freeze()?).await {
                Err(error) if error.kind() == ErrorKind::Overloaded => {
                    flush_oldest(&self.shared, partition).await?;
                }
                frozen => frozen?,
            }
        }
    }
}

#[async_trait]
impl Delete for Store {
    async fn delete(&self, tenant: &TenantId, what: DeleteWhat) -> Result<DeleteRequest, StoreError> {
        if what.range.is_empty() {
            return Err(StoreError::new(ErrorKind::Invalid, "the time range of the delete request is empty"));
        }
        let creation = self.shared.deletes.begin(tenant).await?;
        let mut cuts = BTreeMap::new();
        for partition in &self.partitions {
            cuts.insert(partition.number, self.cut(partition, creation.number).await?);
        }
        let request = creation.commit(tenant, &what, self.shared.clock.now(), cuts).await?;
        self.shared.versions.changed(tenant);
        let (start, end) = (what.range.start.0, what.range.end.0);
        tracing::info!(
            %tenant, request = request.id, query = what.query, start, end, by = what.by, "delete request received"
        );
        Ok(request)
    }

    async fn delete_requests(&self, tenant: &TenantId) -> Result<Vec<DeleteRequest>, StoreError> {
        self.shared.deletes.list(tenant).await
    }

    async fn cancel_delete(&self, tenant: &TenantId, id: &str) -> Result<Cancelled, StoreError> {
        let cancelled = self.shared.deletes.cancel(tenant, id, self.shared.clock.now()).await?;
        if cancelled == Cancelled::Done {
            self.shared.versions.changed(tenant);
            tracing::info!(%tenant, request = id, "delete request cancelled");
        }
        Ok(cancelled)
    }
}
