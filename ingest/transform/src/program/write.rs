//! From values back to the line. All or nothing: a result that makes no line leaves the line as it was.

use super::read::Wanted;
use crate::event::{Event, Metadata};
use crate::route;
use gantry_model::{LabelSet, TenantId, Timestamp};
use std::borrow::Cow;
use vrl::prelude::{ObjectMap, Value};

/// Deepest nesting that is flattened into names; what is deeper is written as JSON.
const MAX_DEPTH: usize = 8;

impl Wanted {
    /// Takes over what the program left behind. Fields of other names become structured metadata.
    pub fn write(&self, result: Value, event: &mut Event<'_>) -> Result<(), String> {
        let Value::Object(mut root) = result else {
            return Err(format!("the event must be an object at the end, not {}", result.kind_str()));
        };
        let mut take = |wanted: bool, name: &str| if wanted { root.remove(name) } else { None };
        let body = take(self.message, "message").map(|value| message(value, &event.body)).transpose()?;
        let at = take(self.timestamp, "timestamp").map(timestamp).transpose()?;
        let labels = take(self.labels, "labels").map(|value| labels(value, &event.labels)).transpose()?;
        let tenant = take(self.tenant, "tenant").map(|value| tenant(value, &event.tenant)).transpose()?;
        let metadata = take(self.metadata, "metadata");
        for read_only in ["source", "severity"] {
            take(true, read_only);
        }
        if self.message && body.is_none() {
            return Err("there is no .message at the end; set it, or end with abort to drop the line".to_owned());
        }
        if self.metadata || self.others {
            let pairs = pairs(metadata, root)?;
            let before = event.metadata.iter();
            if !before.eq(pairs.iter().map(|(name, value)| (Cow::Borrowed(&**name), Cow::Borrowed(&**value)))) {
                event.metadata = Metadata::Pairs(pairs);
            }
        }
        if let Some(Some(body)) = body {
            event.body = Cow::Owned(body);
        }
        event.at = at.unwrap_or(event.at);
        if let Some(Some(labels)) = labels {
            event.labels = labels;
        }
        if let Some(Some(tenant)) = tenant {
            event.tenant = tenant;
        }
        Ok(())
    }
}

/// `None`: as it was.
fn message(value: Value, before: &str) -> Result<Option<String>, String> {
    match value {
        same if same.as_bytes().is_some_and(|bytes| bytes == before.as_bytes()) => Ok(None),
        Value::Null => Err(".message is null at the end; a line needs a text".to_owned()),
        other => Ok(text(other)),
    }
}

fn timestamp(value: Value) -> Result<Timestamp, String> {
    let Value::Timestamp(at) = value else {
        return Err(format!(
            ".timestamp must be a timestamp at the end, not {}; use parse_timestamp or from_unix_timestamp",
            value.kind_str()
        ));
    };
    at.timestamp_nanos_opt().map(Timestamp).ok_or_else(|| format!(".timestamp {at} is not within 1677 to 2262"))
}

/// `None`: as they were.
fn labels(value: Value, before: &LabelSet) -> Result<Option<LabelSet>, String> {
    let Value::Object(map) = value else {
        return Err(format!(".labels must be an object at the end, not {}", value.kind_str()));
    };
    let same = map.len() == before.len()
        && map.iter().zip(before.iter()).all(|((name, value), (old_name, old))| {
            name.as_str() == old_name && value.as_bytes().is_some_and(|bytes| bytes == old.as_bytes())
        });
    if same {
        return Ok(None);
    }
    if let Some(name) = map.keys().find(|name| !is_label_name(name)) {
        return Err(format!("label name {:?} must match [a-zA-Z_][a-zA-Z0-9_]*", name.as_str()));
    }
    let pairs = map.into_iter().filter_map(|(name, value)| Some((name, text(value)?)));
    Ok(Some(LabelSet::from_pairs(pairs)))
}

fn is_label_name(name: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && !name.as_bytes()[0].is_ascii_digit() && name.bytes().all(legal)
}

/// `None`: as it was.
fn tenant(value: Value, before: &TenantId) -> Result<Option<TenantId>, String> {
    let Some(name) = value.as_bytes() else {
        return Err(format!(".tenant must be a string at the end, not {}", value.kind_str()));
    };
    if name == before.as_str().as_bytes() {
        return Ok(None);
    }
    route::tenant(&String::from_utf8_lossy(name)).map(Some)
}

/// Metadata and the other fields, sorted by name.
fn pairs(metadata: Option<Value>, others: ObjectMap) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    match metadata {
        Some(Value::Object(map)) => flatten("", map, 0, &mut pairs),
        None | Some(Value::Null) => {}
        Some(other) => return Err(format!(".metadata must be an object at the end, not {}", other.kind_str())),
    }
    flatten("", others, 0, &mut pairs);
    pairs.sort_by(|one, two| one.0.cmp(&two.0));
    pairs.dedup_by(|later, first| later.0 == first.0);
    Ok(pairs)
}

/// `{"http": {"status": 200}}` becomes `http_status` and `200`.
fn flatten(prefix: &str, map: ObjectMap, depth: usize, pairs: &mut Vec<(String, String)>) {
    for (name, value) in map {
        let name = if prefix.is_empty() { name.to_string() } else { format!("{prefix}_{name}") };
        match value {
            Value::Object(inner) if depth < MAX_DEPTH => flatten(&name, inner, depth + 1, pairs),
            other => pairs.extend(text(other).map(|value| (name, value))),
        }
    }
}

/// Strings as they are, everything else as JSON; `None` for null.
fn text(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.to_string()),
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Value::Timestamp(at) => Some(at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
        other => serde_json::to_string(&other).ok(),
    }
}
