//! `GET /loki/api/v1/tail`: the live tail over a WebSocket.

use super::error::Failure;
use super::request::Ask;
use crate::logql;
use crate::tail::{MAX_DELAY, TailQuery, TailSession};
use crate::{QueryEngine, QueryError};
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::{IntoResponse, Response};
use gantry_query_lang::ast::Expr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{interval, timeout};

/// How often an idle connection is proven alive.
const PING: Duration = Duration::from_secs(15);
/// A client that takes nothing for so long is gone.
const STALLED: Duration = Duration::from_secs(60);
/// Lines replayed when the request does not say how many.
const DEFAULT_LIMIT: usize = 100;

pub async fn tail(
    State(engine): State<Arc<QueryEngine>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    ask: Ask,
) -> Result<Response, Failure> {
    let query = read(&engine, &ask).map_err(|error| ask.caller.fail(error))?;
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return Ok(rejection.into_response()),
    };
    let session = engine.tail(&ask.caller.tenant, query).await.map_err(|error| ask.caller.fail(error))?;
    Ok(upgrade.on_upgrade(|socket| serve(socket, session)))
}

fn read(engine: &QueryEngine, ask: &Ask) -> Result<TailQuery, QueryError> {
    let params = &ask.params;
    let allow_all = ask.headers.get("x-gantry-allow-all").is_some_and(|value| value == "1");
    let Expr::Log(expr) = logql::parse(params.get("query"), allow_all)? else {
        return Err(QueryError::invalid("only log queries can be tailed, not metric queries"));
    };
    let delay = match params.get("delay_for") {
        "" => 0,
        text => {
            text.parse().map_err(|_| QueryError::invalid(format!("strconv.Atoi: parsing {text:?}: invalid syntax")))?
        }
    };
    if delay > MAX_DELAY.as_secs() {
        return Err(QueryError::invalid(format!("delay_for can't be greater than {}", MAX_DELAY.as_secs())));
    }
    let limit = params.limit(DEFAULT_LIMIT)?;
    logql::check_limit(limit, engine.options().max_lines)?;
    let now = engine.clock.now();
    let hour_ago = now.saturating_sub(3600 * 1_000_000_000);
    let start = params.timestamp("start", hour_ago)?;
    let flags = ask.headers.get_all("x-loki-response-encoding-flags").iter();
    let categorized = flags.filter_map(|value| value.to_str().ok()).any(|value| value.contains("categorize-labels"));
    Ok(TailQuery { expr, start, limit, delay: Duration::from_secs(delay), categorized })
}

/// Until the client leaves, stalls, or the store stops.
async fn serve(mut socket: WebSocket, mut session: TailSession) {
    let mut ping = interval(PING);
    ping.reset();
    loop {
        let message = tokio::select! {
            frame = session.next() => match frame {
                Some(frame) => Message::Text(frame.into()),
                None => return close(socket).await,
            },
            received = socket.recv() => match received {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue,
            },
            _ = ping.tick() => Message::Ping(Default::default()),
        };
        if !matches!(timeout(STALLED, socket.send(message)).await, Ok(Ok(()))) {
            return;
        }
    }
}

async fn close(mut socket: WebSocket) {
    let frame = CloseFrame { code: close_code::AWAY, reason: "the server stops".into() };
    // The client may be gone already, and then there is nobody to tell.
    let _ = timeout(Duration::from_secs(1), socket.send(Message::Close(Some(frame)))).await;
}
