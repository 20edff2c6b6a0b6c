//! Requests whose lines a [`Transform`] changes first, and may take to other tenants.

use super::Ingest;
use crate::error::{Accepted, IngestError};
use crate::incoming::Incoming;
use crate::reason::Reason;
use crate::transform::{Transform, Transformed};
use gantry_model::{LogBatch, TenantId};

impl Ingest {
    /// The sender needs room in its own rate for what it sent, so that transforming is no way to get more work done; what
    /// is stored is then charged to whom it ends with. When one of several tenants cannot be served the request is
    /// refused: lines of the others that are stored by then count once when it comes again.
    pub(super) async fn store_transformed(
        &self,
        transform: &dyn Transform,
        tenant: &TenantId,
        source: &'static str,
        incoming: Incoming,
    ) -> Result<Accepted, IngestError> {
        self.check_tenant(tenant)?;
        let now = self.clock.now();
        let Incoming { batch, refused, .. } = incoming;
        let size = batch.text_bytes();
        self.admit(tenant, size)?;
        let transformed = transform.apply(tenant, source, batch, now);
        self.rates.refund(tenant, size);
        let Transformed { batches, dropped_lines, dropped_bytes, undo } = transformed?;
        let stored = match self.admit_all(&batches) {
            Ok(()) => self.keep_all(source, batches).await,
            Err(refusal) => Err(refusal),
        };
        let stored = stored.inspect_err(|_| undo.into_iter().for_each(|undo| undo()))?;
        if dropped_lines > 0 {
            self.metrics.dropped(tenant, source, Reason::DroppedByTransform, dropped_lines, dropped_bytes);
        }
        self.metrics.refused(tenant, source, &refused);
        let mut all = Accepted { refused, ..Accepted::default() };
        for (target, accepted) in stored {
            self.count(&target, source, &accepted);
            all.lines += accepted.lines;
            all.bytes += accepted.bytes;
            all.refused.merge(accepted.refused);
        }
        Ok(all)
    }

    /// All or none.
    fn admit_all(&self, batches: &[(TenantId, LogBatch)]) -> Result<(), IngestError> {
        for (at, (tenant, batch)) in batches.iter().enumerate() {
            let admitted = self.check_tenant(tenant).and_then(|()| self.admit(tenant, batch.text_bytes()));
            if let Err(refusal) = admitted {
                self.refund_all(&batches[..at]);
                return Err(refusal);
            }
        }
        Ok(())
    }

    async fn keep_all(
        &self,
        source: &'static str,
        batches: Vec<(TenantId, LogBatch)>,
    ) -> Result<Vec<(TenantId, Accepted)>, IngestError> {
        let now = self.clock.now();
        let mut stored = Vec::with_capacity(batches.len());
        let mut left = batches.into_iter();
        while let Some((tenant, batch)) = left.next() {
            match self.keep(&tenant, source, batch.into(), now).await {
                Ok(accepted) => stored.push((tenant, accepted)),
                Err(refusal) => {
                    self.refund_all(left.as_slice());
                    return Err(refusal);
                }
            }
        }
        Ok(stored)
    }

    fn refund_all(&self, batches: &[(TenantId, LogBatch)]) {
        for (tenant, batch) in batches {
            self.rates.refund(tenant, batch.text_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
