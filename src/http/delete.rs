//! Delete requests, as Loki's API has them: PUT or POST makes one, GET lists them, DELETE cancels one.

use super::tenant::Tenant;
use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gantry_model::{Clock, SystemClock, TimeRange, Timestamp};
use gantry_query::LineSelection;
use gantry_store::Store;
use gantry_store_api::{Cancelled, Delete, DeleteRequest, DeleteStatus, DeleteWhat, ErrorKind, StoreError};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Longest name of who asked that is kept.
const MAX_NAME: usize = 200;

type Refusal = (StatusCode, String);

/// Parameters of a new request.
#[derive(Debug, Deserialize)]
pub struct New {
    #[serde(default)]
    query: String,
    #[serde(default)]
    start: String,
    #[serde(default)]
    end: String,
}

/// Answers 204 when the lines are hidden and the request is durable.
pub async fn create(
    State(store): State<Arc<Store>>,
    tenant: Tenant,
    headers: HeaderMap,
    Query(new): Query<New>,
) -> Result<Response, Refusal> {
    let tenant = tenant.writable()?;
    let range = range(&new, SystemClock.now()).map_err(bad)?;
    if new.query.is_empty() {
        return Err(bad("query not set"));
    }
    let LineSelection { selector, lines } = LineSelection::parse(&new.query, false).map_err(|e| bad(e.to_string()))?;
    let what = DeleteWhat { selector, lines, range, query: new.query, by: name(&headers) };
    match store.delete(&tenant, what).await {
        Ok(request) => Ok((StatusCode::NO_CONTENT, [("x-delete-request-id", request.id)]).into_response()),
        Err(error) => Err(refusal(&error)),
    }
}

/// A request in Loki's words; times are seconds.
#[derive(Debug, Serialize)]
struct Shown {
    request_id: String,
    start_time: f64,
    end_time: f64,
    query: String,
    status: &'static str,
    created_at: f64,
    created_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<f64>,
}

pub async fn list(State(store): State<Arc<Store>>, tenant: Tenant) -> Result<Response, Refusal> {
    let requests = store.delete_requests(&tenant.0).await.map_err(|error| refusal(&error))?;
    Ok(Json(requests.into_iter().map(shown).collect::<Vec<_>>()).into_response())
}

fn shown(request: DeleteRequest) -> Shown {
    let seconds = |at: Timestamp| (at.0.div_euclid(1_000_000) as f64) / 1000.0;
    Shown {
        request_id: request.id,
        start_time: seconds(request.range.start),
        end_time: seconds(request.range.end.saturating_sub(1)),
        query: request.query,
        status: match request.status {
            DeleteStatus::Received => "received",
            DeleteStatus::Processed => "processed",
            DeleteStatus::Cancelled => "cancelled",
        },
        created_at: seconds(request.created_at),
        created_by: request.by,
        ended_at: request.ended_at.map(seconds),
    }
}

/// Which request to cancel.
#[derive(Debug, Deserialize)]
pub struct Which {
    #[serde(default)]
    request_id: String,
}

pub async fn cancel(
    State(store): State<Arc<Store>>,
    tenant: Tenant,
    Query(which): Query<Which>,
) -> Result<StatusCode, Refusal> {
    let tenant = tenant.writable()?;
    match store.cancel_delete(&tenant, &which.request_id).await.map_err(|error| refusal(&error))? {
        Cancelled::Done => Ok(StatusCode::NO_CONTENT),
        Cancelled::Unknown => Err((StatusCode::NOT_FOUND, "could not find delete request with given id\n".to_owned())),
        Cancelled::TooLate => Err(bad("deletion of request which is in process or already processed is not allowed")),
    }
}

fn bad(text: impl Into<String>) -> Refusal {
    (StatusCode::BAD_REQUEST, text.into() + "\n")
}

pub(super) fn refusal(error: &StoreError) -> Refusal {
    match error.kind() {
        ErrorKind::Invalid => bad(error.message()),
        ErrorKind::Overloaded => (StatusCode::TOO_MANY_REQUESTS, format!("{}\n", error.message())),
        ErrorKind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "the store is starting or stopping\n".to_owned()),
        ErrorKind::StorageFull => (StatusCode::INSUFFICIENT_STORAGE, "no space left on the server\n".to_owned()),
        ErrorKind::Corrupt | ErrorKind::Internal => {
            tracing::error!(%error, "a delete request failed");
            (StatusCode::INTERNAL_SERVER_ERROR, "the delete request failed; see the log of the server\n".to_owned())
        }
    }
}

/// Who asks, as far as the request says: there are no credentials yet.
pub(super) fn name(headers: &HeaderMap) -> String {
    let named = headers.get("x-gantry-user").or_else(|| headers.get(header::USER_AGENT));
    let name = named.map_or_else(|| "unknown".into(), |name| String::from_utf8_lossy(name.as_bytes()));
    name.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect()
}

/// Both ends inclusive, as in Loki.
fn range(new: &New, now: Timestamp) -> Result<TimeRange, String> {
    if new.start.is_empty() {
        return Err("start time not set".to_owned());
    }
    let start = instant(&new.start).ok_or("invalid start time: require unix seconds or RFC3339 format")?;
    let end = match new.end.as_str() {
        "" => now,
        text => instant(text).ok_or("invalid end time: require unix seconds or RFC3339 format")?,
    };
    if end > now {
        return Err("deletes in the future are not allowed".to_owned());
    }
    if start > end {
        return Err("start time can't be greater than end time".to_owned());
    }
    Ok(TimeRange::new(start, end.saturating_add(1)))
}

/// Seconds with or without a fraction, RFC 3339, or nanoseconds, told by their number of digits.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(number) = text.parse::<i64>() {
        return Some(if text.len() > 11 { Timestamp(number) } else { Timestamp::from_secs(number) });
    }
    if let Ok(seconds) = text.parse::<f64>() {
        let millis = seconds * 1000.0;
        return (millis.abs() < 9e15).then(|| Timestamp::from_millis(millis as i64));
    }
    chrono::DateTime::parse_from_rfc3339(text).ok()?.timestamp_nanos_opt().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranged(start: &str, end: &str) -> Result<(i64, i64), String> {
        let new = New { query: String::new(), start: start.into(), end: end.into() };
        range(&new, Timestamp::from_secs(2000)).map(|range| (range.start.0, range.end.0))
    }

    #[test]
    fn times_are_read_as_loki_reads_them() {
        assert_eq!(ranged("1000", "1001.5"), Ok((1_000_000_000_000, 1_001_500_000_001)));
        assert_eq!(ranged("1970-01-01T00:00:01Z", ""), Ok((1_000_000_000, 2_000_000_000_001)));
        assert_eq!(ranged("1000000000000", "1500"), Ok((1_000_000_000_000, 1_500_000_000_001)));
        for (start, end, why) in [
            ("", "", "start time not set"),
            ("soon", "", "invalid start time"),
            ("1", "soon", "invalid end time"),
            ("1", "2001", "deletes in the future"),
            ("5", "4", "can't be greater"),
        ] {
            assert!(ranged(start, end).unwrap_err().contains(why), "{start} {end}");
        }
    }
}
