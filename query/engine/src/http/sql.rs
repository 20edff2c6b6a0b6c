//! `POST /api/v1/sql`: a statement as JSON or text; the answer as JSON, NDJSON, CSV or an Arrow stream.

use super::error::Failure;
use super::request::Caller;
use crate::sql::SqlAnswer;
use crate::{QueryEngine, QueryError};
use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::ipc::writer::StreamWriter;
use arrow::json::WriterBuilder;
use arrow::json::writer::LineDelimited;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use gantry_model::TimeRange;
use serde::Deserialize;
use std::sync::Arc;

/// The JSON form of a request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SqlRequest {
    sql: String,
    /// `json`, `ndjson`, `csv` or `arrow`; wins over the header `Accept`.
    format: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Format {
    Json,
    Ndjson,
    Csv,
    Arrow,
}

pub async fn sql(
    State(engine): State<Arc<QueryEngine>>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let (statement, format) = read(&headers, &body).map_err(|error| caller.fail(error))?;
    let mut answer =
        engine.sql(&caller.tenant, &statement, TimeRange::ALL).await.map_err(|error| caller.fail(error))?;
    // The first batch is awaited, so that what fails at once fails with a status code.
    let first = answer.next().await.transpose().map_err(|error| caller.fail(error))?;
    let encoder = Encoder::new(format, answer.schema()).map_err(|error| caller.fail(error))?;
    let content_type = [(header::CONTENT_TYPE, format.content_type())];
    Ok((content_type, Body::from_stream(chunks(encoder, first, answer, caller))).into_response())
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<(String, Format), QueryError> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
    let text = str::from_utf8(body).map_err(|_| QueryError::invalid("the statement is not UTF-8"))?;
    if !header(header::CONTENT_TYPE).starts_with("application/json") {
        return Ok((text.into(), Format::accepted(header(header::ACCEPT))));
    }
    let request: SqlRequest = serde_json::from_str(text)
        .map_err(|error| QueryError::invalid(format!("the request is not {{\"sql\": ...}}: {error}")))?;
    let format = match request.format.as_deref() {
        None => Format::accepted(header(header::ACCEPT)),
        Some("json") => Format::Json,
        Some("ndjson") => Format::Ndjson,
        Some("csv") => Format::Csv,
        Some("arrow") => Format::Arrow,
        Some(other) => {
            return Err(QueryError::invalid(format!("unknown format {other:?}: use json, ndjson, csv or arrow")));
        }
    };
    Ok((request.sql, format))
}

impl Format {
    fn accepted(accept: &str) -> Self {
        let wants = |kind: &str| accept.split(',').any(|one| one.trim().starts_with(kind));
        if wants("application/x-ndjson") {
            Format::Ndjson
        } else if wants("application/vnd.apache.arrow.stream") {
            Format::Arrow
        } else if wants("text/csv") {
            Format::Csv
        } else {
            Format::Json
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Ndjson => "application/x-ndjson",
            Format::Csv => "text/csv; charset=utf-8",
            Format::Arrow => "application/vnd.apache.arrow.stream",
        }
    }
}

/// Pieces of the body. An error breaks the connection off, which the client sees as a failed transfer.
fn chunks(
    encoder: Encoder,
    first: Option<RecordBatch>,
    answer: SqlAnswer,
    caller: Caller,
) -> impl futures::Stream<Item = Result<Bytes, QueryError>> + Send {
    let state = Some((encoder, first, answer, caller));
    futures::stream::unfold(state, |state| async {
        let (mut encoder, first, mut answer, caller) = state?;
        let batch = match first {
            Some(batch) => Some(Ok(batch)),
            None => answer.next().await,
        };
        let chunk = match batch {
            Some(batch) => batch.and_then(|batch| encoder.batch(&batch)),
            None => return Some((encoder.finish(), None)),
        };
        if let Err(error) = &chunk {
            tracing::warn!(request = caller.request.0, %error, "sql answer broken off");
            return Some((chunk, None));
        }
        Some((chunk, Some((encoder, None, answer, caller))))
    })
}

/// Turns batches into bytes.
enum Encoder {
    Json { head: String, started: bool },
    Ndjson,
    Csv { head: String },
    Arrow(Box<StreamWriter<Vec<u8>>>),
}

impl Encoder {
    fn new(format: Format, schema: &Arc<Schema>) -> Result<Self, QueryError> {
        Ok(match format {
            Format::Json => {
                Encoder::Json { head: format!("{{\"schema\":{},\"data\":[", schema_json(schema)), started: false }
            }
            Format::Ndjson => Encoder::Ndjson,
            Format::Csv => Encoder::Csv { head: csv_head(schema) },
            Format::Arrow => Encoder::Arrow(Box::new(StreamWriter::try_new(Vec::new(), schema).map_err(internal)?)),
        })
    }

    fn batch(&mut self, batch: &RecordBatch) -> Result<Bytes, QueryError> {
        match self {
            Encoder::Json { head, started } => {
                let mut out = std::mem::take(head).into_bytes();
                for row in ndjson(batch)?.split(|byte| *byte == b'\n').filter(|row| !row.is_empty()) {
                    out.extend_from_slice(if *started { b",\n" } else { b"\n" });
                    *started = true;
                    out.extend_from_slice(row);
                }
                Ok(out.into())
            }
            Encoder::Ndjson => Ok(ndjson(batch)?.into()),
            Encoder::Csv { head } => csv(batch, std::mem::take(head)),
            Encoder::Arrow(writer) => {
                writer.write(batch).map_err(internal)?;
                Ok(std::mem::take(writer.get_mut()).into())
            }
        }
    }

    fn finish(self) -> Result<Bytes, QueryError> {
        match self {
            Encoder::Json { head, .. } => Ok((head + "\n]}\n").into()),
            Encoder::Ndjson => Ok(Bytes::new()),
            Encoder::Csv { head } => Ok(head.into()),
            Encoder::Arrow(writer) => Ok(writer.into_inner().map_err(internal)?.into()),
        }
    }
}

fn internal(error: arrow::error::ArrowError) -> QueryError {
    QueryError::Internal(error.to_string())
}

fn schema_json(schema: &Schema) -> String {
    let column = |field: &Arc<arrow::datatypes::Field>| serde_json::json!({"name": field.name(), "type": field.data_type().to_string(), "nullable": field.is_nullable()});
    serde_json::Value::Array(schema.fields().iter().map(column).collect()).to_string()
}

fn ndjson(batch: &RecordBatch) -> Result<Vec<u8>, QueryError> {
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(Vec::new());
    writer.write(batch).map_err(internal)?;
    writer.finish().map_err(internal)?;
    Ok(writer.into_inner())
}

fn csv_head(schema: &Schema) -> String {
    let names: Vec<String> = schema.fields().iter().map(|field| csv_field(field.name())).collect();
    names.join(",") + "\r\n"
}

fn csv(batch: &RecordBatch, mut out: String) -> Result<Bytes, QueryError> {
    let options = FormatOptions::default();
    let columns: Result<Vec<_>, _> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options)).collect();
    let columns = columns.map_err(internal)?;
    for row in 0..batch.num_rows() {
        for (at, column) in columns.iter().enumerate() {
            out.push_str(if at > 0 { "," } else { "" });
            out.push_str(&csv_field(&column.value(row).to_string()));
        }
        out.push_str("\r\n");
    }
    Ok(out.into())
}

/// RFC 4180.
fn csv_field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.into() }
}
