//! [`Event`]: one line, as a stage sees it.

use gantry_model::{LabelSet, LogBatch, LogRow, TenantId, Timestamp, metadata};
use std::borrow::Cow;

/// A line and whose it is. Text that no stage touched is still that of the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    pub at: Timestamp,
    pub body: Cow<'a, str>,
    pub labels: LabelSet,
    pub metadata: Metadata<'a>,
    pub tenant: TenantId,
}

impl<'a> Event<'a> {
    pub(crate) fn of(batch: &'a LogBatch, row: &LogRow, labels: &LabelSet, tenant: &TenantId) -> Self {
        Event {
            at: row.timestamp,
            body: Cow::Borrowed(batch.body(row)),
            labels: labels.clone(),
            metadata: Metadata::Encoded(batch.metadata(row)),
            tenant: tenant.clone(),
        }
    }

    /// Bytes of body and metadata.
    pub fn size(&self) -> u64 {
        (self.body.len() + self.metadata.size()) as u64
    }

    /// The value of structured metadata `name`, else of the label.
    pub(crate) fn field(&self, name: &str) -> Option<Cow<'_, str>> {
        self.metadata.get(name).or_else(|| self.labels.get(name).map(Cow::Borrowed))
    }
}

/// Structured metadata, decoded only when a stage changes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metadata<'a> {
    /// As [`metadata::encode`] wrote it.
    Encoded(&'a str),
    Pairs(Vec<(String, String)>),
}

impl Metadata<'_> {
    pub fn iter(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        let (encoded, pairs) = match self {
            Metadata::Encoded(text) => (metadata::iter(text), &[][..]),
            Metadata::Pairs(pairs) => (metadata::iter(""), &pairs[..]),
        };
        encoded.chain(pairs.iter().map(|(name, value)| (Cow::Borrowed(&**name), Cow::Borrowed(&**value))))
    }

    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    fn size(&self) -> usize {
        match self {
            Metadata::Encoded(text) => text.len(),
            Metadata::Pairs(pairs) => pairs.iter().map(|(name, value)| name.len() + value.len()).sum(),
        }
    }
}
