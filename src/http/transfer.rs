//! Export and import: lines as one Parquet file, streamed both ways.

use super::tenant::Tenant;
use axum::body::{Body, Bytes};
use axum::extract::{Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use gantry_ingest::Ingest;
use gantry_model::{LogBatch, TenantId, TimeRange};
use gantry_query::LineSelection;
use gantry_store::Store;
use gantry_store::export::{Import, export};
use gantry_store_api::{ErrorKind, Queryable, ScanColumns, ScanOrder, ScanRequest, StoreError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Exports and imports at a time; each holds a row group in memory.
const AT_ONCE: usize = 2;
/// Batches that are read ahead of the store.
const READ_AHEAD: usize = 2;
/// How often lines of an import are offered to a store that has no room for them.
const ATTEMPTS: u32 = 60;
/// How often the free space is looked at while a body is received, in bytes.
const LOOK_EVERY: u64 = 8 << 20;

type Refusal = (StatusCode, String);

/// What the handlers share.
#[derive(Clone, Debug)]
pub struct Transfers {
    store: Arc<Store>,
    /// Where bodies wait.
    dir: PathBuf,
    slots: Arc<Semaphore>,
    files: Arc<AtomicU64>,
}

impl Transfers {
    /// `dir` is emptied: what is in it was left by a process that was killed.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn new(store: Arc<Store>, dir: PathBuf) -> std::io::Result<Self> {
        if dir.is_dir() {
            std::fs::remove_dir_all(&dir)?;
        }
        std::fs::create_dir_all(&dir)?;
        Ok(Transfers { store, dir, slots: Arc::new(Semaphore::new(AT_ONCE)), files: Arc::default() })
    }

    fn slot(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let busy =
            |_| (StatusCode::TOO_MANY_REQUESTS, format!("{AT_ONCE} exports or imports run already; try later\n"));
        self.slots.clone().try_acquire_owned().map_err(busy)
    }
}

/// Which lines to export.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    query: String,
    #[serde(default)]
    start: String,
    #[serde(default)]
    end: String,
}

/// Answers a Parquet file with the lines of a selector and line filters from `start` to before `end`.
pub async fn export_lines(
    State(transfers): State<Transfers>,
    tenant: Tenant,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    let bad = |text: String| (StatusCode::BAD_REQUEST, text + "\n");
    let LineSelection { selector, lines } =
        LineSelection::parse(&wanted.query, true).map_err(|e| bad(e.to_string()))?;
    let instant = |name: &str, text: &str, default| match text {
        "" => Ok(default),
        text => super::delete::instant(text)
            .ok_or_else(|| bad(format!("{name} is no time: seconds, nanoseconds or RFC 3339"))),
    };
    let start = instant("start", &wanted.start, TimeRange::ALL.start)?;
    let end = instant("end", &wanted.end, TimeRange::ALL.end)?;
    if start >= end {
        return Err(bad("start must be before end".to_owned()));
    }
    let slot = transfers.slot()?;
    let columns = ScanColumns { body: true, metadata: true };
    let request = ScanRequest { selector, lines, columns, order: ScanOrder::Any, parallelism: 1 };
    let scan = transfers.store.querier(&tenant.0, TimeRange::new(start, end)).scan(request).await;
    let pieces = scan.and_then(export).map_err(|error| failed("export", &error))?;
    // The slot is free when the last piece was sent, or the client went away.
    let pieces = pieces.inspect(move |piece| {
        let _running = &slot;
        if let Err(error) = piece {
            tracing::error!(%error, "an export broke off");
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "application/vnd.apache.parquet"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"export.parquet\""),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// What became of an imported file.
#[derive(Debug, Default, Serialize)]
struct Imported {
    /// Lines stored; those that were there already count once in queries.
    lines: u64,
    bytes: u64,
    refused_lines: u64,
    refused_by_reason: BTreeMap<&'static str, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_refusal: Option<String>,
}

/// Takes a Parquet file; answers when its lines are durable. Repeating an import changes nothing.
pub async fn import_lines(
    State((transfers, ingest)): State<(Transfers, Arc<Ingest>)>,
    tenant: Tenant,
    request: Request,
) -> Result<Response, Refusal> {
    let tenant = tenant.writable()?;
    let _slot = transfers.slot()?;
    let number = transfers.files.fetch_add(1, Ordering::Relaxed);
    let file = Spooled(transfers.dir.join(format!("{number}.parquet")));
    receive(&transfers.store, &file.0, request.into_body()).await?;
    let imported = store_all(&ingest, &tenant, file.0.clone()).await?;
    tracing::info!(%tenant, lines = imported.lines, refused = imported.refused_lines, "imported a file");
    Ok(axum::Json(imported).into_response())
}

/// A file that goes when it is no longer needed.
#[derive(Debug)]
struct Spooled(PathBuf);

impl Drop for Spooled {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(file = %self.0.display(), %error, "a file of an import stays until the next start");
        }
    }
}

/// A Parquet file is read from its end, so it has to be here as a whole.
async fn receive(store: &Store, path: &Path, body: Body) -> Result<(), Refusal> {
    let broken = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "an import cannot be written to disk");
        (StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be kept; see the log of the server\n".to_owned())
    };
    let mut file = tokio::fs::File::create(path).await.map_err(|e| broken(&e))?;
    let mut pieces = body.into_data_stream();
    let (mut len, mut looked) = (0u64, None);
    while let Some(piece) = pieces.next().await {
        let piece: Bytes = piece.map_err(|e| (StatusCode::BAD_REQUEST, format!("the body broke off: {e}\n")))?;
        len += piece.len() as u64;
        if looked.is_none_or(|at| len > at + LOOK_EVERY) {
            store.check_free(LOOK_EVERY).map_err(|error| failed("import", &error))?;
            looked = Some(len);
        }
        file.write_all(&piece).await.map_err(|e| broken(&e))?;
    }
    file.flush().await.map_err(|e| broken(&e))
}

async fn store_all(ingest: &Arc<Ingest>, tenant: &TenantId, path: PathBuf) -> Result<Imported, Refusal> {
    let (sender, mut batches) = mpsc::channel(READ_AHEAD);
    let reading = tokio::task::spawn_blocking(move || {
        let all = match Import::open(&path) {
            Ok(import) => import,
            Err(error) => return drop(sender.blocking_send(Err(error))),
        };
        for batch in all {
            if sender.blocking_send(batch).is_err() {
                return;
            }
        }
    });
    let mut imported = Imported::default();
    while let Some(batch) = batches.recv().await {
        let batch = batch.map_err(|error| failed("import", &error))?;
        store_batch(ingest, tenant, batch, &mut imported).await?;
    }
    reading.await.map_err(|error| failed("import", &StoreError::internal(error)))?;
    Ok(imported)
}

async fn store_batch(
    ingest: &Ingest,
    tenant: &TenantId,
    batch: LogBatch,
    imported: &mut Imported,
) -> Result<(), Refusal> {
    for _ in 0..ATTEMPTS {
        let wait = match ingest.submit(tenant, "import", batch.clone()).await {
            Ok(accepted) => {
                imported.lines += accepted.lines;
                imported.bytes += accepted.bytes;
                imported.refused_lines += accepted.refused.lines();
                for refused in accepted.refused.by_reason() {
                    *imported.refused_by_reason.entry(refused.reason.code()).or_default() += refused.lines;
                }
                if imported.first_refusal.is_none() {
                    imported.first_refusal = accepted.refused.first().map(str::to_owned);
                }
                return Ok(());
            }
            Err(refused) => refused.retry_after.ok_or((StatusCode::BAD_REQUEST, format!("{refused}\n")))?,
        };
        tokio::time::sleep(wait.min(Duration::from_secs(5))).await;
    }
    let text = format!("the store has no room; {} lines were stored, import the file again later\n", imported.lines);
    Err((StatusCode::SERVICE_UNAVAILABLE, text))
}

fn failed(what: &str, error: &StoreError) -> Refusal {
    match error.kind() {
        ErrorKind::Invalid => (StatusCode::BAD_REQUEST, format!("{}\n", error.message())),
        ErrorKind::StorageFull => (StatusCode::INSUFFICIENT_STORAGE, "no space left on the server\n".to_owned()),
        ErrorKind::Overloaded | ErrorKind::Unavailable => {
            (StatusCode::SERVICE_UNAVAILABLE, "the store is busy or stopping\n".to_owned())
        }
        ErrorKind::Corrupt | ErrorKind::Internal => {
            tracing::error!(%error, "{what} failed");
            (StatusCode::INTERNAL_SERVER_ERROR, format!("the {what} failed; see the log of the server\n"))
        }
    }
}
