//! `/services/collector`: Splunk's HTTP event collector.
//!
//! Sources: Splunk Enterprise, "HTTP Event Collector REST API endpoints" and "Possible error codes" in "Troubleshoot HTTP
//! Event Collector" (docs.splunk.com). There is no indexer acknowledgement: an event is on disk when it is answered, and
//! `/ack` says, as Splunk does for such tokens, that it is disabled.

use super::answer::{status, with_retry_after};
use super::receive::{encoding, receive, tenant};
use crate::Secret;
use crate::decode::{DecodeError, HecEvents, HecRequest, hec_events, hec_raw};
use crate::error::IngestError;
use crate::ingest::Ingest;
use crate::reason::{Kind, Reason};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gantry_model::TenantId;
use serde_json::{Value, json};
use std::sync::Arc;

const SOURCE: &str = "splunk";

pub(super) fn router() -> Router<Arc<Ingest>> {
    let mut router = Router::new();
    for path in ["/services/collector", "/services/collector/event", "/services/collector/event/1.0"] {
        router = router.route(path, post(events));
    }
    for path in ["/services/collector/raw", "/services/collector/raw/1.0"] {
        router = router.route(path, post(raw));
    }
    for path in ["/services/collector/health", "/services/collector/health/1.0"] {
        router = router.route(path, get(healthy));
    }
    router.route("/services/collector/ack", any(no_ack))
}

/// Splunk's code, text and status.
type Code = (u16, &'static str, StatusCode);

const SUCCESS: Code = (0, "Success", StatusCode::OK);
const TOKEN_REQUIRED: Code = (2, "Token is required", StatusCode::UNAUTHORIZED);
const INVALID_AUTHORIZATION: Code = (3, "Invalid authorization", StatusCode::UNAUTHORIZED);
const INVALID_TOKEN: Code = (4, "Invalid token", StatusCode::FORBIDDEN);
const NO_DATA: Code = (5, "No data", StatusCode::BAD_REQUEST);
const INVALID_FORMAT: Code = (6, "Invalid data format", StatusCode::BAD_REQUEST);
const INTERNAL: Code = (8, "Internal server error", StatusCode::INTERNAL_SERVER_ERROR);
const BUSY: Code = (9, "Server is busy", StatusCode::SERVICE_UNAVAILABLE);
const EVENT_REQUIRED: Code = (12, "Event field is required", StatusCode::BAD_REQUEST);
const EVENT_BLANK: Code = (13, "Event field cannot be blank", StatusCode::BAD_REQUEST);
const ACK_DISABLED: Code = (14, "ACK is disabled", StatusCode::BAD_REQUEST);
const HEALTHY: Code = (17, "HEC is healthy", StatusCode::OK);

fn answer((code, text, status): Code, more: &[(&str, Value)]) -> Response {
    let mut body = json!({"text": text, "code": code});
    for (name, value) in more {
        body[*name] = value.clone();
    }
    (status, Json(body)).into_response()
}

async fn healthy() -> Response {
    answer(HEALTHY, &[])
}

async fn no_ack() -> Response {
    answer(ACK_DISABLED, &[])
}

async fn events(State(ingest): State<Arc<Ingest>>, request: Request) -> Response {
    take(&ingest, request, |ingest, parameters, body| {
        hec_events(body, parameters, ingest.options(), ingest.clock().now())
    })
    .await
}

async fn raw(State(ingest): State<Arc<Ingest>>, request: Request) -> Response {
    take(&ingest, request, |ingest, parameters, body| hec_raw(body, parameters, ingest.clock().now())).await
}

type Decode = fn(&Ingest, &HecRequest, &[u8]) -> Result<HecEvents, DecodeError>;

async fn take(ingest: &Arc<Ingest>, request: Request, decode: Decode) -> Response {
    let writer = match writer(ingest, request.headers()) {
        Ok(writer) => writer,
        Err(code) => {
            ingest.metrics.refused_request(SOURCE, Reason::Unauthorized);
            return answer(code, &[]);
        }
    };
    let parsed = parameters(&request).and_then(|parsed| Ok((parsed, encoding(request.headers())?)));
    let (parameters, encoding) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            ingest.metrics.refused_request(SOURCE, error.reason);
            return refused(&error);
        }
    };
    let decode = move |ingest: &Ingest, body: &[u8]| decode(ingest, &parameters, body);
    let received = match receive(ingest, SOURCE, request, writer, encoding, decode).await {
        Ok(received) => received,
        Err(error) => return refused(&error),
    };
    let HecEvents { incoming, events, first_bad } = received.decoded;
    if events == 0 {
        return answer(NO_DATA, &[]);
    }
    match (ingest.submit(&received.tenant, SOURCE, incoming).await, first_bad) {
        (Err(error), _) => refused(&error),
        (Ok(_), Some((number, reason, message))) => bad_event(number, reason, &message),
        (Ok(accepted), None) if !accepted.refused.is_empty() => {
            answer(INVALID_FORMAT, &[("detail", accepted.refused.summary(accepted.lines).into())])
        }
        (Ok(_), None) => answer(SUCCESS, &[]),
    }
}

/// The good events before and behind it are stored.
fn bad_event(number: usize, reason: Reason, message: &str) -> Response {
    let code = match reason {
        Reason::MissingEvent if message.contains("blank") => EVENT_BLANK,
        Reason::MissingEvent => EVENT_REQUIRED,
        _ => INVALID_FORMAT,
    };
    let detail = format!("{reason}: {message}");
    answer(code, &[("invalid-event-number", number.into()), ("detail", detail.into())])
}

fn refused(error: &IngestError) -> Response {
    let (code, text, plain) = match error.kind() {
        Kind::Overloaded | Kind::Unavailable | Kind::StorageFull => BUSY,
        Kind::Internal => INTERNAL,
        _ => INVALID_FORMAT,
    };
    let status = if error.is_retryable() { plain } else { status(error.kind()) };
    with_retry_after(answer((code, text, status), &[("detail", error.to_string().into())]), error.retry_after)
}

/// Whose events these are: the tenant of the token when tokens are configured, else that of the tenant header.
fn writer(ingest: &Ingest, headers: &HeaderMap) -> Result<Result<TenantId, IngestError>, Code> {
    let tokens = &ingest.options().splunk.tokens;
    if tokens.is_empty() {
        return Ok(tenant(headers));
    }
    let header = headers.get(header::AUTHORIZATION).ok_or(TOKEN_REQUIRED)?;
    let token = token(header.to_str().unwrap_or("")).ok_or(INVALID_AUTHORIZATION)?;
    let knows = |known: &Secret| same(known.reveal().as_bytes(), token.as_bytes());
    let found = tokens.iter().find(|(_, known)| known.iter().any(knows));
    found.map(|(tenant, _)| Ok(tenant.clone())).ok_or(INVALID_TOKEN)
}

/// `Splunk TOKEN`, or `Basic` with the token as the password.
fn token(header: &str) -> Option<String> {
    let (scheme, value) = header.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "splunk" => Some(value.trim().to_owned()),
        "basic" => {
            let text = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
            text.split_once(':').map(|(_, password)| password.to_owned())
        }
        _ => None,
    }
}

/// Compares in a time that depends on the lengths only.
fn same(one: &[u8], two: &[u8]) -> bool {
    one.len() == two.len() && one.iter().zip(two).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

/// `host`, `source`, `sourcetype`, `index`, `time`; others (`channel`, `auto_extract_timestamp`) have no effect.
fn parameters(request: &Request) -> Result<HecRequest, IngestError> {
    let wrong = |message: String| IngestError::new(Reason::InvalidParameter, message);
    let Query(parameters) =
        Query::<Vec<(String, String)>>::try_from_uri(request.uri()).map_err(|error| wrong(error.to_string()))?;
    let mut known = HecRequest::default();
    for (name, value) in parameters {
        match name.as_str() {
            "host" => known.host = Some(value),
            "source" => known.source = Some(value),
            "sourcetype" => known.sourcetype = Some(value),
            "index" => known.index = Some(value),
            "time" => {
                let at = crate::decode::time::parse(&value);
                known.time = Some(at.ok_or_else(|| wrong("time is no number of seconds since 1970".to_owned()))?);
            }
            _ => {}
        }
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use crate::http::tests::post;
    use crate::testing::Fixture;
    use crate::{IngestOptions, Secret};
    use gantry_model::TenantId;
    use gantry_store_api::ErrorKind;

    const EVENT: &str = "/services/collector/event";

    #[tokio::test]
    async fn events_and_raw_lines_are_stored_and_answered_with_splunks_codes() {
        let fixture = Fixture::new();
        let cases = [
            (EVENT, r#"{"event":"a","time":1715680800.5,"host":"h"}"#, 200, r#"{"text":"Success","code":0}"#),
            ("/services/collector/raw?source=s&channel=c", "b\nc\n", 200, r#"{"text":"Success","code":0}"#),
            (EVENT, "", 400, r#"{"text":"No data","code":5}"#),
            (EVENT, r#"{"event":"d"}{"a":1}"#, 400, r#""code":12,"invalid-event-number":1"#),
            (EVENT, r#"{"event":""}"#, 400, r#""code":13"#),
            (EVENT, "no json", 400, r#""text":"Invalid data format","code":6,"invalid-event-number":0"#),
            ("/services/collector/raw?time=soon", "x", 400, r#""code":6"#),
            ("/services/collector/ack?channel=c", r#"{"acks":[0]}"#, 400, r#"{"text":"ACK is disabled","code":14}"#),
        ];
        for (path, body, status, text) in cases {
            let answer = post(&fixture, path, &[], body.into()).await;
            assert_eq!(answer.status, status, "{body}");
            assert!(answer.text().contains(text), "{body}: {}", answer.text());
        }
        let expected = [
            r#"default {host="h"} 1715680800500000000 a"#,
            r#"default {source="s"} 1715680800000000000 b"#,
            r#"default {source="s"} 1715680800000000000 c"#,
            r#"default {source="splunk"} 1715680800000000000 d"#,
        ];
        assert_eq!(fixture.store.lines(), expected);
        fixture.store.fail_with(Some(ErrorKind::Overloaded));
        let busy = post(&fixture, EVENT, &[], r#"{"event":"e"}"#.into()).await;
        assert_eq!((busy.status, busy.retry_after.is_some()), (503, true));
        assert!(busy.text().contains(r#""text":"Server is busy","code":9"#));
    }

    #[tokio::test]
    async fn configured_tokens_are_needed_and_choose_the_tenant() {
        let mut options = IngestOptions::default();
        options.splunk.tokens.insert(TenantId::new("team-a").unwrap(), vec![Secret::new("s3cret")]);
        let fixture = Fixture::with(options);
        let cases = [
            (None, 401, r#""code":2"#),
            (Some("Bearer x"), 401, r#""code":3"#),
            (Some("Splunk wrong"), 403, r#""code":4"#),
            (Some("Splunk s3cret"), 200, r#""code":0"#),
            (Some("Basic eDpzM2NyZXQ="), 200, r#""code":0"#),
        ];
        for (header, status, text) in cases {
            let headers: Vec<(&str, &str)> = header.map(|value| ("authorization", value)).into_iter().collect();
            let answer = post(&fixture, EVENT, &headers, r#"{"event":"a"}"#.into()).await;
            assert_eq!(answer.status, status, "{header:?}");
            assert!(answer.text().contains(text), "{header:?}: {}", answer.text());
        }
        assert_eq!(fixture.store.lines(), [r#"team-a {source="splunk"} 1715680800000000000 a"#; 2]);
    }
}
