//! Splunk's HTTP event collector: concatenated event objects, or raw lines.
//!
//! Source: Splunk Enterprise, "Format events for HTTP Event Collector" and "Input endpoint descriptions"
//! (docs.splunk.com). Metrics (`"event": "metric"`) have no special meaning here.

use super::document::{Context, Document};
use super::grouped::{Grouped, Pairs};
use super::{DecodeError, readable, time};
use crate::Secret;
use crate::error::{Refusals, cut};
use crate::incoming::Incoming;
use crate::options::IngestOptions;
use crate::reason::Reason;
use gantry_model::{LabelSet, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Who may send events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SplunkOptions {
    /// Tenants and the tokens that write to them. When there are any, every request needs one of them; when there are
    /// none, any token or none is taken, and the tenant header counts. Default none.
    pub tokens: BTreeMap<TenantId, Vec<Secret>>,
}

/// What the URL of a request says of all its events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HecRequest {
    pub host: Option<String>,
    pub source: Option<String>,
    pub sourcetype: Option<String>,
    pub index: Option<String>,
    pub time: Option<Timestamp>,
}

/// Decoded events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HecEvents {
    pub incoming: Incoming,
    /// How many events were read, good and bad.
    pub events: usize,
    /// The first bad event, counted from 0: its number, reason and what is wrong. After one that is no JSON nothing more
    /// is read.
    pub first_bad: Option<(usize, Reason, String)>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    time: Option<&'a RawValue>,
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    #[serde(borrow)]
    fields: Option<&'a RawValue>,
    host: Option<String>,
    source: Option<String>,
    sourcetype: Option<String>,
    index: Option<String>,
}

/// Reads the events of `/services/collector/event`: JSON objects one after another, with or without space between.
///
/// # Errors
/// Only when the whole is too large for a batch; a bad event is told in [`HecEvents::first_bad`].
pub fn hec_events(
    body: &[u8],
    request: &HecRequest,
    options: &IngestOptions,
    now: Timestamp,
) -> Result<HecEvents, DecodeError> {
    let mut read = HecEvents::default();
    let text = readable(body, &mut read.incoming.invalid_utf8);
    let mut lines = Grouped::default();
    for (at, raw) in serde_json::Deserializer::from_str(&text).into_iter::<&RawValue>().enumerate() {
        read.events += 1;
        let line = raw.map_err(|e| (Reason::InvalidJson, e.to_string()));
        let broken = line.is_err();
        let pushed = line.and_then(|raw| event(raw.get(), request, options, now, &mut lines));
        if let Err((reason, message)) = pushed {
            read.incoming.refused.add(reason, 1, 0, || format!("{message} (event {at})"));
            read.first_bad.get_or_insert((at, reason, message));
        }
        if broken {
            break;
        }
    }
    read.incoming.batch = lines.finish()?;
    Ok(read)
}

fn event<'a>(
    raw: &'a str,
    request: &HecRequest,
    options: &IngestOptions,
    now: Timestamp,
    lines: &mut Grouped<'a>,
) -> Result<(), (Reason, String)> {
    let json = |e: serde_json::Error| (Reason::InvalidJson, e.to_string());
    let Envelope { time, event, fields, host, source, sourcetype, index } = serde_json::from_str(raw).map_err(json)?;
    let Some(event) = event.map(RawValue::get) else {
        return Err((Reason::MissingEvent, "Event field is required".to_owned()));
    };
    let at = time.map(|raw| event_time(raw.get())).transpose()?.or(request.time);
    let named = [
        ("host", host, &request.host),
        ("source", source, &request.source),
        ("sourcetype", sourcetype, &request.sourcetype),
        ("index", index, &request.index),
    ];
    let named = named.into_iter().filter_map(|(name, own, of_request)| Some((name, own.or(of_request.clone())?)));
    let labels = named.filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name, Cow::Owned(value))).collect();
    let context = Context { labels, at, now, source: "splunk", ..Context::default() };
    let mut document = match event.starts_with('{') {
        true => Document::from_json(event).map_err(json)?,
        false => Document::default(),
    };
    let whole = plain(event).ok_or_else(|| (Reason::MissingEvent, "Event field cannot be blank".to_owned()))?;
    if !event.starts_with('{') {
        document.push_message(whole.clone(), options);
    }
    if let Some(fields) = fields {
        let fields = Document::from_json(fields.get());
        document.extend(fields.map_err(|e| (Reason::InvalidJson, format!("fields: {e}")))?);
    }
    let line = document.line(|| whole, &context, options)?;
    lines.push(line.labels, line.at, line.body, line.metadata);
    Ok(())
}

/// Seconds since 1970 with a fraction, as a number or a text.
fn event_time(raw: &str) -> Result<Timestamp, (Reason, String)> {
    let text = raw.trim_matches('"');
    time::parse(text).ok_or_else(|| {
        let text = cut(text.to_owned(), 100);
        (Reason::InvalidTimestamp, format!("time {text:?} is no number of seconds since 1970"))
    })
}

/// The text of a string, other values as JSON; `None` for what counts as blank.
fn plain(raw: &str) -> Option<Cow<'_, str>> {
    let text = match raw.starts_with('"') {
        true => serde_json::from_str::<super::json::Text<'_>>(raw).ok()?.0,
        false => Cow::Borrowed(raw),
    };
    (!text.is_empty() && raw != "null" && raw != "{}").then_some(text)
}

/// Reads the body of `/services/collector/raw`: a line is an event.
///
/// # Errors
/// Only when the whole is too large for a batch.
pub fn hec_raw(body: &[u8], request: &HecRequest, now: Timestamp) -> Result<HecEvents, DecodeError> {
    let mut invalid_utf8 = 0;
    let text = readable(body, &mut invalid_utf8);
    let named = [
        ("host", &request.host),
        ("source", &request.source),
        ("sourcetype", &request.sourcetype),
        ("index", &request.index),
    ];
    let mut labels: LabelSet = named.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))).collect();
    if labels.is_empty() {
        labels = LabelSet::from_pairs([("source", "splunk")]);
    }
    let mut lines = Grouped::default();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        lines.push(labels.clone(), request.time.unwrap_or(now), Cow::Borrowed(line), Pairs::new());
    }
    let events = lines.lines();
    let incoming = Incoming { batch: lines.finish()?, refused: Refusals::default(), invalid_utf8 };
    Ok(HecEvents { incoming, events, first_bad: None })
}

#[cfg(test)]
mod tests;
