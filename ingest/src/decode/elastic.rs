//! Elasticsearch's bulk format: a line with the action, a line with the document, and so on.
//!
//! Source: Elasticsearch reference, "Bulk API" (elastic.co/docs/api, operation bulk). Documents are only ever added:
//! `create` and `index` do the same, `update` and `delete` are refused one by one.

use super::document::{Context, Document};
use super::grouped::Grouped;
use super::{DecodeError, readable};
use crate::error::{Refusals, cut};
use crate::incoming::Incoming;
use crate::options::IngestOptions;
use crate::reason::{Kind, Reason};
use crate::validate::Rules;
use gantry_model::Timestamp;
use serde::Deserialize;
use std::borrow::Cow;

/// What the URL of a bulk request says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BulkRequest {
    /// The index of actions that name none.
    pub index: Option<String>,
    /// The field that must hold the time if it is there.
    pub time_field: Option<String>,
}

/// A decoded bulk request: the lines, and an answer for each action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bulk {
    pub incoming: Incoming,
    pub items: Vec<BulkItem>,
}

/// One action and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkItem {
    /// `index`, `create`, `update` or `delete`.
    pub action: &'static str,
    pub index: String,
    /// As the client gave it; nothing can be asked for by it.
    pub id: Option<String>,
    pub error: Option<ItemError>,
}

/// Why an action was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemError {
    pub reason: Reason,
    /// With the number of the line in the body.
    pub message: String,
}

#[derive(Deserialize)]
struct Action {
    index: Option<Target>,
    create: Option<Target>,
    update: Option<Target>,
    delete: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    _index: Option<String>,
    _id: Option<serde_json::Value>,
}

/// Reads actions and documents; blank lines between them are skipped.
///
/// # Errors
/// `invalid_json` when a line that must be an action is none: what follows cannot be told apart any more.
pub fn bulk(body: &[u8], request: &BulkRequest, options: &IngestOptions, now: Timestamp) -> Result<Bulk, DecodeError> {
    let mut invalid_utf8 = 0;
    let text = readable(body, &mut invalid_utf8);
    let mut reader = Reader { request, options, now, rules: Rules::at(options, now), items: Vec::new() };
    let mut refused = Refusals::default();
    let mut lines = Grouped::default();
    let mut rest = text.split('\n').enumerate().map(|(at, line)| (at + 1, line.trim())).filter(|(_, l)| !l.is_empty());
    while let Some((number, line)) = rest.next() {
        let mut item = action(number, line, request)?;
        if item.action != "delete" {
            let document = rest.next();
            if let Err((reason, fault)) = reader.take(&item, number, document, &mut lines) {
                item.error = Some(ItemError { reason, message: fault });
            }
        }
        if let Some(error) = &item.error {
            refused.add(error.reason, 1, 0, || error.message.clone());
        }
        reader.items.push(item);
    }
    Ok(Bulk { incoming: Incoming { batch: lines.finish()?, refused, invalid_utf8 }, items: reader.items })
}

struct Reader<'r> {
    request: &'r BulkRequest,
    options: &'r IngestOptions,
    now: Timestamp,
    rules: Rules<'r>,
    items: Vec<BulkItem>,
}

impl Reader<'_> {
    fn take<'a>(
        &self,
        item: &BulkItem,
        number: usize,
        document: Option<(usize, &'a str)>,
        lines: &mut Grouped<'a>,
    ) -> Result<(), (Reason, String)> {
        if let Some(ItemError { reason, message }) = &item.error {
            return Err((*reason, message.clone()));
        }
        let Some((number, json)) = document else {
            return Err((Reason::InvalidJson, format!("the action on line {number} has no document after it")));
        };
        let fault = |reason, message: String| (reason, format!("{message} (line {number} of the body)"));
        let document = Document::from_json(json).map_err(|e| fault(Reason::InvalidJson, e.to_string()))?;
        let context = Context {
            labels: vec![("index", Cow::Borrowed(&item.index))],
            time_field: self.request.time_field.as_deref(),
            now: self.now,
            ..Context::default()
        };
        let line = document.line(|| Cow::Borrowed(json), &context, self.options);
        let line = line.map_err(|(reason, message)| fault(reason, message))?;
        self.rules.check_line(&line.labels, line.at, &line.body).map_err(|(reason, message)| fault(reason, message))?;
        lines.push(line.labels, line.at, line.body, line.metadata);
        Ok(())
    }
}

/// The item of an action line, with an error when the action is not done here.
fn action(number: usize, line: &str, request: &BulkRequest) -> Result<BulkItem, DecodeError> {
    let malformed = |why: String| DecodeError {
        reason: Reason::InvalidJson,
        message: format!("line {number} of the body must be an action such as {{\"create\":{{}}}}: {why}"),
    };
    let Action { index, create, update, delete } = serde_json::from_str(line).map_err(|e| malformed(e.to_string()))?;
    let named = [("index", index), ("create", create), ("update", update), ("delete", delete)];
    let mut named = named.into_iter().filter_map(|(name, target)| Some((name, target?)));
    let (Some((action, target)), None) = (named.next(), named.next()) else {
        return Err(malformed("exactly one of index, create, update, delete is expected".to_owned()));
    };
    let id = target._id.map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned));
    let index = target._index.or_else(|| request.index.clone());
    let error = match (&index, action) {
        (_, "update" | "delete") => Some(ItemError {
            reason: Reason::UnsupportedAction,
            message: format!("log lines are only added, {action} is not possible (line {number} of the body)"),
        }),
        (None, _) => Some(ItemError {
            reason: Reason::InvalidParameter,
            message: format!("index is missing: neither line {number} of the body nor the path names one"),
        }),
        _ => None,
    };
    let short = |text: String| cut(text, 512);
    Ok(BulkItem { action, index: index.map(short).unwrap_or_default(), id: id.map(short), error })
}

impl ItemError {
    /// Elasticsearch's name for this kind of error.
    pub fn kind(&self) -> &'static str {
        match self.reason {
            Reason::InvalidJson | Reason::InvalidTimestamp => "document_parsing_exception",
            Reason::UnsupportedAction => "action_request_validation_exception",
            reason if reason.kind() == Kind::Overloaded => "es_rejected_execution_exception",
            _ => "illegal_argument_exception",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_secs(1_715_680_800);

    fn decode(body: &str, request: &BulkRequest) -> Result<Bulk, DecodeError> {
        bulk(body.as_bytes(), request, &IngestOptions::default(), NOW)
    }

    #[test]
    fn each_action_is_answered_in_order_and_the_good_ones_are_kept() {
        let body = concat!(
            "{\"create\":{\"_index\":\"logs\",\"_id\":\"7\"}}\n",
            "{\"message\":\"one\",\"@timestamp\":\"2024-05-14T10:00:00Z\"}\n\n",
            "{\"delete\":{\"_index\":\"logs\",\"_id\":\"7\"}}\n",
            "{\"index\":{}}\n{\"message\":\"two\"\n",
            "{\"update\":{\"_id\":1}}\n{\"doc\":{}}\n",
            "{\"index\":{\"pipeline\":\"p\"}}\n{\"message\":\"three\",\"@timestamp\":9e18}\n",
            "{\"create\":{}}\n",
        );
        let bulk = decode(body, &BulkRequest { index: Some("dflt".into()), time_field: None }).unwrap();
        let shown: Vec<_> =
            bulk.items.iter().map(|i| (i.action, &*i.index, i.error.as_ref().map(|e| e.reason))).collect();
        let unsupported = Some(Reason::UnsupportedAction);
        let expected = [
            ("create", "logs", None),
            ("delete", "logs", unsupported),
            ("index", "dflt", Some(Reason::InvalidJson)),
            ("update", "dflt", unsupported),
            ("index", "dflt", Some(Reason::TooFarAhead)),
            ("create", "dflt", Some(Reason::InvalidJson)),
        ];
        assert_eq!(shown, expected);
        assert_eq!(bulk.incoming.batch.line_count(), 1);
        assert_eq!(bulk.incoming.refused.lines(), 5);
        assert!(bulk.items[2].error.as_ref().unwrap().message.contains("(line 6 of the body)"));
    }

    #[test]
    fn what_is_no_action_ends_the_request_with_its_line() {
        for body in ["{\"message\":\"no action\"}\n", "{\"create\":{},\"index\":{}}\n{}\n", "\n[]\n", "{\"create\":7}"]
        {
            let error = decode(body, &BulkRequest::default()).unwrap_err();
            assert!(error.message.starts_with("line ") && error.message.contains("must be an action"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(body in proptest::collection::vec(any::<u8>(), 0..100), text in r#"(\{"(index|create|x)":\{\}\}\n[{}":,a0\[\]]{0,9}\n){0,3}"#) {
            let _ = bulk(&body, &BulkRequest::default(), &IngestOptions::default(), NOW);
            if let Ok(bulk) = decode(&text, &BulkRequest::default()) {
                prop_assert_eq!(bulk.items.iter().filter(|i| i.error.is_none()).count(), bulk.incoming.batch.line_count());
            }
        }
    }
}
