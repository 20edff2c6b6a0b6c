//! [`Sink`]: where collected lines go.

use crate::{Ingest, Kind};
use async_trait::async_trait;
use gantry_model::{LogBatch, TenantId};
use std::fmt::Debug;
use std::time::Duration;

/// Takes batches of a collector. [`Ingest`] in the server, an HTTP client in `gantry run`, a fake in tests.
#[async_trait]
pub trait Sink: Debug + Send + Sync {
    /// Returns `Ok` when every line is durable, or was refused for good and counted by the sink: the checkpoint moves.
    ///
    /// # Errors
    /// Some lines may be stored all the same; sending the same batch again stores none of them twice.
    async fn submit(&self, tenant: &TenantId, source: &'static str, batch: LogBatch) -> Result<(), SinkError>;
}

/// Why a batch was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SinkError {
    /// For the operator.
    pub message: String,
    /// When to send the same batch again; `None` when that can never help.
    pub retry_after: Option<Duration>,
}

impl SinkError {
    /// The sink may take the same batch later.
    pub fn retry(message: impl Into<String>, after: Duration) -> Self {
        SinkError { message: message.into(), retry_after: Some(after) }
    }

    /// The sink will never take this batch.
    pub fn refused(message: impl Into<String>) -> Self {
        SinkError { message: message.into(), retry_after: None }
    }
}

/// A file is a safe place for lines until a failing store works again, so its own failures are tried again as well.
const AFTER_INTERNAL: Duration = Duration::from_secs(5);

#[async_trait]
impl Sink for Ingest {
    async fn submit(&self, tenant: &TenantId, source: &'static str, batch: LogBatch) -> Result<(), SinkError> {
        match Ingest::submit(self, tenant, source, batch).await {
            Ok(accepted) if accepted.refused.is_empty() => Ok(()),
            Ok(accepted) => {
                tracing::debug!(%tenant, source, "{}", accepted.refused.summary(accepted.lines));
                Ok(())
            }
            Err(error) if error.kind() == Kind::Internal => Err(SinkError::retry(error.to_string(), AFTER_INTERNAL)),
            Err(error) => Err(SinkError { message: error.to_string(), retry_after: error.retry_after }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fixture, NOW};
    use gantry_model::LabelSet;
    use gantry_store_api::ErrorKind;

    #[tokio::test]
    async fn only_what_can_never_be_stored_is_given_up() {
        let fixture = Fixture::new();
        let submit = async |kind| {
            fixture.store.fail_with(kind);
            let mut builder = LogBatch::builder();
            builder.stream(LabelSet::from_pairs([("app", "web")])).push(NOW, "line", []).unwrap();
            Sink::submit(&*fixture.ingest, &TenantId::default_tenant(), "file", builder.finish()).await
        };
        for kind in [ErrorKind::Overloaded, ErrorKind::StorageFull, ErrorKind::Unavailable, ErrorKind::Internal] {
            assert!(submit(Some(kind)).await.unwrap_err().retry_after.is_some(), "{kind:?}");
        }
        assert_eq!(submit(Some(ErrorKind::Invalid)).await.unwrap_err().retry_after, None);
        assert_eq!(submit(None).await, Ok(()));
        assert_eq!(fixture.store.lines().len(), 1);
    }
}
