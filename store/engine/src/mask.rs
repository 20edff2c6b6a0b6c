//! [`Mask`]: lines that are stored and must not be seen any more, because they were deleted or are past their retention.
//!
//! A mask belongs to one source of lines - a memtable or a split - since a delete request means only the lines that were
//! written before it. Queries put it over what they read, compaction leaves out what it hides. Start with
//! [`Mask::of_stream`]: nearly always there is nothing to hide, and then reading costs nothing more.

use crate::deletes::Pending;
use crate::expiry::TenantExpiry;
use gantry_model::{LabelSet, Timestamp};
use std::sync::Arc;

/// What one source hides.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    deletes: Vec<Arc<Pending>>,
    expiry: Option<Expiry>,
}

/// Rules by stream, at one moment.
#[derive(Clone, Debug)]
struct Expiry {
    rules: Arc<TenantExpiry>,
    now: Timestamp,
}

/// What one source hides of one stream: at least one of its lines may be hidden.
#[derive(Clone, Debug)]
pub struct StreamMask {
    /// Lines before this instant are hidden.
    cutoff: Timestamp,
    deletes: Vec<Arc<Pending>>,
}

impl Mask {
    /// The requests among `pending` that concern a source written after request number `through`.
    pub(crate) fn deletes(pending: &[Arc<Pending>], through: u64) -> Self {
        Mask { deletes: pending.iter().filter(|delete| delete.number > through).cloned().collect(), expiry: None }
    }

    /// Hides what is past its retention, too.
    #[must_use]
    pub(crate) fn and_expired(mut self, rules: &Arc<TenantExpiry>, now: Timestamp) -> Self {
        self.expiry = rules.has_streams().then(|| Expiry { rules: rules.clone(), now });
        self
    }

    /// What is hidden of a stream; `None` when all its lines are shown.
    pub fn of_stream(&self, labels: &LabelSet) -> Option<StreamMask> {
        if self.deletes.is_empty() && self.expiry.is_none() {
            return None;
        }
        let cutoff = self.expiry.as_ref().map_or(Timestamp::MIN, |expiry| expiry.rules.cutoff(labels, expiry.now));
        let deletes: Vec<_> = self.deletes.iter().filter(|delete| delete.selector.matches(labels)).cloned().collect();
        (cutoff > Timestamp::MIN || !deletes.is_empty()).then_some(StreamMask { cutoff, deletes })
    }
}

impl StreamMask {
    /// Whether some line between `min` and `max`, both inclusive, may be hidden.
    pub fn touches(&self, min: Timestamp, max: Timestamp) -> bool {
        min < self.cutoff || self.deletes.iter().any(|delete| delete.range.overlaps_closed(min, max))
    }

    /// Whether every line between `min` and `max`, both inclusive, is hidden for sure.
    pub fn hides_all(&self, min: Timestamp, max: Timestamp) -> bool {
        let whole = |delete: &Arc<Pending>| delete.lines.is_empty() && delete.range.covers_closed(min, max);
        max < self.cutoff || self.deletes.iter().any(whole)
    }

    /// Whether [`StreamMask::hides`] looks at the bodies of lines between `min` and `max`.
    pub fn needs_body(&self, min: Timestamp, max: Timestamp) -> bool {
        self.deletes.iter().any(|delete| !delete.lines.is_empty() && delete.range.overlaps_closed(min, max))
    }

    /// Whether a line is hidden.
    pub fn hides(&self, at: Timestamp, body: &str) -> bool {
        let meant =
            |delete: &Arc<Pending>| delete.range.contains(at) && delete.lines.iter().all(|line| line.matches(body));
        at < self.cutoff || self.deletes.iter().any(meant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_model::{LineFilter, Selector, TimeRange};

    fn pending(number: u64, lines: Vec<LineFilter>, range: (i64, i64)) -> Arc<Pending> {
        let range = TimeRange::new(Timestamp(range.0), Timestamp(range.1));
        Arc::new(Pending { number, selector: Selector::all(), lines, range, created_at: Timestamp(0) })
    }

    fn labels() -> LabelSet {
        LabelSet::from_pairs([("app", "a")])
    }

    #[test]
    fn only_requests_newer_than_the_source_count() {
        let all = [pending(3, Vec::new(), (0, 10)), pending(5, Vec::new(), (20, 30))];
        assert!(Mask::deletes(&all, 5).of_stream(&labels()).is_none());
        let mask = Mask::deletes(&all, 3).of_stream(&labels()).unwrap();
        assert!(mask.hides(Timestamp(20), "") && !mask.hides(Timestamp(5), "") && !mask.hides(Timestamp(30), ""));
    }

    #[test]
    fn a_filter_needs_bodies_and_never_hides_all_for_sure() {
        let mask = Mask::deletes(&[pending(1, vec![LineFilter::contains("x")], (0, 10))], 0);
        let mask = mask.of_stream(&labels()).unwrap();
        assert!(mask.needs_body(Timestamp(9), Timestamp(12)) && !mask.needs_body(Timestamp(10), Timestamp(12)));
        assert!(!mask.hides_all(Timestamp(1), Timestamp(2)));
        assert!(mask.hides(Timestamp(1), "axb") && !mask.hides(Timestamp(1), "ab"));
    }
}
