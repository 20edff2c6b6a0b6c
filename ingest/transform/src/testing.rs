//! Lines for tests.

use crate::event::{Event, Metadata};
use gantry_model::{LabelSet, TenantId, Timestamp};
use std::borrow::Cow;

/// 2024-05-14T10:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_715_680_800);

pub(crate) fn event(body: &str) -> Event<'_> {
    Event {
        at: NOW,
        body: Cow::Borrowed(body),
        labels: LabelSet::from_pairs([("app", "web")]),
        metadata: Metadata::Encoded(""),
        tenant: TenantId::default_tenant(),
    }
}
