//! [`Background`]: threads of their own, of lower priority, for queries.
//!
//! What was collected must be stored even while dashboards ask for more than the machine can answer. The operating system
//! decides best who runs: queries get what is left, which is all of it when nothing is stored. Never here: limits to how
//! many queries run (the query engine has them).

use anyhow::Context;
use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use std::sync::Arc;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// Niceness of the threads above that of the process: about a tenth of the share of a thread that stores.
const NICER_BY: i32 = 10;

/// Chunks of a body that are made before they can be sent.
const CHUNKS_AHEAD: usize = 4;

/// Cheap to clone; the threads end with the last clone.
#[derive(Clone, Debug)]
pub struct Background(Arc<Threads>);

/// A runtime that may be dropped on a thread of another one.
#[derive(Debug)]
struct Threads(Option<Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Background {
    /// Starts as many threads as there are cores.
    pub fn start() -> anyhow::Result<Background> {
        let lower = || {
            // Without it queries are still answered, at the priority of all else.
            if let Err(error) = rustix::process::nice(NICER_BY) {
                tracing::debug!(%error, "a query thread keeps its priority");
            }
        };
        let runtime = Builder::new_multi_thread().thread_name("query").enable_all().on_thread_start(lower).build();
        Ok(Background(Arc::new(Threads(Some(runtime.context("the threads for queries cannot be started")?)))))
    }

    fn handle(&self) -> Option<&Handle> {
        self.0.0.as_ref().map(Runtime::handle)
    }
}

/// Answers a request on these threads. When the client goes away, so does the work.
pub async fn in_background(State(background): State<Background>, request: Request, next: Next) -> Response {
    // A live tail has little to do, and that at once.
    if request.uri().path().ends_with("/tail") {
        return next.run(request).await;
    }
    let Some(handle) = background.handle() else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    let (streaming, answer) = (handle.clone(), next.run(request));
    let answering = AbortOnDropHandle::new(handle.spawn(answer));
    match answering.await {
        Ok(response) if response.body().size_hint().exact().is_none() => {
            response.map(|body| stream_from(&streaming, body))
        }
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "a handler ended without an answer");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A body that is made while it is sent is made on these threads, too.
fn stream_from(handle: &Handle, body: Body) -> Body {
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    let making = AbortOnDropHandle::new(handle.spawn(async move {
        let mut chunks = body.into_data_stream();
        while let Some(chunk) = chunks.next().await {
            if sender.send(chunk).await.is_err() {
                return;
            }
        }
    }));
    let received = |(mut receiver, making): (mpsc::Receiver<_>, AbortOnDropHandle<()>)| async move {
        Some((receiver.recv().await?, (receiver, making)))
    };
    Body::from_stream(stream::unfold((receiver, making), received))
}
