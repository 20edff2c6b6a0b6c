//! Elasticsearch's JSON for the answer to a bulk request.

use crate::decode::BulkItem;
use crate::error::IngestError;
use axum::Json;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_128;

/// 200 and an item for each action, in order, whatever became of it.
pub(super) fn items(items: &[BulkItem], took: Duration) -> Json<Value> {
    let errors = items.iter().any(|item| item.error.is_some());
    let items: Vec<Value> = items.iter().enumerate().map(|(at, each)| item(at, each)).collect();
    Json(json!({"took": took.as_millis() as u64, "errors": errors, "items": items}))
}

fn item(at: usize, item: &BulkItem) -> Value {
    let id = item.id.clone().unwrap_or_else(|| identifier(at, item));
    let mut fields = json!({"_index": item.index, "_id": id});
    let more = match &item.error {
        None => json!({
            "_version": 1, "result": "created", "_shards": {"total": 1, "successful": 1, "failed": 0},
            "_seq_no": at, "_primary_term": 1, "status": StatusCode::CREATED.as_u16(),
        }),
        Some(error) => {
            let status = super::status(error.reason.kind()).as_u16();
            let reason = format!("{}: {}", error.reason, error.message);
            json!({"status": status, "error": {"type": error.kind(), "reason": reason}})
        }
    };
    if let (Value::Object(fields), Value::Object(more)) = (&mut fields, more) {
        fields.extend(more);
    }
    Value::Object(Map::from_iter([(item.action.to_owned(), fields)]))
}

/// 20 characters, as Elasticsearch makes them; it is unique in the answer, and nothing can be asked for by it.
fn identifier(at: usize, item: &BulkItem) -> String {
    let hash = xxh3_128(format!("{at} {}", item.index).as_bytes()).to_be_bytes();
    URL_SAFE_NO_PAD.encode(&hash[..15])
}

/// The answer to a request of which nothing was stored.
pub(super) fn error(error: &IngestError, status: u16) -> Json<Value> {
    let kind = match status {
        400 => "illegal_argument_exception",
        403 => "security_exception",
        413 => "content_too_long_exception",
        415 => "media_type_header_exception",
        429 => "es_rejected_execution_exception",
        503 => "unavailable_shards_exception",
        _ => "exception",
    };
    let cause = json!({"type": kind, "reason": error.to_string()});
    Json(json!({"error": {"root_cause": [cause], "type": kind, "reason": error.to_string()}, "status": status}))
}
