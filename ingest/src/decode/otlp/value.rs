//! `AnyValue` as text.

use super::super::grouped::Pairs;
use super::super::names;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use serde_json::Value as Json;
use std::borrow::Cow;

/// A string as it stands, numbers and booleans in decimal, lists and maps as JSON, bytes in base64, nothing as "".
pub(in crate::decode) fn text(value: &AnyValue) -> Cow<'_, str> {
    match &value.value {
        Some(Value::StringValue(text)) => Cow::Borrowed(text),
        None => Cow::Borrowed(""),
        Some(_) => match json(value) {
            Json::String(text) => Cow::Owned(text),
            other => Cow::Owned(other.to_string()),
        },
    }
}

fn json(value: &AnyValue) -> Json {
    match &value.value {
        None | Some(Value::StringValueStrindex(_)) => Json::Null,
        Some(Value::StringValue(text)) => Json::from(text.as_str()),
        Some(Value::BoolValue(value)) => Json::from(*value),
        Some(Value::IntValue(value)) => Json::from(*value),
        Some(Value::DoubleValue(value)) if value.is_finite() => Json::from(*value),
        Some(Value::DoubleValue(value)) => Json::from(value.to_string()),
        Some(Value::BytesValue(bytes)) => Json::from(base64(bytes)),
        Some(Value::ArrayValue(list)) => list.values.iter().map(json).collect(),
        Some(Value::KvlistValue(map)) => {
            let entry = |kv: &KeyValue| (kv.key.clone(), kv.value.as_ref().map_or(Json::Null, json));
            Json::Object(map.values.iter().map(entry).collect())
        }
    }
}

/// Adds the attribute; a map as one entry for each of its leaves, names joined by `_`.
pub(super) fn flatten<'a>(attribute: &'a KeyValue, pairs: &mut Pairs<'a>) {
    flatten_as(names::legal(&attribute.key), attribute.value.as_ref(), pairs);
}

fn flatten_as<'a>(name: Cow<'a, str>, value: Option<&'a AnyValue>, pairs: &mut Pairs<'a>) {
    let Some(value) = value else { return };
    match &value.value {
        None => {}
        Some(Value::KvlistValue(map)) => {
            for inner in &map.values {
                let joined = names::legal(&format!("{name}_{}", inner.key)).into_owned();
                flatten_as(Cow::Owned(joined), inner.value.as_ref(), pairs);
            }
        }
        Some(_) => pairs.push((name, text(value))),
    }
}

pub(in crate::decode) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect()
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |sum, b| sum << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let digit = DIGITS[(group >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
