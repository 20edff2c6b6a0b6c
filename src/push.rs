//! Lines to a server far away: the sink of `gantry run`.
//!
//! Speaks Loki's push API in JSON, so that any server of that kind will do. Never here: reading lines, or keeping them.

use async_trait::async_trait;
use gantry_ingest::collect::{Sink, SinkError};
use gantry_model::{LogBatch, TenantId, metadata};
use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use serde_json::{Map, Value, json};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);
const DEFAULT_RETRY: Duration = Duration::from_secs(1);

/// Sends batches to `<address>/loki/api/v1/push`.
#[derive(Debug)]
pub struct PushSink {
    http: reqwest::Client,
    url: String,
}

impl PushSink {
    /// `address` as in `http://127.0.0.1:3100`; `http` says how to speak to it.
    pub fn new(address: &str, http: reqwest::ClientBuilder) -> Result<Self, reqwest::Error> {
        let http = http.timeout(TIMEOUT).build()?;
        Ok(PushSink { http, url: format!("{}/loki/api/v1/push", address.trim_end_matches('/')) })
    }
}

#[async_trait]
impl Sink for PushSink {
    async fn submit(&self, tenant: &TenantId, _source: &'static str, batch: LogBatch) -> Result<(), SinkError> {
        let request = self.http.post(&self.url).header("X-Scope-OrgID", tenant.as_str()).json(&body(&batch));
        let response = request.send().await.map_err(|e| SinkError::retry(e.to_string(), DEFAULT_RETRY))?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let wait = wait.map_or(DEFAULT_RETRY, Duration::from_secs);
        let text = response.text().await.unwrap_or_default();
        let message = format!("{}: {status}: {}", self.url, text.trim());
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            Err(SinkError::retry(message, wait))
        } else {
            Err(SinkError::refused(message))
        }
    }
}

/// `{"streams": [{"stream": {..}, "values": [["<ns>", "line", {metadata}], ..]}]}`.
fn body(batch: &LogBatch) -> Value {
    let streams = batch.streams().iter().map(|stream| {
        let values = batch.rows_of(stream).iter().map(|row| {
            let pairs = metadata::iter(batch.metadata(row)).map(|(k, v)| (k.into_owned(), Value::from(v)));
            json!([row.timestamp.nanos().to_string(), batch.body(row), Map::from_iter(pairs)])
        });
        json!({"stream": stream.labels, "values": values.collect::<Vec<_>>()})
    });
    json!({"streams": streams.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_model::{LabelSet, Timestamp};

    #[test]
    fn a_batch_is_written_as_loki_expects_it() {
        let mut builder = LogBatch::builder();
        builder.stream(LabelSet::from_pairs([("app", "a")]));
        builder.push(Timestamp(7), "hello", [("user", "u")]).unwrap();
        let expected = json!({"streams": [{"stream": {"app": "a"}, "values": [["7", "hello", {"user": "u"}]]}]});
        assert_eq!(body(&builder.finish()), expected);
    }
}
