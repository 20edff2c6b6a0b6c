//! Lines of the input to events.

use chrono::DateTime;
use gantry_model::{LabelSet, TenantId, Timestamp};
use gantry_transform::{Event, Metadata};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What lines are that do not say it themselves.
#[derive(Debug)]
pub(super) struct Lines {
    pub tenant: TenantId,
    pub labels: Vec<(String, String)>,
    /// No line is a whole event.
    pub raw: bool,
    pub now: Timestamp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    message: String,
    timestamp: Option<DateTime<chrono::FixedOffset>>,
    labels: Option<LabelSet>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

impl Lines {
    pub fn event<'a>(&self, line: &'a str) -> Event<'a> {
        let whole = if self.raw { None } else { serde_json::from_str::<Whole>(line).ok() };
        let labels = || LabelSet::from_pairs(self.labels.iter().map(|(name, value)| (name, value)));
        let Some(whole) = whole else {
            let (body, metadata) = (Cow::Borrowed(line), Metadata::Encoded(""));
            return Event { at: self.now, body, labels: labels(), metadata, tenant: self.tenant.clone() };
        };
        let at = whole.timestamp.and_then(|at| at.timestamp_nanos_opt());
        Event {
            at: at.map_or(self.now, Timestamp),
            body: Cow::Owned(whole.message),
            labels: whole.labels.unwrap_or_else(labels),
            metadata: Metadata::Pairs(whole.metadata.into_iter().collect()),
            tenant: self.tenant.clone(),
        }
    }
}
