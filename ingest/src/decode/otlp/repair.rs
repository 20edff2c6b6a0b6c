//! Makes an OTLP request readable in which a string is not UTF-8, so that one bad byte does not cost the whole request.

use super::super::{DecodeError, readable};
use crate::reason::Reason;
use gantry_prompb::{Value, Wire};

/// Deeper nesting is refused by the decoder anyway.
const MAX_DEPTH: usize = 100;

/// The messages of OTLP logs that hold strings (opentelemetry-proto, `logs.proto`, `common.proto`, `resource.proto`).
#[derive(Clone, Copy, Debug)]
enum Schema {
    Request,
    ResourceLogs,
    Resource,
    ScopeLogs,
    Scope,
    LogRecord,
    KeyValue,
    AnyValue,
    Array,
    KeyValueList,
}

enum Kind {
    Text,
    Message(Schema),
    Other,
}

impl Schema {
    fn kind(self, field: u64) -> Kind {
        match (self, field) {
            (Schema::Request, 1) => Kind::Message(Schema::ResourceLogs),
            (Schema::ResourceLogs, 1) => Kind::Message(Schema::Resource),
            (Schema::ResourceLogs, 2) => Kind::Message(Schema::ScopeLogs),
            (Schema::ScopeLogs, 1) => Kind::Message(Schema::Scope),
            (Schema::ScopeLogs, 2) => Kind::Message(Schema::LogRecord),
            (Schema::LogRecord, 5) | (Schema::KeyValue, 2) | (Schema::Array, 1) => Kind::Message(Schema::AnyValue),
            (Schema::Resource | Schema::KeyValueList, 1) | (Schema::Scope, 3) | (Schema::LogRecord, 6) => {
                Kind::Message(Schema::KeyValue)
            }
            (Schema::AnyValue, 5) => Kind::Message(Schema::Array),
            (Schema::AnyValue, 6) => Kind::Message(Schema::KeyValueList),
            (Schema::ResourceLogs | Schema::ScopeLogs | Schema::LogRecord, 3)
            | (Schema::LogRecord, 12)
            | (Schema::Scope, 1 | 2)
            | (Schema::KeyValue | Schema::AnyValue, 1) => Kind::Text,
            _ => Kind::Other,
        }
    }
}

/// The request with invalid UTF-8 replaced by U+FFFD, and in how many texts.
///
/// # Errors
/// `invalid_protobuf` with the position.
pub(super) fn repair(body: &[u8]) -> Result<(Vec<u8>, u64), DecodeError> {
    let mut repaired = Vec::with_capacity(body.len() + 64);
    let mut replaced = 0;
    message(Wire::new(body), Schema::Request, MAX_DEPTH, &mut repaired, &mut replaced)?;
    Ok((repaired, replaced))
}

fn message(
    mut wire: Wire<'_>,
    schema: Schema,
    depth: usize,
    out: &mut Vec<u8>,
    replaced: &mut u64,
) -> Result<(), DecodeError> {
    if depth == 0 {
        return Err(DecodeError { reason: Reason::InvalidProtobuf, message: "nested too deeply".to_owned() });
    }
    loop {
        let before = wire;
        let Some((number, value)) = wire.field()? else { return Ok(()) };
        match (schema.kind(number), value) {
            (Kind::Text, Value::Bytes(text)) => {
                delimited(number, readable(text.bytes(), replaced).as_bytes(), out);
            }
            (Kind::Message(inner), Value::Bytes(bytes)) => {
                let mut repaired = Vec::with_capacity(bytes.bytes().len() + 16);
                message(bytes, inner, depth - 1, &mut repaired, replaced)?;
                delimited(number, &repaired, out);
            }
            _ => out.extend_from_slice(before.until(&wire)),
        }
    }
}

fn delimited(number: u64, bytes: &[u8], out: &mut Vec<u8>) {
    prost::encoding::encode_varint(number << 3 | 2, out);
    prost::encoding::encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}
